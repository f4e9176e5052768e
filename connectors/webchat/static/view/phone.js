// On a phone the chat covers the page: it holds the focus, and ends where the keyboard on the screen
// begins. Loaded with the first chat that covers.

/** @type {WeakSet<HTMLElement>} */
const known = new WeakSet();

/** @param {HTMLElement} panel */
const covers = (panel) => getComputedStyle(panel).position === "fixed";

/** @param {HTMLElement} panel does so from now on, while it covers the page */
export function cover(panel) {
  if (known.has(panel)) return;
  known.add(panel);
  panel.addEventListener("keydown", (event) => keepFocus(event, panel));
  visualViewport?.addEventListener("resize", () => makeRoom(panel));
  makeRoom(panel);
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} panel
 */
function keepFocus(event, panel) {
  if (event.key !== "Tab" || !covers(panel)) return;
  const stops = [
    ...panel.querySelectorAll("a[href], button, textarea, input, select, summary, [tabindex='0']"),
  ].filter((stop) => stop instanceof HTMLElement && stop.checkVisibility() && !stop.hasAttribute("disabled"));
  const root = /** @type {ShadowRoot} */ (panel.getRootNode());
  const leaving = event.shiftKey ? stops[0] : stops.at(-1);
  if (root.activeElement !== leaving) return;
  event.preventDefault();
  const next = event.shiftKey ? stops.at(-1) : stops[0];
  if (next instanceof HTMLElement) next.focus();
}

/** @param {HTMLElement} panel */
function makeRoom(panel) {
  const { height, offsetTop, scale } = /** @type {VisualViewport} */ (visualViewport);
  const covered = covers(panel) && scale === 1;
  panel.style.height = covered ? `${height}px` : "";
  panel.style.top = covered ? `${offsetTop}px` : "";
}
