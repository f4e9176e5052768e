// What every part of the view is given: the conversation, the words and the customer's language.

/** @import {Conversation} from "../client/conversation.js" */
import en from "../texts/en.js";

/** @typedef {keyof typeof en} TextKey */

const LAZY = ["ar", "de", "es", "zh"];
const RIGHT_TO_LEFT = ["ar", "ckb", "dv", "fa", "he", "ps", "ur", "yi"];

export class Context {
  /** Replies to play as soon as they are shown. @type {Set<string>} */
  autoplay = new Set();
  /** Adds the developer's view of a turn. @type {((turn: string) => void) | null} */
  trace = null;

  /**
   * @param {Conversation} conversation
   * @param {string} locale
   * @param {Record<TextKey, string>} texts
   */
  constructor(conversation, locale, texts) {
    this.conversation = conversation;
    this.locale = locale;
    this.texts = texts;
    this.direction = RIGHT_TO_LEFT.includes(locale.split("-")[0]) ? "rtl" : "ltr";
    this.#clock = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
    this.#calendar = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
  }
  #clock;
  #calendar;

  /**
   * @param {TextKey} key
   * @param {string | number} [value] fills {}
   */
  t = (key, value = "") => this.texts[key].replace("{}", String(value));

  /** @param {number} seconds Unix time */
  clock(seconds) {
    return this.#clock.format(seconds * 1000);
  }

  /** @param {number} seconds Unix time */
  day(seconds) {
    return this.#calendar.format(seconds * 1000);
  }
}

/**
 * @param {string} locale
 * @returns {Promise<Record<TextKey, string>>} English where there is no other
 */
export async function textsFor(locale) {
  const language = locale.split("-")[0];
  return LAZY.includes(language) ? (await import(`../texts/${language}.js`)).default : en;
}
