// Why a turn was recognised as it was, in the developer's drawer: a bar for each modality, the words,
// the lines of a screen, and the customer's pictures with what mattered in them.

/** @import {Conversation} from "../client/conversation.js" */
/** @import {Attachment} from "../client/protocol" */
import { addressOf } from "./addresses.js";
import { h } from "./dom.js";
import { isPicture, loadInto } from "./media.js";

/** Edges as shares of a picture. @typedef {{ left: number, top: number, right: number, bottom: number }} Place */
/** @typedef {{ name: string, value: number }} Share */
/** @typedef {{ line: Place & { text: string }, value: number, picture: string | null, where: string }} LineShare */
/** @typedef {Place & { value: number, where: string }} RegionShare */
/** @typedef {{ attachment: string, regions: RegionShare[] }} Picture */
/**
 * @typedef {object} Attribution
 * @property {string} intent
 * @property {number} probability
 * @property {Share[]} modalities
 * @property {Share[]} words
 * @property {LineShare[]} lines
 * @property {Picture[]} pictures
 */

/** Regions that are told in words. */
const REGIONS = 3;
/** A smaller share is 0.00 in words. */
const LEAST = 0.005;
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/**
 * @param {Attribution} fact
 * @param {Conversation} conversation holds the customer's pictures
 */
export function attribution({ intent, probability, modalities, words, lines, pictures }, conversation) {
  const strength = strengthOf([...words, ...lines, ...pictures.flatMap(({ regions }) => regions)]);
  const rows = modalities.map(({ name, value }) => {
    const bar = h("i", { class: side(value) });
    bar.style.width = `${100 * Math.min(Math.abs(value), 1)}%`;
    return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, bar), h("td", {}, signed(value)));
  });
  const elsewhere = lines.filter(({ picture }) => picture === null);
  return h(
    "div",
    {},
    h("p", {}, `${intent.replaceAll("_", " ")} ${probability.toFixed(2)}, because of`),
    h("table", { class: "times" }, h("tbody", {}, ...rows)),
    words.length > 0 &&
      h("p", { dir: "auto" }, ...words.flatMap((one) => [mark(one.name, one.value, strength), " "])),
    ...pictures.map((picture, at) => {
      const name = pictures.length > 1 ? `picture ${at + 1}` : "the picture";
      const within = lines.filter((line) => line.picture === picture.attachment);
      return shown(picture, within, name, strength, conversation);
    }),
    list(elsewhere, "Lines of documents and films", itemsOf(elsewhere, strength)),
  );
}

/**
 * A picture with a box over each of its lines and a tint over each region, and the list of the lines.
 * The picture stays hidden where the browser cannot show it.
 * @param {Picture} picture
 * @param {LineShare[]} lines those that stand in it
 * @param {string} name which one of several
 * @param {(value: number) => string} strength
 * @param {Conversation} conversation
 */
function shown({ attachment: id, regions }, lines, name, strength, conversation) {
  const items = itemsOf(lines, strength);
  const attachment = attachmentOf(conversation, id);
  const boxes = lines.map(({ line, value, where }, at) => {
    const told = `“${line.text}”, ${where}, ${signed(value)}`;
    const box = h("b", { role: "img", class: side(value), "aria-label": told, title: told });
    if (attachment) pair(box, items[at]);
    return placed(box, line, strength(value));
  });
  const tints = regions.map((region) => {
    const told = `${region.where} ${signed(region.value)}`;
    return placed(h("i", { class: side(region.value), title: told }), region, strength(region.value));
  });
  walkable(boxes);
  const image = h("img", { alt: `What was sent as ${name}` });
  const figure = h(
    "figure",
    { hidden: true },
    h("div", { class: "picture" }, image, ...tints, ...boxes),
    h("figcaption", {}, ...legend(regions, boxes.length > 0)),
  );
  const whole = h("div", { class: "seen" }, figure, list(lines, `Lines of ${name}`, items));
  image.addEventListener("load", () => {
    figure.removeAttribute("hidden");
    // Beside a tall picture is room for its lines.
    whole.classList.toggle("tall", image.naturalHeight > image.naturalWidth);
  });
  if (attachment) loadInto(image, (anew) => addressOf(conversation, attachment, anew));
  return whole;
}

