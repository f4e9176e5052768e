// The window of the chat: header, log and composer, and how the keyboard moves in it.

/** @import {ChatState, Reply} from "../client/protocol" */
/** @import {Context} from "./context.js" */
import { Composer } from "./composer.js";
import { h, icon, iconButton } from "./dom.js";
import { Log } from "./log.js";
import { markdown } from "./markdown.js";

const PHONE = "M7 4l3 5-2 2a12 12 0 0 0 5 5l2-2 5 3c0 2-2 4-4 4C9 20 4 15 3 8c0-2 2-4 4-4z";

/**
 * @typedef {object} Wishes
 * @property {() => void} close
 * @property {(on: boolean) => void} sound the customer wants to hear new messages
 */

export class Panel {
  #context;

  /**
   * @param {Context} context
   * @param {Wishes} wishes
   * @param {boolean} sound
   */
  constructor(context, wishes, sound) {
    this.#context = context;
    this.sound = sound;
    const { t } = context;
    this.composer = new Composer(context, () => this.log.toEnd());
    this.log = new Log(context, (text) => {
      context.conversation.outgoing.say(text);
      this.composer.text.focus();
      this.log.toEnd();
    });
    this.name = h("h2", { id: "name" }, t("title"));
    this.status = h("p", { class: "status", role: "status" });
    this.spoken = h("p", { class: "unseen", role: "status" });
    const soundButton = iconButton(
      sound ? "sound" : "mute",
      t("sound"),
      () => {
        this.sound = !this.sound;
        soundButton.replaceChildren(icon(this.sound ? "sound" : "mute"));
        soundButton.setAttribute("aria-pressed", String(this.sound));
        wishes.sound(this.sound);
      },
      { "aria-pressed": sound },
    );
    this.call = iconButton(PHONE, t("call"), () => this.#call(), { hidden: true });
    this.element = h(
      "section",
      { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "name", hidden: true },
      h(
        "header",
        {},
        h("span", { class: "mark" }, icon("bell")),
        h("div", {}, this.name, this.status),
        this.call,
        soundButton,
        iconButton("close", t("close"), wishes.close, { class: "icon close" }),
      ),
      h("div", { class: "middle" }, this.log.scroller, this.log.jump),
      this.composer.element,
      this.spoken,
    );
    this.element.addEventListener("keydown", ({ key }) => key === "Escape" && wishes.close());
    const drag = async () => (await import("./drop.js")).acceptDrops(this.element, this.composer, t("drop"));
    this.element.addEventListener("dragenter", drag, { once: true });
  }

  /** @param {boolean} open */
  show(open) {
    this.element.hidden = !open;
    if (!open) return;
    const covers = getComputedStyle(this.element).position === "fixed";
    this.element.setAttribute("aria-modal", String(covers));
    if (covers) import("./phone.js").then(({ cover }) => cover(this.element));
    this.composer.fit();
    this.log.toEnd();
  }

  /** @param {ChatState} state */
  render(state) {
    const { t } = this.#context;
    const { business, connection } = state;
    this.name.textContent = business?.name ?? t("title");
    const offline = connection === "connecting" && (business || !navigator.onLine);
    const words = {
      idle: "",
      connecting: t(offline ? "offline" : "connecting"),
      open: t("online"),
      refused: state.notice || t("refused"),
    }[connection];
    if (this.status.textContent !== words) this.status.textContent = words;
    this.element.dataset.connection = offline ? "offline" : connection;
    const problem = state.waiting.map(({ problem, delayed }) => problem ?? delayed).find(Boolean);
    if (problem && problem !== this.spoken.textContent) this.spoken.textContent = problem;
    this.call.hidden = !state.calls;
    this.log.render(state);
    this.composer.render(state);
  }

  async #call() {
    const { startCall } = await import("../call/call.js");
    await startCall(this.#context, this.element, this.call);
  }

  /**
   * Tells a screen reader of a finished reply, once; its pieces are silent.
   * @param {Reply} reply
   */
  announce({ text, locale }) {
    this.spoken.lang = locale;
    this.spoken.replaceChildren(markdown(text, this.#context.conversation.server).textContent ?? "");
  }
}
