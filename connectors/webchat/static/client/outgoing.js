// From the customer to the desk: messages rest in the outbox until the desk has acknowledged them,
// and go one after the other, each with its files.

/** @import {ChatState, Draft, Entry, Waiting} from "./protocol" */
/** @import {Requests} from "./requests.js" */
/** @import {Store} from "./store.js" */
/** @import {Uploads} from "./uploads.js" */
import { Outbox } from "./outbox.js";
import { Refused } from "./requests.js";

const ACK_DUE_MS = 5_000;
const PAUSE_MS = 2_000;

/** @param {string} prefix */
const newId = (prefix) =>
  prefix + btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12)))).replace(/\W/g, "-");

/**
 * @typedef {object} Way
 * @property {string} server
 * @property {Store<ChatState>} store
 * @property {Requests} requests
 * @property {() => void} check finds out whether the desk is still there
 * @property {(entry: Entry) => void} sent the desk has the message, as this entry of its log
 */

export class Outgoing {
  #way;
  #outbox;
  #sending = false;
  #goOn = () => {};
  /** @type {Promise<Uploads> | undefined} */
  #uploading;

  /**
   * @param {string} scope whose messages, on which desk
   * @param {Way} way
   */
  constructor(scope, way) {
    this.#way = way;
    this.#outbox = new Outbox(scope, () => this.load());
  }

  /** What the outbox holds is shown, and sent. */
  async load() {
    const rows = await this.#outbox.rows();
    const { store } = this.#way;
    const sent = new Set(store.state.entries.map(({ message }) => message?.id));
    store.set({ waiting: rows.filter(({ id }) => !sent.has(id)) });
    await this.flush();
  }

  /**
   * Keeps a message, and sends it as soon as that is possible.
   * @param {string} text
   * @param {Draft[]} [files]
   */
  async say(text, files = []) {
    this.#way.store.set({ notice: "" });
    await this.#outbox.put({ id: newId("m_"), scope: this.#outbox.scope, at: Date.now(), text, files });
    await this.load();
  }

  /** @param {Waiting} row one that the desk refused, tried again */
  async retry({ problem: _, ...row }) {
    for (const file of row.files) {
      // The desk may have forgotten what it had of it.
      await this.detach(file);
      delete file.attachment;
    }
    await this.#outbox.put(row);
    await this.load();
  }

  /** @param {Waiting} row */
  async remove(row) {
    for (const file of row.files) await this.detach(file);
    await this.#outbox.remove(row.id);
    this.#goOn();
    await this.load();
  }

  /**
   * Begins to send a file before its message is written.
   * @param {Blob} blob
   * @param {string} name
   * @returns {Draft}
   */
  attach(blob, name) {
    const draft = { key: newId("u_"), name, blob };
    if (this.#way.store.state.connection === "open") {
      // A failure shows in `uploads`; what was only interrupted goes with its message.
      this.#upload(draft).catch(() => {});
    }
    return draft;
  }

  /** @param {Draft} draft whose sending ends, and is forgotten */
  async detach({ key }) {
    (await this.#uploading)?.cancel(key);
  }

  /** Sends what waits, while there is a connection. */
  async flush() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      await this.#outbox.alone(async () => {
        while (this.#way.store.state.connection === "open") {
          const row = (await this.#outbox.rows()).find(({ problem }) => !problem);
          if (!row) return;
          await this.#deliver(row);
        }
      });
    } finally {
      this.#sending = false;
    }
  }

  /** The connection was lost. */
  async cut() {
    (await this.#uploading)?.cut();
  }

  close() {
    this.#outbox.close();
  }

  /** @param {Waiting} row */
  async #deliver(row) {
    const { store, requests, check, sent } = this.#way;
    const { id, text, at, files } = row;
    try {
      for (const file of files) {
        if (file.attachment) continue;
        file.attachment = await this.#upload(file);
        await this.#outbox.put(row);
      }
      const ids = files.map(({ attachment }) => attachment?.id);
      const late = setTimeout(check, ACK_DUE_MS);
      const { seq } = await requests
        .ask(id, { type: "message", id, text, attachments: ids, answer_as: "auto" })
        .finally(() => clearTimeout(late));
      await this.#outbox.remove(id);
      const attachments = (await this.#uploading)?.sent(files) ?? [];
      sent({ seq, message: { id, text, sent_at: at / 1000, attachments } });
    } catch (error) {
      if (!(error instanceof Refused)) return this.#pause(PAUSE_MS);
      if (error.retryAfterS) {
        const delayed = { ...row, delayed: error.message };
        store.set({ waiting: store.state.waiting.map((other) => (other.id === id ? delayed : other)) });
        return this.#pause(error.retryAfterS * 1000);
      }
      await this.#outbox.put({ ...row, problem: error.message });
      await this.load();
    }
  }

  /** @param {Draft} draft */
  async #upload(draft) {
    const { store, requests, server } = this.#way;
    this.#uploading ??= import("./uploads.js").then(
      ({ Uploads }) =>
        new Uploads(server, requests, (key, upload) => {
          const { [key]: _, ...uploads } = store.state.uploads;
          store.set({ uploads: upload ? { ...uploads, [key]: upload } : uploads });
        }),
    );
    return (await this.#uploading).send(draft);
  }

  /**
   * Before the next attempt; deleting a message ends it.
   * @param {number} ms
   * @returns {Promise<void>}
   */
  #pause(ms) {
    return new Promise((resolve) => {
      this.#goOn = resolve;
      setTimeout(resolve, ms);
    });
  }
}
