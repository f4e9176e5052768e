// Files dragged over the chat and dropped on it. Loaded when the first one comes near.

/** @import {Composer} from "./composer.js" */
import { h, loadStyle } from "./dom.js";

/**
 * @param {HTMLElement} panel
 * @param {Composer} composer takes the files
 * @param {string} words shown while they hover
 */
export async function acceptDrops(panel, composer, words) {
  panel.append(h("p", { class: "drop", "aria-hidden": "true" }, words));
  const over = (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    panel.classList.add("dropping");
  };
  const leave = () => panel.classList.remove("dropping");
  panel.addEventListener("dragenter", over);
  panel.addEventListener("dragover", over);
  panel.addEventListener("dragleave", (event) => {
    if (!panel.contains(/** @type {Node | null} */ (event.relatedTarget))) leave();
  });
  panel.addEventListener("drop", (event) => {
    leave();
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    composer.add([...event.dataTransfer.files]);
  });
  await loadStyle(panel, new URL("media.css", import.meta.url));
}
