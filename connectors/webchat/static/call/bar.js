// What a customer sees of a call: its state, what is said, and what they can do.

/** @import {Caption} from "../client/protocol" */
/** @import {Quality, Reason} from "./call.js" */
/** @import en from "./texts/en.js" */
import { h, icon, iconButton } from "../view/dom.js";

const HANG_UP = "M3 14c5-5 13-5 18 0l-2 3-4-1v-3a12 12 0 0 0-6 0v3l-4 1z";
const MUTED =
  "M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3zM6 11.5a6 6 0 0 0 12 0M12 17.5V21M4 4l16 16";
const DEVICES = "M4 8h10M18 8h2M4 16h2M10 16h10M14 5.5v5h4v-5zM6 13.5v5h4v-5z";
const OVER_MS = 4_000;

/**
 * @typedef {object} Wishes
 * @property {() => void} hangUp
 * @property {(muted: boolean) => void} mute
 * @property {(device: string) => unknown} microphone
 * @property {(device: string) => unknown} speaker
 */

export class CallBar {
  muted = false;
  /** The desk's own words for what went wrong. */
  problem = "";
  #began = 0;
  #texts;
  #name;

  /**
   * @param {typeof en} texts
   * @param {string} name of the business
   * @param {Wishes} wishes
   */
  constructor(texts, name, wishes) {
    this.#texts = texts;
    this.#name = name;
    this.state = h("p", { class: "call-state", role: "status" }, texts.connecting);
    this.time = h("span", { class: "call-time", role: "timer" });
    this.bars = h("span", { class: "call-quality", role: "img", hidden: true }, h("i"), h("i"), h("i"));
    this.mute = iconButton("mic", texts.mute, () => this.#mute(wishes), { "aria-pressed": false });
    this.hangUp = iconButton(HANG_UP, texts.hangUp, wishes.hangUp, { class: "icon hang-up" });
    this.mic = h("select", { onchange: () => wishes.microphone(this.mic.value) });
    this.out = h("select", { onchange: () => wishes.speaker(this.out.value) });
    this.choice = h(
      "div",
      { class: "call-devices", hidden: true },
      h("label", {}, texts.microphone, this.mic),
      h("label", {}, texts.speaker, this.out),
    );
    this.more = iconButton(
      DEVICES,
      texts.devices,
      () => {
        this.choice.hidden = !this.choice.hidden;
        this.more.setAttribute("aria-expanded", String(!this.choice.hidden));
      },
      { "aria-expanded": false },
    );
    this.captions = h("ul", { class: "call-captions", "aria-label": texts.captions });
    this.element = h(
      "section",
      { class: "call", "aria-label": texts.region },
      h(
        "div",
        { class: "call-line" },
        h("div", { class: "call-words" }, this.state, this.time, this.bars),
        this.more,
        this.mute,
        this.hangUp,
      ),
      this.choice,
      this.captions,
    );
  }

  focus() {
    this.hangUp.focus();
  }

  talking() {
    this.#began = Date.now();
    this.#say(this.#texts.talking);
    this.quality("good");
    this.tick();
  }

  /** @param {boolean} on */
  returning(on) {
    if (this.#began) this.#say(on ? this.#texts.returning : this.#texts.talking);
  }

  tick() {
    if (!this.#began) return;
    const seconds = Math.floor((Date.now() - this.#began) / 1000);
    this.time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  /** @param {Quality} quality */
  quality(quality) {
    this.bars.hidden = false;
    this.bars.dataset.quality = quality;
    this.bars.setAttribute("aria-label", this.#texts[quality]);
    this.bars.title = this.#texts[quality];
  }

  /** @param {Caption} caption shows the newest of each side */
  caption({ by_caller, text, final }) {
    const side = by_caller ? "caller" : "desk";
    const before = this.captions.querySelector(`[data-side=${side}]`);
    if (!text) return before?.remove();
    const who = by_caller ? this.#texts.you : this.#name;
    const row = h(
      "li",
      { "data-side": side, "data-final": final },
      h("b", {}, who),
      " ",
      h("span", { dir: "auto" }, text),
    );
    if (before && before === this.captions.lastElementChild) before.replaceWith(row);
    else {
      before?.remove();
      this.captions.append(row);
    }
    this.captions.scrollTop = this.captions.scrollHeight;
  }

  /**
   * @param {MediaDeviceInfo[]} all
   * @param {string} microphone the one that is used
   * @param {string} speaker
   */
  devices(all, microphone, speaker) {
    /** @type {(select: HTMLSelectElement, kind: string, used: string) => void} */
    const fill = (select, kind, used) => {
      const found = all.filter((device) => device.kind === kind && device.deviceId);
      select.replaceChildren(
        ...found.map(({ deviceId, label }) =>
          h("option", { value: deviceId, selected: deviceId === used }, label || deviceId),
        ),
      );
      /** @type {HTMLElement} */ (select.parentElement).hidden = !found.length;
    };
    fill(this.mic, "audioinput", microphone);
    const choosable = "setSinkId" in HTMLMediaElement.prototype;
    fill(this.out, choosable ? "audiooutput" : "", speaker);
  }

  /** @param {Reason | "failed"} reason */
  endText(reason) {
    if (reason === "failed") return this.problem || this.#texts.failed;
    if (reason === "refused") return this.#texts.failed;
    return this.#texts[reason === "lost" || reason === "transferred" ? reason : "ended"];
  }

  /**
   * Says how the call ended, and goes.
   * @param {string} text
   */
  async over(text) {
    this.#say(text);
    for (const part of [this.more, this.mute, this.hangUp, this.choice, this.bars]) part.hidden = true;
    await new Promise((resolve) => setTimeout(resolve, OVER_MS));
    this.element.remove();
  }

  /** @param {string} words */
  #say(words) {
    this.state.textContent = words;
  }

  /** @param {Wishes} wishes */
  #mute(wishes) {
    this.muted = !this.muted;
    const { mute, unmute, muted, talking } = this.#texts;
    this.mute.setAttribute("aria-pressed", String(this.muted));
    this.mute.title = this.muted ? unmute : mute;
    this.mute.replaceChildren(icon(this.muted ? MUTED : "mic"));
    if (this.#began) this.#say(this.muted ? muted : talking);
    wishes.mute(this.muted);
  }
}
