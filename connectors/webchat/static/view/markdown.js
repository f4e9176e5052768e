// The part of Markdown that replies use, as DOM nodes. Raw HTML stays text; links lead only to
// http, https, mailto, or a place on the desk.

import { h } from "./dom.js";

const FENCE = /^ {0,3}(```|~~~)/;
const HEADING = /^ {0,3}#{1,6}\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^(\s*)([-*+]|(\d{1,9})[.)])\s+/;
const TABLE_RULE = /^\s*\|?(\s*:?-+:?\s*\|)+\s*:?-*:?\s*$/;

/** Alternatives in the order of their precedence; each `m` is one of them. */
const INLINE = new RegExp(
  [
    /\\([!-/:-@[-`{-~])/, // 1 escaped
    /(`+)(.+?)\2(?!`)/, // 2, 3 code
    /!?\[((?:[^\]\\]|\\.)*)\]\(\s*<?((?:[^\s()<>]|\([^\s()]*\))+)>?(?:\s+["'(][^)]*)?\)/, // 4 words, 5 address
    /<((?:https?:\/\/|mailto:)[^\s>]+)>/, // 6
    /(https?:\/\/[^\s<]*[^\s<.,:;!?"')\]*_])/, // 7
    /\*\*(?=\S)(.+?)\*\*/, // 8 strong
    /(?<!\w)__(?=\S)(.+?)__(?!\w)/, // 9 strong
    /\*(?=[^\s*])(.+?)\*/, // 10 emphasis
    /(?<!\w)_(?=[^\s_])(.+?)_(?!\w)/, // 11 emphasis
    /~~(?=\S)(.+?)~~/, // 12 struck out
    /(?: {2,}|\\)?(\n)/, // 13 line break
  ]
    .map(({ source }) => source)
    .join("|"),
  "s",
);

/**
 * @param {string} text
 * @param {string} base what relative links are relative to
 * @returns {DocumentFragment}
 */
export function markdown(text, base) {
  return blocks(text.replace(/\r\n?/g, "\n").split("\n"), base, 0);
}

/**
 * @param {string} address
 * @param {string} base
 * @returns {string | null} null where a click must not lead
 */
export function safeLink(address, base) {
  const url = URL.canParse(address, base) ? new URL(address, base) : null;
  return url && ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/**
 * @param {string} address
 * @param {string} base
 * @param {...(Node | string)} content
 */
export function link(address, base, ...content) {
  const href = safeLink(address, base);
  return href ? h("a", { href, target: "_blank", rel: "noopener" }, ...content) : h("span", {}, ...content);
}

/**
 * @param {string[]} lines
 * @param {string} base
 * @param {number} depth
 */
function blocks(lines, base, depth) {
  const out = document.createDocumentFragment();
  if (depth > 8) {
    out.append(lines.join("\n"));
    return out;
  }
  /** @param {(line: string) => boolean} belongs */
  const take = (belongs) => {
    const end = lines.findIndex((line) => !belongs(line));
    return lines.splice(0, end < 0 ? lines.length : end);
  };
  while (lines.length) {
    const line = lines[0];
    const fence = FENCE.exec(line)?.[1];
    const item = ITEM.exec(line);
    if (!line.trim()) lines.shift();
    else if (fence) {
      lines.shift();
      const code = take((next) => !next.trim().startsWith(fence));
      lines.shift();
      out.append(h("pre", { tabindex: 0, dir: "ltr" }, h("code", {}, code.join("\n"))));
    } else if (HEADING.test(line)) {
      const words = HEADING.exec(/** @type {string} */ (lines.shift()))?.[1] ?? "";
      out.append(h("p", {}, h("strong", {}, inline(words, base))));
    } else if (RULE.test(line)) {
      lines.shift();
      out.append(h("hr"));
    } else if (QUOTE.test(line)) {
      const quoted = take((next) => QUOTE.test(next)).map((next) => next.replace(QUOTE, ""));
      out.append(h("blockquote", {}, blocks(quoted, base, depth + 1)));
    } else if (item) out.append(list(take, item, base, depth));
    else if (line.includes("|") && TABLE_RULE.test(lines[1] ?? "")) {
      out.append(
        table(
          take((next) => next.includes("|")),
          base,
        ),
      );
    } else {
      const words = [/** @type {string} */ (lines.shift())];
      words.push(
        ...take(
          (next) => !!next.trim() && ![FENCE, HEADING, QUOTE, ITEM, RULE].some((rule) => rule.test(next)),
        ),
      );
      out.append(h("p", {}, inline(words.map((word) => word.trimStart()).join("\n"), base)));
    }
  }
  return out;
}

/**
 * @param {(belongs: (line: string) => boolean) => string[]} take
 * @param {RegExpExecArray} first
 * @param {string} base
 * @param {number} depth
 */
function list(take, first, base, depth) {
  const indent = first[1].length;
  const ordered = first[3] !== undefined;
  const element = ordered ? h("ol", { start: first[3] }) : h("ul");
  const lines = take((line) => {
    const item = ITEM.exec(line);
    const deeper = line.length - line.trimStart().length > indent;
    return !line.trim() || deeper || (item?.[1].length === indent && (item[3] !== undefined) === ordered);
  });
  /** @type {string[][]} */
  const items = [];
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item?.[1].length === indent) items.push([line.slice(item[0].length)]);
    else items.at(-1)?.push(line.replace(/^(\t| {1,4})/, ""));
  }
  for (const lines of items) {
    const content = blocks(lines, base, depth + 1);
    const only = content.childElementCount === 1 ? content.querySelector(":scope > p") : null;
    element.append(h("li", {}, ...(only ?? content).childNodes));
  }
  return element;
}

/**
 * @param {string[]} lines
 * @param {string} base
 */
function table([head, rule, ...body], base) {
  /** @param {string} line */
  const cells = (line) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split("|")
      .map((cell) => cell.trim());
  const sides = cells(rule).map((cell) => (/^-+:$/.test(cell) ? "end" : /^:-+:$/.test(cell) && "mid"));
  /**
   * @param {string} line
   * @param {"th" | "td"} tag
   */
  const row = (line, tag) =>
    h("tr", {}, ...cells(line).map((cell, i) => h(tag, { class: sides[i] }, inline(cell, base))));
  const rows = h(
    "table",
    {},
    h("thead", {}, row(head, "th")),
    h("tbody", {}, ...body.map((line) => row(line, "td"))),
  );
  return h("div", { class: "wide", tabindex: 0 }, rows);
}

/**
 * @param {string} text
 * @param {string} base
 * @returns {DocumentFragment}
 */
function inline(text, base) {
  const out = document.createDocumentFragment();
  for (let m; (m = INLINE.exec(text)); text = text.slice(m.index + m[0].length)) {
    out.append(text.slice(0, m.index));
    const strong = m[8] ?? m[9];
    const emphasis = m[10] ?? m[11];
    const address = m[6] ?? m[7];
    if (m[1]) out.append(m[1]);
    else if (m[3]) out.append(h("code", {}, m[3].trim()));
    else if (m[5]) out.append(link(m[5], base, inline(m[4], base)));
    else if (address) out.append(link(address, base, address.replace("mailto:", "")));
    else if (strong) out.append(h("strong", {}, inline(strong, base)));
    else if (emphasis) out.append(h("em", {}, inline(emphasis, base)));
    else if (m[12]) out.append(h("del", {}, inline(m[12], base)));
    else out.append(h("br"));
  }
  out.append(text);
  return out;
}
