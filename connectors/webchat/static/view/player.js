// Plays a recording or a spoken answer: one button, one slider, the time.

/** @import {Attachment} from "../client/protocol" */
/** @import {Context} from "./context.js" */
import { addressOf } from "./addresses.js";
import { h, icon } from "./dom.js";

const PLAY = "M8 5.5v13l10-6.5z";
const PAUSE = "M8.5 6v12M15.5 6v12";

/** Only one is heard at a time. @type {HTMLAudioElement | undefined} */
let playing;

/** @param {number} seconds */
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/**
 * @param {Context} context
 * @param {Attachment[]} formats of one recording, best first
 * @param {boolean} autoplay as far as the browser allows it
 */
export function player(context, formats, autoplay) {
  const audio = h("audio", { preload: "none" });
  const chosen = formats.find(({ media_type }) => audio.canPlayType(media_type)) ?? formats[0];
  // Recordings that a browser made do not know their own length.
  const length = () => (Number.isFinite(audio.duration) ? audio.duration : (chosen.duration_s ?? 0));
  const button = h("button", { type: "button", class: "icon", onclick: () => toggle() });
  const slider = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: "any",
    value: 0,
    "aria-label": context.t("position"),
  });
  const time = h("span", { class: "meta" });

  const show = () => {
    const label = context.t(audio.paused ? "play" : "pause");
    if (button.title !== label) {
      button.replaceChildren(icon(audio.paused ? PLAY : PAUSE));
      button.setAttribute("aria-label", label);
      button.title = label;
    }
    slider.value = String(length() && audio.currentTime / length());
    slider.style.setProperty("--done", `${Number(slider.value) * 100}%`);
    slider.setAttribute("aria-valuetext", clock(audio.currentTime));
    time.textContent = clock(audio.paused && !audio.currentTime ? length() : audio.currentTime);
  };
  const toggle = async () => {
    if (!audio.paused) return audio.pause();
    playing?.pause();
    playing = audio;
    try {
      if (!audio.src || audio.error) audio.src = await addressOf(context.conversation, chosen, !!audio.error);
      await audio.play();
    } catch {
      // The browser wants a gesture first, or the desk is out of reach: the button stays a "play".
      show();
    }
  };
  for (const event of ["play", "pause", "ended", "timeupdate", "durationchange"])
    audio.addEventListener(event, show);
  slider.addEventListener("input", () => {
    audio.currentTime = Number(slider.value) * length();
  });
  show();
  addressOf(context.conversation, chosen);
  if (autoplay) toggle();
  return h("div", { class: "player" }, button, slider, time, audio);
}
