// Where the customer writes: text, files, photos, voice notes.

/** @import {ChatState} from "../client/protocol" */
/** @import {Context} from "./context.js" */
/** @import {Tray} from "./tray.js" */
import { h, iconButton } from "./dom.js";

const FILE_TYPES = "image/*,audio/*,video/*,application/pdf";

export class Composer {
  /** @type {Promise<Tray> | undefined} */
  #opening;
  /** @type {Tray | undefined} */
  #tray;
  /** What the desk had said when it was asked last. */
  #told = "";
  #context;
  #said;

  /**
   * @param {Context} context
   * @param {() => void} said called when the customer has sent something
   */
  constructor(context, said) {
    this.#context = context;
    this.#said = said;
    const { t } = context;
    this.text = h("textarea", {
      rows: 1,
      dir: "auto",
      placeholder: t("write"),
      "aria-label": t("write"),
      enterkeyhint: "send",
      oninput: () => {
        this.#written();
        context.conversation.type();
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
      onpaste: (/** @type {ClipboardEvent} */ event) => this.#paste(event),
    });
    const files = this.#picker({ multiple: true, accept: FILE_TYPES });
    const camera = this.#picker({ accept: "image/*", capture: "environment" });
    this.mic = iconButton("mic", t("record"), () => this.#record());
    this.send = iconButton("send", t("send"), () => this.#send(), { class: "icon send" });
    this.hint = h("p", { class: "hint", role: "status" });
    this.line = h(
      "div",
      { class: "line" },
      iconButton("attach", t("attach"), () => files.click()),
      // A device without a fine pointer is one that is held, and has its camera at hand.
      matchMedia("(pointer: coarse)").matches && iconButton("camera", t("camera"), () => camera.click()),
      this.text,
      this.mic,
      this.send,
    );
    this.element = h("div", { class: "composer" }, this.hint, this.line, files, camera);
    this.#written();
  }

  /** @param {File[]} files chosen, dropped or pasted */
  async add(files) {
    this.#opening ??= import("./tray.js").then(
      ({ Tray }) => new Tray(this.#context, this.element, () => this.#written()),
    );
    this.#tray = await this.#opening;
    const problem = this.#tray.add(files);
    this.#written();
    this.#hint(problem);
  }

  /** @param {ChatState} state */
  render({ uploads, notice }) {
    const problem = this.#tray?.render(uploads) || notice;
    if (problem !== this.#told) this.#hint(problem);
    this.#told = problem;
  }

  /** The text field is as high as its text. */
  fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  /** @param {string} text */
  #hint(text) {
    this.hint.textContent = text;
  }

  /** @param {Record<string, unknown>} props */
  #picker(props) {
    const input = h("input", {
      type: "file",
      hidden: true,
      ...props,
      onchange: () => {
        this.add([...(input.files ?? [])]);
        input.value = "";
      },
    });
    return input;
  }

  #written() {
    const { limits } = this.#context.conversation.store.state;
    const written = this.text.value.trim();
    const over = [...written].length - (limits?.text_chars ?? Infinity);
    const something = !!written || !!this.#tray?.drafts.length;
    const canRecord = "MediaRecorder" in globalThis && !!navigator.mediaDevices;
    this.mic.hidden = something || !canRecord;
    this.send.hidden = !something && canRecord;
    this.send.toggleAttribute("disabled", !something || over > 0);
    this.#hint(over > 0 ? this.#context.t("tooLong", over) : "");
    this.fit();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  }

  #send() {
    if (this.send.hasAttribute("disabled")) return;
    const files = this.#tray?.take();
    const text = this.text.value.trim();
    this.text.value = "";
    this.#written();
    this.text.focus();
    if (!text && !files?.length) return;
    this.#context.conversation.outgoing.say(text, files);
    this.#said();
  }

  async #record() {
    const { conversation, t } = this.#context;
    this.#hint("");
    try {
      const { record } = await import("./recorder.js");
      const hide = (/** @type {boolean} */ hidden) => (this.line.hidden = hidden);
      const recording = await record(this.#context, this.element, hide).finally(() => hide(false));
      if (recording) {
        const draft = conversation.outgoing.attach(recording.blob, recording.name);
        conversation.outgoing.say("", [{ ...draft, duration_s: recording.duration_s }]);
        this.#said();
      }
    } catch (error) {
      // What is not the browser's refusal is a part of the widget that could not be loaded.
      this.#hint(t(error instanceof DOMException ? "noMicrophone" : "offline"));
    }
    this.mic.focus();
  }
}
