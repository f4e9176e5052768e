// One conversation with the desk: frames in, state out. Knows nothing of the page; an agent's
// console can stand on it as well.

/** @import {Uploads} from "./uploads.js" */
/** @import {ChatState, ConnectionState, Draft, Entry, Frame, Waiting, Welcome} from "./protocol" */
import { Connection } from "./connection.js";
import { Outbox } from "./outbox.js";
import { Refused, Requests } from "./requests.js";
import { Store } from "./store.js";

const ACK_DUE_MS = 5_000;
const PAUSE_MS = 2_000;
const TYPING_EVERY_MS = 3_000;

/** @param {string} prefix */
const newId = (prefix) =>
  prefix + btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12)))).replace(/\W/g, "-");

/**
 * Events: `reply` (detail: a `Reply` that came just now, not from the past), `identity-needed`.
 */
export class Conversation extends EventTarget {
  /** @type {Store<ChatState>} */
  store = new Store(
    /** @type {ChatState} */ ({
      connection: "idle",
      business: null,
      limits: null,
      developer: false,
      entries: [],
      waiting: [],
      uploads: {},
      typing: false,
      stream: null,
      notice: "",
    }),
  );
  /** Everything up to this entry is here. */
  #held = 0;
  /** The desk's name for this conversation, once it has told. */
  id = "";
  #sending = false;
  #typed = 0;
  #goOn = () => {};
  #requests = new Requests((frame) => this.#connection.send(frame));
  #connection;
  #outbox;
  /** @type {Promise<Uploads> | undefined} */
  #uploading;
  #tokenKey;

