// A call to the desk beside the chat: how it begins and ends, and its bar above the log. Loaded with
// the first call.

/** @import {Answer, Caption, CallEnded} from "../client/protocol" */
/** @import {Context} from "../view/context.js" */
import { loadStyle } from "../view/dom.js";
import { CallBar } from "./bar.js";
import { overWebRtc } from "./webrtc.js";
import en from "./texts/en.js";

const STYLE = new URL("call.css", import.meta.url);
const LAZY = ["ar", "de", "es", "zh"];
const TICK_MS = 1_000;
const MEASURED_EVERY = 2;
const MICROPHONE_KEY = "frontdesk microphone";
const SPEAKER_KEY = "frontdesk speaker";

/** @typedef {"good" | "fair" | "poor"} Quality */
/** @typedef {CallEnded["reason"]} Reason */

/**
 * What carries the sound, once it does.
 * @typedef {object} Sound
 * @property {string} call the desk's name for the call
 * @property {(stream: MediaStream) => Promise<unknown>} replace another microphone
 * @property {(device: string) => Promise<unknown>} hearOn another loudspeaker
 * @property {() => Promise<Quality>} quality
 * @property {() => void} close
 */

/**
 * What the sound needs.
 * @typedef {object} Talk
 * @property {MediaStream} stream of the microphone
 * @property {RTCIceServer[]} iceServers
 * @property {string} server
 * @property {string} speaker
 * @property {(fields: {sdp?: string}) => Promise<Answer>} ask asks the desk to take the call
 * @property {(reason: Reason) => void} ended
 * @property {(on: boolean) => void} returning the connection is lost, and tried again
 */

/** @type {Call | undefined} */
let current;

/**
 * @param {Context} context
 * @param {HTMLElement} panel
 * @param {HTMLElement} button
 */
export async function startCall(context, panel, button) {
  if (current) return current.bar.focus();
  const language = context.locale.split("-")[0];
  const [texts] = await Promise.all([
    LAZY.includes(language) ? import(`./texts/${language}.js`).then((module) => module.default) : en,
    loadStyle(panel, STYLE),
  ]);
  current = new Call(context, panel, texts);
  await current.run();
  current = undefined;
  button.focus();
}

class Call {
  /** @type {MediaStream | undefined} */
  #stream;
  /** @type {Sound | undefined} */
  #sound;
  #context;
  #panel;
  /** @type {(reason: Reason | "failed" | "noMicrophone") => void} */
  #end = () => {};
  /** @type {Promise<Reason | "failed" | "noMicrophone">} */
  #ended = new Promise((resolve) => (this.#end = resolve));

  /**
   * @param {Context} context
   * @param {HTMLElement} panel
   * @param {typeof en} texts
   */
  constructor(context, panel, texts) {
    this.#context = context;
    this.#panel = panel;
    this.bar = new CallBar(texts, context.conversation.store.state.business?.name ?? "", {
      hangUp: () => this.#end("caller"),
      mute: (muted) => this.#stream?.getTracks().forEach((track) => (track.enabled = !muted)),
      microphone: (device) => this.#listenOn(device),
      speaker: (device) => {
        localStorage.setItem(SPEAKER_KEY, device);
        return this.#sound?.hearOn(device);
      },
    });
  }

  /** Until the call is over, and what became of it has been read. */
  async run() {
    const { conversation } = this.#context;
    const leaving = new AbortController();
    const { signal } = leaving;
    this.#panel.querySelector("header")?.after(this.bar.element);
    this.bar.focus();
    conversation.addEventListener(
      "caption",
      (event) => {
        const { detail } = /** @type {CustomEvent<Caption>} */ (event);
        if (detail.call === this.#sound?.call) this.bar.caption(detail);
      },
      { signal },
    );
    conversation.addEventListener(
      "call_ended",
      (event) => {
        const { detail } = /** @type {CustomEvent<CallEnded>} */ (event);
        if (detail.call === this.#sound?.call) this.#end(detail.reason);
      },
      { signal },
    );
    addEventListener("pagehide", () => this.#end("caller"), { signal });
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#listDevices(), { signal });
    const ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#begin();
    const reason = await this.#ended;
    clearInterval(ticker);
    leaving.abort();
    if (this.#sound && reason === "caller") conversation.tell({ type: "hang_up", call: this.#sound.call });
    this.#sound?.close();
    this.#stream?.getTracks().forEach((track) => track.stop());
    await this.bar.over(reason === "noMicrophone" ? this.#context.t(reason) : this.bar.endText(reason));
  }

  async #begin() {
    try {
      this.#stream = await microphone(localStorage.getItem(MICROPHONE_KEY));
    } catch {
      return this.#end("noMicrophone");
    }
    try {
      this.#sound = await this.#connect(this.#stream);
      this.bar.talking();
      await this.#listDevices();
    } catch (error) {
      const told = error instanceof Error && "code" in error ? error.message : "";
      this.bar.problem = told;
      this.#end("failed");
    }
  }

  /** @param {MediaStream} stream */
  async #connect(stream) {
    const { conversation } = this.#context;
    /** @type {Talk} */
    const talk = {
      stream,
      iceServers: conversation.store.state.calls?.iceServers ?? [],
      server: conversation.server,
      speaker: localStorage.getItem(SPEAKER_KEY) ?? "",
      ask: (fields) => {
        const id = `c_${crypto.getRandomValues(new Uint32Array(2)).join("_")}`;
        return conversation.requests.ask(id, { type: "call", id, ...fields });
      },
      ended: (reason) => this.#end(reason),
      returning: (on) => this.bar.returning(on),
    };
    return (await overWebRtc(talk)) ?? (await (await import("./pcm.js")).overWebSocket(talk));
  }

  /** @param {string} device */
  async #listenOn(device) {
    const fresh = await microphone(device);
    localStorage.setItem(MICROPHONE_KEY, device);
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = fresh;
    fresh.getTracks().forEach((track) => (track.enabled = !this.bar.muted));
    await this.#sound?.replace(fresh);
  }

  async #listDevices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    const used = this.#stream?.getAudioTracks()[0]?.getSettings().deviceId ?? "";
    this.bar.devices(all, used, localStorage.getItem(SPEAKER_KEY) ?? "default");
  }

  #ticks = 0;

  async #tick() {
    // The chat was taken off the page.
    if (!this.bar.element.isConnected) return this.#end("caller");
    this.bar.tick();
    if (this.#sound && ++this.#ticks % MEASURED_EVERY === 0) this.bar.quality(await this.#sound.quality());
  }
}

/** @param {string | null} device the one of last time may not be there any more */
function microphone(device) {
  const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return navigator.mediaDevices.getUserMedia({
    audio: device ? { ...wanted, deviceId: { ideal: device } } : wanted,
  });
}
