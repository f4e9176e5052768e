// Where an attachment can be loaded from now: the desk signs its addresses for ten minutes.

/** @import {Conversation} from "../client/conversation.js" */
/** @import {Attachment} from "../client/protocol" */

const WORKS_MS = 9 * 60_000;

/** When an attachment's address was new. @type {WeakMap<Attachment, number>} */
const born = new WeakMap();

/**
 * To be called when the attachment arrives, and whenever it is loaded.
 * @param {Conversation} conversation
 * @param {Attachment} attachment gets the new address, where one is needed
 * @param {boolean} [anew] the address that it has did not work
 * @returns {Promise<string>}
 */
export async function addressOf(conversation, attachment, anew = false) {
  const now = Date.now();
  const at = born.get(attachment) ?? now;
  const expires = !attachment.url.startsWith("blob:");
  if (expires && (anew || now - at > WORKS_MS)) {
    attachment.url = await conversation.renew(attachment.id);
    born.delete(attachment);
  }
  if (!born.has(attachment)) born.set(attachment, now);
  return new URL(attachment.url, conversation.server).href;
}