  /**
   * @param {object} options
   * @param {string} options.server where the desk is, such as `https://desk.example`
   * @param {string} options.locale
   * @param {string} options.scope whose conversation it is; "" for a visitor
   * @param {string} [options.identity]
   */
  constructor({ server, locale, scope, identity }) {
    super();
    this.server = server;
    this.locale = locale;
    this.scope = scope;
    this.identity = identity;
    this.#tokenKey = `frontdesk ${server} ${scope}`;
    this.#outbox = new Outbox(`${server} ${scope}`, () => this.#reload());
    this.#connection = new Connection(new URL("webchat/socket", `${server}/`).href.replace(/^http/, "ws"), {
      hello: async () => ({
        type: "hello",
        protocol: 1,
        token: this.#token ?? undefined,
        identity: this.identity,
        locale: this.locale,
        last_seq: this.#held,
      }),
      frame: (frame) => this.#take(frame),
      state: (state) => this.#connected(state),
    });
  }

  get #token() {
    return localStorage.getItem(this.#tokenKey);
  }

  /** This browser has spoken to the desk before. */
  get begun() {
    return this.#token !== null;
  }

  async start() {
    this.#connection.start();
    await this.#reload();
  }

  stop() {
    this.#connection.stop();
    this.#outbox.close();
  }

  /** @param {string} identity a fresh signature for the same customer */
  identify(identity) {
    this.identity = identity;
    if (this.store.state.connection !== "refused") return;
    this.#connection.stop();
    this.#connection.start();
  }

  /**
   * Keeps a message, and sends it as soon as that is possible.
   * @param {string} text
   * @param {Draft[]} [files]
   */
  async say(text, files = []) {
    this.store.set({ notice: "" });
    await this.#outbox.put({ id: newId("m_"), scope: this.#outbox.scope, at: Date.now(), text, files });
    await this.#reload();
  }

  /** @param {Waiting} row one that the desk refused, tried again */
  async retry({ problem: _, ...row }) {
    for (const file of row.files) {
      // The desk may have forgotten what it had of it.
      await this.detach(file);
      delete file.attachment;
    }
    await this.#outbox.put(row);
    await this.#reload();
  }

  /** @param {Waiting} row */
  async remove(row) {
    for (const file of row.files) await this.detach(file);
    await this.#outbox.remove(row.id);
    this.#goOn();
    await this.#reload();
  }

  /**
   * Begins to send a file before its message is written.
   * @param {Blob} blob
   * @param {string} name
   * @returns {Draft}
   */
  attach(blob, name) {
    const draft = { key: newId("u_"), name, blob };
    if (this.store.state.connection === "open") {
      // A failure shows in `uploads`; what was only interrupted goes with its message.
      this.#upload(draft).catch(() => {});
    }
    return draft;
  }

  /** @param {Draft} draft whose sending ends, and is forgotten */
  async detach({ key }) {
    (await this.#uploading)?.cancel(key);
  }

  /** The customer is writing. */
  type() {
    const now = Date.now();
    if (now - this.#typed > TYPING_EVERY_MS && this.#connection.send({ type: "typing" })) {
      this.#typed = now;
    }
  }

  /**
   * @param {string} id of an attachment in this conversation
   * @returns {Promise<string>} a new address of it, relative to the desk
   */
  async renew(id) {
    return (await this.#requests.ask(`renewed ${id}`, { type: "renew", attachments: [id] })).urls[id];
  }

  /**
   * @param {string} turn
   * @returns {Promise<Record<string, unknown> | null>}
   */
  async trace(turn) {
    return (await this.#requests.ask(`trace ${turn}`, { type: "trace", turn })).trace;
  }

  /** @param {ConnectionState} connection */
  #connected(connection) {
    if (connection === this.store.state.connection) return;
    this.store.set({ connection, typing: false, stream: null });
    this.#requests.failAll();
    if (connection !== "open") this.#uploading?.then((uploads) => uploads.cut());
    if (connection === "refused") this.dispatchEvent(new Event("identity-needed"));
  }

  /** @param {Frame} frame */
  #take(frame) {
    const { store } = this;
    switch (frame.type) {
      case "welcome":
        return this.#welcome(frame);
      case "entry":
        return this.#add([frame.entry], true);
      case "typing":
        return store.set({ typing: frame.on });
      case "delta": {
        const { reply, at, text } = frame;
        const before = [...(store.state.stream?.reply === reply ? store.state.stream.text : "")];
        // A gap is left to the finished reply to fill.
        if (at <= before.length) {
          store.set({ stream: { reply, text: before.slice(0, at).join("") + text } });
        }
        return;
      }
      case "ack":
      case "upload_ready":
        return this.#requests.answer(frame.id, frame);
      case "renewed":
        for (const id in frame.urls) this.#requests.answer(`renewed ${id}`, frame);
        return;
      case "trace":
        return this.#requests.answer(`trace ${frame.turn}`, frame);
      case "error":
        if (!this.#requests.fail(frame.id ?? "", new Refused(frame))) store.set({ notice: frame.text });
    }
  }

  /** @param {Welcome} frame */
  #welcome({ token, conversation, entries, last_seq, business, limits, developer }) {
    localStorage.setItem(this.#tokenKey, token);
    this.#connection.welcomed();
    if (conversation !== this.id) {
      this.id = conversation;
      this.store.set({ entries: [] });
    }
    this.#held = 0;
    this.#add(entries, false);
    this.#held = last_seq;
    this.store.set({ business, limits, developer, notice: "" });
    this.#connected("open");
    this.#flush();
  }

  /**
   * @param {Entry[]} fresh
   * @param {boolean} live
   */
  #add(fresh, live) {
    const { entries, waiting, stream, typing } = this.store.state;
    const bySeq = new Map(entries.map((entry) => [entry.seq, entry]));
    const arrived = new Set(fresh.map(({ message }) => message?.id));
    fresh = fresh.filter(({ seq }) => !bySeq.has(seq));
    for (const entry of fresh) bySeq.set(entry.seq, entry);
    while (bySeq.has(this.#held + 1)) this.#held++;
    const answered = fresh.some(({ reply }) => reply);
    this.store.set({
      entries: [...bySeq.values()].sort((a, b) => a.seq - b.seq),
      waiting: waiting.filter(({ id }) => !arrived.has(id)),
      stream: answered ? null : stream,
      typing: typing && !answered,
    });
    for (const { reply } of live ? fresh : []) {
      if (reply) this.dispatchEvent(new CustomEvent("reply", { detail: reply }));
    }
  }

  /** @param {Draft} draft */
  async #upload(draft) {
    this.#uploading ??= import("./uploads.js").then(
      ({ Uploads }) =>
        new Uploads(
          (draft) => this.#place(draft),
          (key, upload) => {
            const { [key]: _, ...uploads } = this.store.state.uploads;
            this.store.set({ uploads: upload ? { ...uploads, [key]: upload } : uploads });
          },
        ),
    );
    return (await this.#uploading).send(draft);
  }

  /** @param {Draft} draft */
  async #place({ key, name, blob }) {
    const { url } = await this.#requests.ask(key, {
      type: "upload",
      id: key,
      name,
      media_type: blob.type.split(";")[0],
      size_bytes: blob.size,
    });
    return new URL(url, this.server).href;
  }

  /** What the outbox holds is shown, and sent. */
  async #reload() {
    const rows = await this.#outbox.rows();
    const sent = new Set(this.store.state.entries.map(({ message }) => message?.id));
    this.store.set({ waiting: rows.filter(({ id }) => !sent.has(id)) });
    await this.#flush();
  }

  async #flush() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      await this.#outbox.alone(async () => {
        while (this.store.state.connection === "open") {
          const row = (await this.#outbox.rows()).find(({ problem }) => !problem);
          if (!row) return;
          await this.#deliver(row);
        }
      });
    } finally {
      this.#sending = false;
    }
  }

  /** @param {Waiting} row */
  async #deliver(row) {
    try {
      for (const file of row.files) {
        if (file.attachment) continue;
        file.attachment = await this.#upload(file);
        await this.#outbox.put(row);
      }
      const late = setTimeout(() => this.#connection.check(), ACK_DUE_MS);
      const { seq } = await this.#requests
        .ask(row.id, {
          type: "message",
          id: row.id,
          text: row.text,
          attachments: row.files.map(({ attachment }) => attachment?.id),
          answer_as: "auto",
        })
        .finally(() => clearTimeout(late));
      await this.#outbox.remove(row.id);
      const attachments = (await this.#uploading)?.sent(row.files) ?? [];
      this.#add([{ seq, message: { id: row.id, text: row.text, sent_at: row.at / 1000, attachments } }], false);
    } catch (error) {
      if (!(error instanceof Refused)) return void (await this.#pause(PAUSE_MS));
      if (error.retryAfterS) {
        const delayed = { ...row, delayed: error.message };
        this.store.set({ waiting: this.store.state.waiting.map((other) => (other.id === row.id ? delayed : other)) });
        return void (await this.#pause(error.retryAfterS * 1000));
      }
      await this.#outbox.put({ ...row, problem: error.message });
      await this.#reload();
    }
  }

  /**
   * Before the next attempt; deleting a message ends it.
   * @param {number} ms
   */
  #pause(ms) {
    return new Promise((resolve) => {
      this.#goOn = () => resolve(undefined);
      setTimeout(resolve, ms);
    });
  }
}
