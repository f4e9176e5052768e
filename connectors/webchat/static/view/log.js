// The scrolling log. Keeps the rows that have not changed, and the place where the customer reads.

/** @import {ChatState, Entry} from "../client/protocol" */
/** @import {Context} from "./context.js" */
import { h, icon, iconButton } from "./dom.js";
import { messageRow, replyRow, streamRow, suggestions, typingRow, waitingRow } from "./rows.js";

/** @typedef {{key: string, parts: unknown[], make: () => HTMLElement}} Row */

const GROUP_S = 300;
const NEAR_END_PX = 60;

/** @param {Entry} entry */
const timeOf = ({ message, reply }) => message?.sent_at ?? reply?.created_at ?? 0;

export class Log {
  /** @type {Map<string, {parts: unknown[], element: HTMLElement}>} */
  #shown = new Map();
  #following = true;
  #top = 0;
  #context;
  #say;

  /**
   * @param {Context} context
   * @param {(text: string) => void} say
   */
  constructor(context, say) {
    this.#context = context;
    this.#say = say;
    this.list = h("ol");
    this.scroller = h(
      "div",
      { class: "log", role: "log", "aria-live": "off", "aria-label": context.t("log"), tabindex: 0 },
      this.list,
    );
    this.jump = iconButton("down", context.t("newest"), () => this.toEnd(), { class: "jump", hidden: true });
    this.scroller.addEventListener("scroll", () => this.#look());
    new ResizeObserver(() => this.#follow()).observe(this.list);
  }

  /** Shows the newest. */
  toEnd() {
    this.#following = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** @param {ChatState} state */
  render(state) {
    const rows = this.#rows(state);
    const focused = this.list.matches(":focus-within");
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, { element }] of this.#shown) {
      if (keys.has(key)) continue;
      element.remove();
      this.#shown.delete(key);
    }
    /** @type {Element | null} */
    let cursor = this.list.firstElementChild;
    for (const { key, parts, make } of rows) {
      let shown = this.#shown.get(key);
      if (!shown || shown.parts.some((part, i) => part !== parts[i])) {
        const element = make();
        if (!shown) element.classList.add("new");
        else if (cursor === shown.element) cursor = shown.element.nextElementSibling;
        shown?.element.remove();
        shown = { parts, element };
        this.#shown.set(key, shown);
      }
      if (shown.element === cursor) cursor = cursor.nextElementSibling;
      else this.list.insertBefore(shown.element, cursor);
    }
    for (const bar of this.list.querySelectorAll("progress")) {
      const upload = state.uploads[bar.dataset.key ?? ""];
      bar.hidden = !upload;
      bar.value = upload?.done ?? 0;
    }
    // The focus was on what has gone, such as a message's "Delete".
    if (focused && !this.list.matches(":focus-within")) this.scroller.focus();
  }

  /**
   * @param {ChatState} state
   * @returns {Row[]}
   */
  #rows({ entries, waiting, stream, typing, business }) {
    const context = this.#context;
    const heard = Object.assign({}, ...entries.map(({ reply }) => reply?.transcripts));
    /** @type {Row[]} */
    const rows = [];
    let day = "";
    if (!entries.length && !waiting.length)
      rows.push(this.#welcome(business?.greeting, business?.suggestions ?? []));
    entries.forEach((entry, i) => {
      const { seq, message, reply } = entry;
      const today = context.day(timeOf(entry));
      if (today !== day)
        rows.push({ key: `day ${today}`, parts: [], make: () => h("li", { class: "day" }, today) });
      day = today;
      if (reply)
        rows.push({ key: reply.id, parts: [entry, context.trace], make: () => replyRow(context, reply) });
      if (!message) return;
      const next = entries[i + 1];
      const last = !next?.message || timeOf(next) - timeOf(entry) > GROUP_S;
      const words = (message.attachments ?? [])
        .map(({ id }) => heard[id] ?? "")
        .join(" ")
        .trim();
      rows.push({
        key: message.id,
        parts: [seq, words, last],
        make: () => messageRow(context, message, words, last),
      });
    });
    for (const row of waiting) {
      rows.push({ key: row.id, parts: [row.problem, row.delayed], make: () => waitingRow(context, row) });
    }
    if (stream)
      rows.push({ key: stream.reply, parts: [stream.text], make: () => streamRow(context, stream.text) });
    else if (typing) rows.push({ key: "typing", parts: [], make: () => typingRow(context) });
    const offered = entries.at(-1)?.reply?.suggestions;
    if (offered?.length && !waiting.length && !typing && !stream) {
      rows.push({
        key: `suggestions ${entries.length}`,
        parts: [],
        make: () => h("li", { class: "row" }, suggestions(context, offered, this.#say)),
      });
    }
    return rows;
  }

  /**
   * @param {string | undefined} greeting
   * @param {string[]} offered
   * @returns {Row}
   */
  #welcome(greeting = this.#context.t("greeting"), offered) {
    return {
      key: "welcome",
      parts: [greeting, offered.join("\n")],
      make: () =>
        h(
          "li",
          { class: "welcome" },
          h("span", { class: "mark" }, icon("bell")),
          h("p", { dir: "auto" }, greeting),
          suggestions(this.#context, offered, this.#say),
        ),
    };
  }

  /** Scrolling up ends the following; being near the end begins it. */
  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    const near = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    if (near || scrollTop < this.#top) this.#following = near;
    this.#top = scrollTop;
    this.jump.hidden = near;
  }

  /** Stays at the end, but never pushes the beginning of an answer out of sight. */
  #follow() {
    if (this.#following) {
      const answer = this.list.querySelector(".theirs:not(:has(~ .mine))");
      const top = answer instanceof HTMLElement ? answer.offsetTop - 16 : Infinity;
      this.scroller.scrollTop = Math.max(this.#top, Math.min(this.scroller.scrollHeight, top));
    }
    this.#look();
  }
}
