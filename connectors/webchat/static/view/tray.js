// The files that go with the next message: previews, progress, and second thoughts. Loaded with the
// first of them.

/** @import {ChatState, Draft} from "../client/protocol" */
/** @import {Context} from "./context.js" */
import { h, icon, iconButton, loadStyle } from "./dom.js";
import { FILE, kindOf, previewOf } from "./media.js";

const STYLE = new URL("media.css", import.meta.url);

export class Tray {
  /** @type {Draft[]} */
  drafts = [];
  #context;
  #changed;

  /**
   * @param {Context} context
   * @param {HTMLElement} place
   * @param {() => void} changed called when files have come or gone
   */
  constructor(context, place, changed) {
    this.#context = context;
    this.#changed = changed;
    this.list = h("ul", { class: "tray" });
    place.prepend(this.list);
    loadStyle(place, STYLE);
  }

  /**
   * @param {Iterable<File>} files
   * @returns {string} why not all of them could be added, or ""
   */
  add(files) {
    const { conversation } = this.#context;
    const most = conversation.store.state.limits?.attachments ?? Infinity;
    for (const file of files) {
      if (this.drafts.length >= most) return this.#context.t("tooMany", most);
      const draft = conversation.outgoing.attach(file, file.name);
      this.drafts.push(draft);
      this.list.append(this.#thumbnail(draft));
    }
    return "";
  }

  /** @returns {Draft[]} what can be sent; the tray is empty then */
  take() {
    const { uploads } = this.#context.conversation.store.state;
    const taken = this.drafts.filter(({ key }) => !uploads[key]?.problem);
    this.drafts = [];
    this.list.replaceChildren();
    return taken;
  }

  /**
   * @param {ChatState["uploads"]} uploads
   * @returns {string} why the desk has refused one of them, or ""
   */
  render(uploads) {
    for (const item of this.list.querySelectorAll("li")) {
      const upload = uploads[item.dataset.key ?? ""];
      const bar = /** @type {HTMLProgressElement} */ (item.querySelector("progress"));
      bar.value = upload?.done ?? 0;
      bar.hidden = !upload || upload.done === 1 || !!upload.problem;
      item.classList.toggle("failed", !!upload?.problem);
    }
    return this.drafts.map(({ key }) => uploads[key]?.problem).find(Boolean) ?? "";
  }

  /** @param {Draft} draft */
  #thumbnail(draft) {
    const { blob, key, name } = draft;
    const remove = () => {
      this.#context.conversation.outgoing.detach(draft);
      this.drafts = this.drafts.filter((other) => other !== draft);
      item.remove();
      this.#changed();
    };
    const item = h(
      "li",
      { "data-key": key, title: name },
      kindOf(blob.type) === "image"
        ? h("img", { src: previewOf(blob), alt: name })
        : h("span", { class: "name" }, icon(FILE), name),
      h("progress", { max: 1, value: 0, "aria-label": name, hidden: true }),
      iconButton("close", this.#context.t("remove", name), remove),
    );
    return item;
  }
}
