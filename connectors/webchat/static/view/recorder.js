// A voice note: the microphone, its level while it listens, and the file at the end. Loaded with
// the first one.

/** @import {Context} from "./context.js" */
import { h, iconButton, loadStyle } from "./dom.js";

const BIN = "M5 7h14M9.5 7V4.5h5V7M7 7l.8 12.5h8.4L17 7M10.5 10.5v5.5M13.5 10.5v5.5";
const STYLE = new URL("media.css", import.meta.url);
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const BARS = 32;
const EVERY_MS = 80;
const LONGEST_MS = 10 * 60_000;

/**
 * @typedef {object} Recording
 * @property {Blob} blob
 * @property {string} name
 * @property {number} duration_s
 */

/**
 * Records until the customer sends or discards.
 * @param {Context} context
 * @param {HTMLElement} place shows the recorder meanwhile
 * @param {(recording: boolean) => void} listens called once the microphone is open
 * @returns {Promise<Recording | null>} null: discarded. Rejects if there is no microphone
 */
export async function record(context, place, listens) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: true },
  });
  await loadStyle(place, STYLE);
  const recorder = new MediaRecorder(stream, {
    mimeType: TYPES.find((type) => MediaRecorder.isTypeSupported(type)),
  });
  const audio = new AudioContext();
  /** @type {Blob[]} */
  const pieces = [];
  const began = Date.now();
  let wanted = true;
  /** @param {boolean} send */
  const end = (send) => {
    wanted = send;
    if (recorder.state !== "inactive") recorder.stop();
  };

  const level = levelOf(audio, stream);
  const bars = Array.from({ length: BARS }, () => h("i"));
  const time = h("span", { class: "time", role: "timer" }, "0:00");
  const done = iconButton("send", context.t("sendRecording"), () => end(true), { class: "icon send" });
  const cancelOnEscape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    end(false);
  };
  const face = h(
    "div",
    { class: "recorder", onkeydown: cancelOnEscape },
    iconButton(BIN, context.t("discard"), () => end(false)),
    time,
    h("span", { class: "levels", "aria-hidden": "true" }, ...bars),
    done,
  );
  listens(true);
  place.append(face);
  done.focus();
  const timer = setInterval(() => {
    const ms = Date.now() - began;
    if (ms > LONGEST_MS) end(true);
    time.textContent = `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;
    bars.forEach((bar, i) =>
      bar.style.setProperty("--level", bars[i + 1]?.style.getPropertyValue("--level") || "0"),
    );
    bars[BARS - 1].style.setProperty("--level", level().toFixed(3));
  }, EVERY_MS);

  try {
    await new Promise((resolve, reject) => {
      recorder.ondataavailable = ({ data }) => pieces.push(data);
      recorder.onstop = resolve;
      recorder.onerror = reject;
      recorder.start(1000);
    });
  } finally {
    clearInterval(timer);
    face.remove();
    for (const track of stream.getTracks()) track.stop();
    audio.close();
  }
  if (!wanted) return null;
  const [type] = recorder.mimeType.split(";");
  const blob = new Blob(pieces, { type });
  return {
    blob,
    name: `${context.t("voiceNote")}.${type.split("/")[1]}`,
    duration_s: (Date.now() - began) / 1000,
  };
}

/**
 * @param {AudioContext} audio
 * @param {MediaStream} stream
 * @returns {() => number} how loud it is now, 0 to 1: the root mean square on a scale of 50 dB
 */
function levelOf(audio, stream) {
  const analyser = audio.createAnalyser();
  audio.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return () => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    return Math.max(0, Math.min(1, 1 + (10 * Math.log10(power + 1e-12)) / 50));
  };
}
