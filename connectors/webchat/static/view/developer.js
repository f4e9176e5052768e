// The developer's drawer: how an answer came about. Loaded only where the desk allows it, when it is
// first asked for; its words are English, as those of the logs.

/** @import {Conversation} from "../client/conversation.js" */
import { h, iconButton } from "./dom.js";

const HERE = new URL(".", import.meta.url);
/** The order in which a turn happens; other facts follow. */
const ORDER = ["messages", "perceived", "understanding", "recognised", "attribution", "search", "decision"];
const MOST_SHOWN = 6;

/** @typedef {Record<string, unknown>} Facts */

/**
 * @param {HTMLElement} panel is covered by the drawer
 * @param {Conversation} conversation
 * @param {string} turn
 */
export async function showTrace(panel, conversation, turn) {
  const before = /** @type {ShadowRoot} */ (panel.getRootNode()).activeElement;
  const close = () => {
    drawer.remove();
    if (before instanceof HTMLElement) before.focus();
  };
  const closeOnEscape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  const closer = iconButton("close", "Close the trace", close);
  const body = h("div", { class: "facts", tabindex: 0 }, h("p", {}, "…"));
  const drawer = h(
    "section",
    {
      class: "drawer",
      lang: "en",
      dir: "ltr",
      "aria-label": "How this answer was made",
      onkeydown: closeOnEscape,
    },
    h("link", { rel: "stylesheet", href: new URL("developer.css", HERE).href }),
    h(
      "header",
      {},
      h("div", {}, h("h2", {}, "How this answer was made"), h("p", { class: "meta" }, `Turn ${turn}`)),
      closer,
    ),
    body,
  );
  panel.querySelector(".drawer")?.remove();
  panel.append(drawer);
  closer.focus();
  try {
    const trace = await conversation.trace(turn);
    body.replaceChildren(
      ...(trace ? sections(trace) : [h("p", {}, "The desk has no trace of this turn any more.")]),
    );
  } catch (error) {
    body.replaceChildren(
      h("p", {}, error instanceof Error && error.message ? error.message : "The connection was lost."),
    );
  }
}

/** @param {Facts} trace */
function sections({ milliseconds, ...facts }) {
  const names = [
    ...ORDER.filter((name) => name in facts),
    ...Object.keys(facts).filter((name) => !ORDER.includes(name)),
  ];
  const simple = names.filter((name) => !isNested(facts[name]));
  return [
    isFacts(milliseconds) && timeline(milliseconds),
    ...names
      .filter((name) => isNested(facts[name]))
      .map((name) => section(name, name === "attribution" ? attribution(facts[name]) : value(facts[name]))),
    section("turn", value(Object.fromEntries(simple.map((name) => [name, facts[name]])))),
  ].filter((part) => part !== false);
}

/**
 * @param {string} name
 * @param {Node} content
 */
const section = (name, content) => h("section", {}, h("h3", {}, words(name)), content);

/** @param {Facts} milliseconds */
function timeline({ total, ...steps }) {
  const whole = Number(total) || Math.max(...Object.values(steps).map(Number), 1);
  const rows = Object.entries(steps).map(([name, ms]) => {
    const bar = h("i");
    bar.style.width = `${(100 * Number(ms)) / whole}%`;
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, words(name)),
      h("td", {}, bar),
      h("td", {}, Number(ms).toFixed(1)),
    );
  });
  return section(`${whole.toFixed(1)} milliseconds`, h("table", { class: "times" }, h("tbody", {}, ...rows)));
}

/** @typedef {{ name: string, value: number }} Share */
/** @typedef {{ line: { text: string }, value: number }} LineShare */
/**
 * What spoke for the intent and what against it: a bar for each modality, the words, the lines.
 * @param {unknown} fact
 */
function attribution(fact) {
  const {
    intent,
    probability,
    modalities,
    words: said,
    lines,
  } = /** @type {{ intent: string, probability: number, modalities: Share[], words: Share[], lines: LineShare[] }} */ (
    fact
  );
  const strongest = Math.max(...[...said, ...lines].map((one) => Math.abs(one.value)), 0.01);
  const mark = (/** @type {string} */ text, /** @type {number} */ share) => {
    const told = h("mark", { class: share < 0 ? "against" : "for", title: signed(share) }, text);
    told.style.setProperty("--share", `${Math.round((60 * Math.abs(share)) / strongest)}%`);
    return told;
  };
  const rows = modalities.map(({ name, value: share }) => {
    const bar = h("i", { class: share < 0 ? "against" : "for" });
    bar.style.width = `${100 * Math.min(Math.abs(share), 1)}%`;
    return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, bar), h("td", {}, signed(share)));
  });
  return h(
    "div",
    {},
    h("p", {}, `${words(intent)} ${probability.toFixed(2)}, because of`),
    h("table", { class: "times" }, h("tbody", {}, ...rows)),
    said.length > 0 && h("p", { dir: "auto" }, ...said.flatMap((one) => [mark(one.name, one.value), " "])),
    lines.length > 0 &&
      h("ol", {}, ...lines.map((one) => h("li", { dir: "auto" }, mark(one.line.text, one.value)))),
  );
}

/** @param {number} share */
const signed = (share) => `${share < 0 ? "−" : "+"}${Math.abs(share).toFixed(2)}`;

/**
 * @param {unknown} fact
 * @returns {Node}
 */
function value(fact) {
  if (Array.isArray(fact)) {
    if (!fact.length) return h("span", { class: "none" }, "none");
    if (!fact.some(isNested)) return h("span", {}, fact.map(scalar).join(", "));
    const rest = fact.length - MOST_SHOWN;
    return h(
      "ol",
      {},
      ...fact.slice(0, MOST_SHOWN).map((one) => h("li", {}, value(one))),
      rest > 0 && h("li", { class: "none" }, `and ${rest} more`),
    );
  }
  if (!isFacts(fact)) return h("span", { dir: "auto" }, scalar(fact));
  const entries = Object.entries(fact);
  if (entries.every(([, one]) => typeof one === "number")) {
    return h("span", {}, entries.map(([name, one]) => `${words(name)} ${scalar(one)}`).join(" · "));
  }
  const told = entries.filter(([, one]) => one !== "" && one !== null);
  return h("dl", {}, ...told.flatMap(([name, one]) => [h("dt", {}, words(name)), h("dd", {}, value(one))]));
}

/** @param {unknown} fact */
function scalar(fact) {
  if (typeof fact === "boolean") return fact ? "yes" : "no";
  if (typeof fact === "number" && fact > 1e9) return new Date(fact * 1000).toLocaleString("en");
  return typeof fact === "number" && !Number.isInteger(fact) ? fact.toFixed(3) : String(fact);
}

/** @param {string} name */
const words = (name) => name.replaceAll("_", " ");

/**
 * @param {unknown} fact
 * @returns {fact is Facts}
 */
const isFacts = (fact) => typeof fact === "object" && fact !== null && !Array.isArray(fact);

/** @param {unknown} fact */
const isNested = (fact) => typeof fact === "object" && fact !== null;
