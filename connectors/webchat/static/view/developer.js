// The developer's drawer: how an answer came about. Loaded only where the desk allows it, when it is
// first asked for; its words are English, as those of the logs.

/** @import {Conversation} from "../client/conversation.js" */
/** @import {Attribution} from "./attribution.js" */
import { attribution } from "./attribution.js";
import { h, iconButton } from "./dom.js";

const HERE = new URL(".", import.meta.url);
/** The order in which a turn happens; other facts follow. */
const ORDER = [
  "messages",
  "perceived",
  "understanding",
  "recognised",
  "attribution",
  "search",
  "assistant",
  "decision",
];
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
      ...(trace
        ? sections(trace, conversation)
        : [h("p", {}, "The desk has no trace of this turn any more.")]),
    );
  } catch (error) {
    body.replaceChildren(
      h("p", {}, error instanceof Error && error.message ? error.message : "The connection was lost."),
    );
  }
}

/**
 * @param {Facts} trace
 * @param {Conversation} conversation
 */
function sections({ milliseconds, ...facts }, conversation) {
  const names = [
    ...ORDER.filter((name) => name in facts),
    ...Object.keys(facts).filter((name) => !ORDER.includes(name)),
  ];
  const simple = names.filter((name) => !isNested(facts[name]));
  return [
    isFacts(milliseconds) && timeline(milliseconds),
    ...names
      .filter((name) => isNested(facts[name]))
      .map((name) =>
        section(
          name,
          name === "attribution"
            ? attribution(/** @type {Attribution} */ (facts[name]), conversation)
            : value(facts[name]),
        ),
      ),
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
