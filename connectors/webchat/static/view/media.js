// Pictures, films, recordings and files in the log. Loaded with the first of them.

/** @import {Attachment, Draft} from "../client/protocol" */
/** @import {Context} from "./context.js" */
import { addressOf } from "./addresses.js";
import { h, icon, loadStyle } from "./dom.js";
import { player } from "./player.js";

/** The icon of a file. */
export const FILE = "M6 3.5h8l4 4v13H6zM14 3.5v4h4";
const STYLE = new URL("media.css", import.meta.url);

/**
 * @param {HTMLElement} place is filled
 * @param {Context} context
 * @param {Attachment[]} attachments
 */
export async function showMedia(place, context, attachments) {
  await loadStyle(place, STYLE);
  for (const attachment of attachments) place.append(show(context, attachment));
}

/**
 * @param {HTMLElement} place is filled
 * @param {Context} context
 * @param {Draft[]} drafts of a message that waits, with their progress
 */
export async function showDrafts(place, context, drafts) {
  await loadStyle(place, STYLE);
  for (const { key, name, blob, duration_s } of drafts) {
    const here = { id: key, media_type: blob.type, size_bytes: blob.size, name, duration_s };
    place.append(
      show(context, { ...here, kind: kindOf(blob.type), url: previewOf(blob) }),
      h("progress", { "data-key": key, max: 1, "aria-label": name, hidden: true }),
    );
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
  const address = (anew = false) => addressOf(context.conversation, attachment, anew);
  if (kind === "audio") return player(context, [attachment], false);
  if (kind === "video") {
    const film = h("video", { controls: true, playsinline: true, preload: "metadata", "aria-label": name });
    loadInto(film, address);
    return film;
  }
  const opener = h("a", { target: "_blank", rel: "noopener" });
  const refresh = async () => {
    opener.href = await address();
  };
  // The address may have expired since, and a click cannot wait for another one.
  for (const event of ["pointerenter", "focus"]) opener.addEventListener(event, refresh);
  refresh();
  if (isPicture({ kind, media_type })) {
    const picture = h("img", { alt: name });
    loadInto(picture, address);
    opener.append(picture);
  } else {
    opener.className = "file";
    opener.append(icon(FILE), name);
  }
  return opener;
}

/**
 * Whether browsers show it as a picture.
 * @param {Pick<Attachment, "kind" | "media_type">} attachment
 */
export const isPicture = ({ kind, media_type }) => kind === "image" && !/hei[cf]/.test(media_type);

/**
 * @param {HTMLImageElement | HTMLVideoElement} element
 * @param {(anew: boolean) => Promise<string>} address
 */
export async function loadInto(element, address) {
  const renew = async () => {
    element.src = await address(true);
  };
  element.addEventListener("error", renew, { once: true });
  element.src = await address(false);
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