/**
 * @param {LineShare[]} lines
 * @param {(value: number) => string} strength
 */
const itemsOf = (lines, strength) =>
  lines.map(({ line, value }) =>
    h("li", { dir: "auto" }, mark(line.text, value, strength), " ", h("span", {}, signed(value))),
  );

/**
 * @param {LineShare[]} lines
 * @param {string} label
 * @param {HTMLElement[]} items
 */
function list(lines, label, items) {
  walkable(items);
  return lines.length > 0 && h("ol", { class: "lines", "aria-label": label }, ...items);
}

/**
 * @param {RegionShare[]} regions
 * @param {boolean} boxed
 */
function legend(regions, boxed) {
  const telling = regions.filter(({ value }) => Math.abs(value) >= LEAST);
  const best = telling.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, REGIONS);
  const told = best.map(({ where, value }) => `${where} ${signed(value)}`).join(", ");
  return [
    boxed && h("span", {}, h("b", { class: "for" }), "line, for"),
    boxed && h("span", {}, h("b", { class: "against" }), "line, against"),
    told && h("span", {}, h("i", { class: "for" }), "region, for"),
    told && h("span", {}, h("i", { class: "against" }), "region, against"),
    told && h("span", {}, `Regions that mattered: ${told}`),
  ];
}

/**
 * Pointing at one of them, or focusing it, shows both; a click goes to the other.
 * @param {HTMLElement} one
 * @param {HTMLElement} other
 */
function pair(one, other) {
  const both = [one, other];
  const light = () => {
    const on = both.some((each) => each.matches(":hover, :focus"));
    for (const each of both) each.classList.toggle("lit", on);
  };
  both.forEach((each, at) => {
    for (const event of ["pointerenter", "pointerleave", "focus", "blur"])
      each.addEventListener(event, light);
    each.addEventListener("click", () => both[1 - at].focus());
  });
}

/**
 * One stop of the Tab key for all of them; the arrows go from one to the next.
 * @param {HTMLElement[]} elements
 */
function walkable(elements) {
  elements.forEach((element, at) => {
    element.tabIndex = at ? -1 : 0;
    element.addEventListener("focus", () => {
      for (const each of elements) each.tabIndex = each === element ? 0 : -1;
    });
    element.addEventListener("keydown", (event) => {
      const next = elements[at + (STEPS[/** @type {keyof typeof STEPS} */ (event.key)] ?? 0)];
      if (!(event.key in STEPS) || !next) return;
      event.preventDefault();
      next.focus();
    });
  });
}

/**
 * @param {Conversation} conversation
 * @param {string} id
 * @returns {Attachment | undefined} one that browsers show as a picture
 */
const attachmentOf = ({ store }, id) =>
  store.state.entries
    .flatMap(({ message }) => message?.attachments ?? [])
    .find((each) => each.id === id && isPicture(each));

/**
 * @param {HTMLElement} element
 * @param {Place} place
 * @param {string} strength
 */
function placed(element, { left, top, right, bottom }, strength) {
  const edges = { left, top, width: right - left, height: bottom - top };
  for (const [name, share] of Object.entries(edges)) element.style.setProperty(name, `${100 * share}%`);
  element.style.setProperty("--share", strength);
  return element;
}

/**
 * @param {string} text
 * @param {number} value
 * @param {(value: number) => string} strength
 */
function mark(text, value, strength) {
  const told = h("mark", { class: side(value), title: signed(value) }, text);
  told.style.setProperty("--share", strength(value));
  return told;
}

/**
 * How strongly each is to be coloured beside the others.
 * @param {{ value: number }[]} shares
 * @returns {(value: number) => string}
 */
function strengthOf(shares) {
  const strongest = Math.max(...shares.map(({ value }) => Math.abs(value)), 0.01);
  return (value) => `${Math.round((60 * Math.abs(value)) / strongest)}%`;
}

/** What is told as 0.00 speaks against nothing. @param {number} share */
const side = (share) => (share <= -LEAST ? "against" : "for");

/** @param {number} share */
function signed(share) {
  const told = Math.abs(share).toFixed(2);
  return told === "0.00" ? told : `${share < 0 ? "−" : "+"}${told}`;
}
