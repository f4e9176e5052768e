// Elements and icons without strings of HTML: what came from outside can only become text.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [props] `onclick` and its like are listeners; `true` is an empty
 *   attribute; `false`, null and undefined are none
 * @param {...(Node | string | false | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (value !== false && value != null) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** Drawn for this widget on a grid of 24, to be stroked. */
const PATHS = {
  chat: "M4 5.5h16v11h-9l-4.5 3.5v-3.5H4z",
  close: "M6 6l12 12M18 6L6 18",
  down: "M12 5v14M6 13l6 6 6-6",
  send: "M12 19V5M6 11l6-6 6 6",
  attach:
    "M19 11l-7.5 7.5a4.5 4.5 0 0 1-6.4-6.4L13 4.3a3 3 0 0 1 4.3 4.3L9.5 16.3a1.5 1.5 0 0 1-2.1-2.1L14 7.5",
  camera: "M3 8h4.5l1.5-2.5h6L16.5 8H21v11H3zM12 16.5a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6z",
  mic: "M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3zM6 11.5a6 6 0 0 0 12 0M12 17.5V21",
  open: "M13.5 5H19v5.5M19 5l-8 8M10 6H5v13h13v-5",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  mute: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  bell: "M4 17.5a8 8 0 0 1 16 0zM2.5 20.5h19M12 9.5V7M9.8 7h4.4",
  trace: "M4 6h10M4 12h16M4 18h7",
};

/** One of these, or the path of one that is drawn where it is needed. @typedef {keyof typeof PATHS | `M${string}`} Icon */

const SVG = "http://www.w3.org/2000/svg";

/** @param {Icon} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = svg.appendChild(document.createElementNS(SVG, "path"));
  path.setAttribute("d", name in PATHS ? PATHS[/** @type {keyof typeof PATHS} */ (name)] : name);
  return svg;
}

/**
 * @param {Icon} name
 * @param {string} label what it does, for those who do not see it
 * @param {(event: Event) => void} onclick
 * @param {Record<string, unknown>} [props]
 */
export const iconButton = (name, label, onclick, props) =>
  h(
    "button",
    { type: "button", class: "icon", "aria-label": label, title: label, onclick, ...props },
    icon(name),
  );

/**
 * Loads a style sheet once into the shadow tree that a node is in.
 * @param {Node} within
 * @param {URL} url
 * @returns {Promise<unknown>}
 */
export function loadStyle(within, url) {
  const root = /** @type {ShadowRoot} */ (within.getRootNode());
  const style =
    root.querySelector("link[href='" + url + "']") ??
    root.appendChild(h("link", { rel: "stylesheet", href: url }));
  return new Promise((resolve) => {
    if (/** @type {HTMLLinkElement} */ (style).sheet) resolve(0);
    for (const event of ["load", "error"]) style.addEventListener(event, resolve);
  });
}
