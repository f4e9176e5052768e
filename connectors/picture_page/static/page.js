// The page of a caller's link: a picture is chosen, looked at, and sent.

/** Of phones that do not say what their pictures are. @type {Record<string, string>} */
const TYPES = { heic: "image/heic", heif: "image/heif", avif: "image/avif", webp: "image/webp" };

const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
const input = /** @type {HTMLInputElement} */ (form.querySelector("input"));
const image = /** @type {HTMLImageElement} */ (form.querySelector("img"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const choice = /** @type {HTMLElement} */ (form.querySelector("label span"));
const told = /** @type {HTMLElement} */ (document.querySelector("#told"));

/**
 * @param {string} text
 * @param {string} state
 */
function tell(text, state) {
  told.dataset.state = state;
  told.textContent = text;
  told.focus();
}

/** @param {File} file */
const typeOf = (file) => file.type || TYPES[file.name.toLowerCase().split(".").pop() ?? ""] || "image/jpeg";

input.addEventListener("change", () => {
  const [file] = input.files ?? [];
  button.disabled = !file;
  if (!file) return;
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(file);
  image.hidden = false;
  // Not every browser can show what a phone takes; it is sent all the same.
  image.onerror = () => (image.hidden = true);
  choice.textContent = choice.dataset.other ?? "";
  told.textContent = "";
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [file] = input.files ?? [];
  if (!file) return;
  button.disabled = input.disabled = true;
  tell(told.dataset.sending ?? "", "sending");
  try {
    const answer = await fetch(location.pathname, {
      method: "PUT",
      body: file,
      headers: { "content-type": typeOf(file), "accept-language": document.documentElement.lang },
    });
    if (answer.ok) {
      form.hidden = true;
      tell(told.dataset.thanks ?? "", "thanks");
      return;
    }
    const { error } = await answer.json();
    tell(error.text, "failed");
    if (error.code === "picture_link_gone") form.hidden = true;
  } catch {
    tell(told.dataset.failed ?? "", "failed");
  }
  button.disabled = input.disabled = false;
});
