// <frontdesk-chat>: wires its attributes to a conversation with the desk and to the view of it.
// See docs/widget.md.

/** @import {Reply} from "./client/protocol" */
import { Conversation } from "./client/conversation.js";
import { Context, textsFor } from "./view/context.js";
import { h, icon, loadStyle } from "./view/dom.js";
import { Panel } from "./view/panel.js";

const HERE = new URL(".", import.meta.url);
const READ_KEY = "frontdesk read";
const SOUND_KEY = "frontdesk sound";

class FrontdeskChat extends HTMLElement {
  static observedAttributes = ["server", "locale", "identity", "open", "position"];

  /** @type {Conversation | undefined} */
  #conversation;
  /** @type {Panel | undefined} */
  #panel;
  #launcher = h("button", {
    type: "button",
    class: "launcher",
    "aria-controls": "panel",
    onclick: () => (this.open = !this.open),
  });
  #badge = h("span", { class: "badge", "aria-hidden": "true" });
  /** @type {Context | undefined} */
  #context;
  /** Ends what belongs to the conversation of before. */
  #life = new AbortController();

  /** A signature of the host site that says who is logged in; "" for a visitor. */
  get identity() {
    return this.getAttribute("identity") ?? "";
  }

  set identity(value) {
    this.setAttribute("identity", value);
  }

  get open() {
    return this.hasAttribute("open") || this.getAttribute("position") === "inline";
  }

  set open(value) {
    this.toggleAttribute("open", value);
  }

  /** @param {string} identity as the property; for an answer to the event `identity-needed` */
  identify(identity) {
    this.identity = identity;
  }

  connectedCallback() {
    this.#build();
  }

  disconnectedCallback() {
    this.#life.abort();
    this.#conversation?.stop();
    this.#conversation = this.#panel = undefined;
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} now
   */
  attributeChangedCallback(name, before, now) {
    if (before === now || !this.shadowRoot) return;
    if (name === "open") this.#openOrClose();
    else if (name === "position") this.#showOpen();
    else this.#change(name === "identity");
  }

  /** @param {boolean} identity alone has changed */
  async #change(identity) {
    // Who was a visitor is not any more: their chat goes at once, before it takes another word.
    const scope = this.#conversation?.scope;
    if (identity && scope && scope === (await this.#scope())) {
      return this.#conversation?.identify(this.identity);
    }
    this.disconnectedCallback();
    await this.#build();
  }

  /** Whose conversation it is; nothing is shown to one customer of another. */
  async #scope() {
    return this.identity && (await import("./client/identity.js")).subjectOf(this.identity);
  }

  async #build() {
    const life = (this.#life = new AbortController());
    const { signal } = life;
    const { identity } = this;
    const locale = this.getAttribute("locale") || document.documentElement.lang || navigator.language;
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.replaceChildren();
    const styled = loadStyle(root, new URL("frontdesk-chat.css", HERE));
    const [texts, scope] = await Promise.all([textsFor(locale), this.#scope(), styled]);
    if (signal.aborted) return;

    const server = new URL(this.getAttribute("server") || "..", HERE).href.replace(/\/$/, "");
    const conversation = new Conversation({ server, locale, scope, identity: identity || undefined });
    const context = new Context(conversation, locale, texts);
    const sound = localStorage.getItem(SOUND_KEY) ?? String(this.hasAttribute("sound"));
    const wishes = {
      close: () => (this.open = false),
      sound: (/** @type {boolean} */ on) => localStorage.setItem(SOUND_KEY, String(on)),
    };
    const panel = new Panel(context, wishes, sound === "true");
    this.#conversation = conversation;
    this.#panel = panel;
    this.#context = context;
    const dir = context.direction;
    root.append(h("div", { class: "frame", dir, lang: locale }, panel.element, this.#launcher));

    conversation.addEventListener("reply", (event) => this.#replied(event), { signal });
    conversation.addEventListener("identity-needed", ({ type }) => this.dispatchEvent(new Event(type)), {
      signal,
    });
    document.addEventListener("visibilitychange", () => this.#count(), { signal });
    const unsubscribe = conversation.store.subscribe((state) => {
      if (state.developer) context.trace ??= (turn) => this.#showTrace(turn);
      panel.render(state);
      this.#count();
    });
    signal.addEventListener("abort", unsubscribe);
    this.#showOpen();
    // Who has not spoken to the desk yet costs it no connection.
    if (this.open || conversation.begun) await conversation.start();
  }

  #openOrClose() {
    const focused = this.matches(":focus-within");
    this.#showOpen();
    if (this.open) this.#panel?.composer.text.focus();
    else if (focused) this.#launcher.focus();
    this.dispatchEvent(new Event(this.open ? "open" : "close"));
  }

  #showOpen() {
    this.#launcher.setAttribute("aria-expanded", String(this.open));
    this.#launcher.replaceChildren(icon(this.open ? "close" : "chat"), this.#badge);
    this.#panel?.show(this.open);
    if (this.open) this.#conversation?.start();
    this.#count();
  }

  /** @param {Event} event of a reply that came just now */
  async #replied(event) {
    const { detail: reply } = /** @type {CustomEvent<Reply>} */ (event);
    const entries = this.#conversation?.store.state.entries ?? [];
    const asked = entries.findLast(({ message }) => message)?.message?.attachments;
    // Only the tab that recorded the question plays the answer: its files are still in this page.
    if (asked?.some(({ kind, url }) => kind === "audio" && url.startsWith("blob:"))) {
      this.#context?.autoplay.add(reply.id);
    }
    if (this.#seen) this.#panel?.announce(reply);
    else if (this.#panel?.sound) (await import("./view/beep.js")).beep();
  }

  /** @param {string} turn */
  async #showTrace(turn) {
    const { showTrace } = await import("./view/developer.js");
    if (this.#panel && this.#conversation) await showTrace(this.#panel.element, this.#conversation, turn);
  }

  get #seen() {
    return this.open && !document.hidden;
  }

  /** Replies that the customer has not seen become a number on the launcher. */
  #count() {
    if (!this.#conversation || !this.#context) return;
    const { entries } = this.#conversation.store.state;
    const key = `${READ_KEY} ${this.#conversation.id}`;
    if (this.#seen && entries.length) localStorage.setItem(key, String(entries.at(-1)?.seq));
    const read = Number(localStorage.getItem(key));
    const unread = entries.filter(({ seq, reply }) => reply && seq > read).length;
    const { t } = this.#context;
    this.#badge.textContent = unread ? String(unread) : "";
    const label = this.open ? t("close") : unread ? t("openUnread", unread) : t("open");
    this.#launcher.setAttribute("aria-label", label);
  }
}

customElements.define("frontdesk-chat", FrontdeskChat);

// With the script alone on the page, the chat adds itself.
if (!document.querySelector("frontdesk-chat")) document.body.append(document.createElement("frontdesk-chat"));
