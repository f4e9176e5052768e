// Pictures, films, recordings and files in the log. Loaded with the first of them.

/** @import {Attachment} from "../client/protocol" */
/** @import {Context} from "./context.js" */
import { addressOf } from "./addresses.js";
import { h, icon, loadStyle } from "./dom.js";
import { player } from "./player.js";

const STYLE = new URL("media.css", import.meta.url);

/**
 * @param {HTMLElement} place is filled
 * @param {Context} context
 * @param {Attachment[]} attachments
 * @param {boolean} progress while they travel
 */
export async function showMedia(place, context, attachments, progress) {
  await loadStyle(place, STYLE);
  for (const attachment of attachments) {
    place.append(show(context, attachment));
    if (progress) {
      place.append(h("progress", { "data-key": attachment.id, max: 1, "aria-label": attachment.name, hidden: true }));
    }
  }
}

/**
 * @param {HTMLElement} place is filled
 * @param {Context} context
 * @param {Attachment[]} formats of one spoken answer, best first
 * @param {boolean} autoplay
 */
export async function showSpeech(place, context, formats, autoplay) {
  await loadStyle(place, STYLE);
  place.append(player(context, formats, autoplay));
}

/**
 * @param {Context} context
 * @param {Attachment} attachment
 */
function show(context, attachment) {
  const { kind, name = "", media_type } = attachment;
  const { conversation } = context;
  addressOf(conversation, attachment);
  const open = async () => window.open(await addressOf(conversation, attachment), "_blank", "noopener");
  if (kind === "audio") return player(context, [attachment], false);
  if (kind === "file" || /hei[cf]/.test(media_type)) {
    return h("button", { type: "button", class: "file", onclick: open }, icon("file"), name);
  }
  const element = kind === "image" ? h("img", { alt: name }) : h("video", { controls: true, "aria-label": name });
  const load = async (/** @type {boolean} */ anew) => {
    element.src = await addressOf(conversation, attachment, anew);
  };
  element.addEventListener("error", () => load(true), { once: true });
  load(false);
  return kind === "image" ? h("button", { type: "button", onclick: open }, element) : element;
}

/** @type {WeakMap<Blob, string>} */
const previews = new WeakMap();

/**
 * @param {Blob} blob
 * @returns {string} an address within this page
 */
export function previewOf(blob) {
  const url = previews.get(blob) ?? URL.createObjectURL(blob);
  previews.set(blob, url);
  return url;
}

/**
 * @param {string} mediaType
 * @returns {Attachment["kind"]}
 */
export function kindOf(mediaType) {
  const [kind] = mediaType.split("/");
  return kind === "image" || kind === "audio" || kind === "video" ? kind : "file";
}
