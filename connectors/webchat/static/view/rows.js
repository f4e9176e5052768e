// The rows of the log: what the customer wrote, what the desk answered, and what is between them.

/** @import {Message, Reply, Waiting} from "../client/protocol" */
/** @import {Context} from "./context.js" */
import { h, icon, iconButton } from "./dom.js";
import { link, markdown } from "./markdown.js";

/**
 * @param {Context} context
 * @param {string} author
 * @param {string} kind
 * @param {...(Node | string | false | null | undefined)} content
 */
const row = (context, author, kind, ...content) =>
  h("li", { class: `row ${kind}` }, h("span", { class: "unseen" }, `${author}: `), ...content);

/**
 * @param {Context} context
 * @param {Message} message
 * @param {string} heard what was heard in its recordings
 * @param {boolean} last of several in a row
 */
export function messageRow(context, message, heard, last) {
  const { attachments = [], text, sent_at } = message;
  return row(
    context,
    context.t("you"),
    "mine",
    attachments.length > 0 && withMedia(({ showMedia }, place) => showMedia(place, context, attachments)),
    heard && h("p", { class: "heard", dir: "auto" }, `“${heard}”`),
    text && h("div", { class: "bubble", dir: "auto" }, text),
    last && h("p", { class: "meta" }, `${context.t("sent")} · `, time(context, sent_at)),
  );
}

/**
 * @param {Context} context
 * @param {Waiting} waiting
 */
export function waitingRow(context, waiting) {
  const { outgoing } = context.conversation;
  const { files, text, problem, delayed } = waiting;
  return row(
    context,
    context.t("you"),
    problem ? "mine failed" : "mine waiting",
    files.length > 0 && withMedia(({ showDrafts }, place) => showDrafts(place, context, files)),
    text && h("div", { class: "bubble", dir: "auto" }, text),
    h(
      "p",
      { class: "meta" },
      h("span", {}, problem ?? delayed ?? context.t("waiting")),
      problem && plainButton(context.t("retry"), () => outgoing.retry(waiting)),
      plainButton(context.t("delete"), () => outgoing.remove(waiting)),
    ),
  );
}

/**
 * @param {string} words
 * @param {() => void} onclick
 */
const plainButton = (words, onclick) => h("button", { type: "button", class: "plain", onclick }, words);

/**
 * @param {Context} context
 * @param {Reply} reply
 */
export function replyRow(context, reply) {
  const { conversation } = context;
  const author = conversation.store.state.business?.name ?? "";
  const { citations = [], speech = [] } = reply;
  return row(
    context,
    author,
    `theirs ${reply.kind}`,
    h("div", { class: "bubble", dir: "auto", lang: reply.locale }, markdown(reply.text, conversation.server)),
    speech.length > 0 &&
      withMedia(({ showSpeech }, place) =>
        showSpeech(place, context, speech, context.autoplay.delete(reply.id)),
      ),
    ...citations.map(({ title, url }) =>
      h(
        "p",
        { class: "source" },
        h("span", { class: "unseen" }, `${context.t("source")}: `),
        url
          ? link(
              url,
              conversation.server,
              icon("open"),
              title,
              h("span", { class: "unseen" }, ` (${context.t("newTab")})`),
            )
          : title,
      ),
    ),
    h(
      "p",
      { class: "meta" },
      time(context, reply.created_at),
      context.trace && iconButton("trace", context.t("trace"), () => context.trace?.(reply.turn)),
    ),
  );
}

/**
 * @param {Context} context
 * @param {string} text
 */
export const streamRow = (context, text) =>
  h(
    "li",
    { class: "row theirs" },
    h("div", { class: "bubble", dir: "auto" }, markdown(text, context.conversation.server)),
  );

/** @param {Context} context */
export function typingRow(context) {
  const name = context.conversation.store.state.business?.name ?? "";
  return h(
    "li",
    { class: "row theirs" },
    h(
      "div",
      { class: "bubble dots", role: "img", "aria-label": context.t("typing", name) },
      h("i"),
      h("i"),
      h("i"),
    ),
  );
}

/**
 * @param {Context} context
 * @param {string[]} suggestions
 * @param {(text: string) => void} say
 */
export const suggestions = (context, suggestions, say) =>
  h(
    "ul",
    { class: "suggestions", "aria-label": context.t("suggestions") },
    ...suggestions.map((text) =>
      h("li", {}, h("button", { type: "button", dir: "auto", onclick: () => say(text) }, text)),
    ),
  );

/**
 * @param {Context} context
 * @param {number} seconds
 */
const time = (context, seconds) =>
  h("time", { datetime: new Date(seconds * 1000).toISOString() }, context.clock(seconds));

/**
 * A place that is filled when the part of the widget that shows media is here.
 * @param {(media: typeof import("./media.js"), place: HTMLElement) => Promise<void>} fill
 */
function withMedia(fill) {
  const place = h("div", { class: "media" });
  import("./media.js").then((media) => fill(media, place));
  return place;
}
