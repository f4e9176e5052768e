// One conversation with the desk: frames in, state out. Knows nothing of the page; an agent's
// console can stand on it as well.

/** @import {ChatState, ConnectionState, Entry, Frame, Welcome} from "./protocol" */
import { Connection } from "./connection.js";
import { Outgoing } from "./outgoing.js";
import { Refused, Requests } from "./requests.js";
import { Store } from "./store.js";

const TYPING_EVERY_MS = 3_000;

/**
 * Events: `reply` (detail: a `Reply` that came just now, not from the past), `identity-needed`,
 * `caption` and `call_ended` (detail: the frame).
 */
export class Conversation extends EventTarget {
  /** @type {Store<ChatState>} */
  store = new Store(
    /** @type {ChatState} */ ({
      connection: "idle",
      business: null,
      limits: null,
      developer: false,
      calls: null,
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
  #typed = 0;
  /** @param {object} frame */
  tell = (frame) => this.#connection.send(frame);
  requests = new Requests(this.tell);
  #connection;
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
    this.outgoing = new Outgoing(`${server} ${scope}`, {
      server,
      store: this.store,
      requests: this.requests,
      check: () => this.#connection.check(),
      sent: (entry) => this.#add([entry], false),
    });
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
    await this.outgoing.load();
  }

  stop() {
    this.#connection.stop();
    this.outgoing.close();
  }

  /** @param {string} identity a fresh signature for the same customer */
  identify(identity) {
    this.identity = identity;
    if (this.store.state.connection !== "refused") return;
    this.#connection.stop();
    this.#connection.start();
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
    return (await this.requests.ask(`renewed ${id}`, { type: "renew", attachments: [id] })).urls[id];
  }

  /**
   * @param {string} turn
   * @returns {Promise<Record<string, unknown> | null>}
   */
  async trace(turn) {
    return (await this.requests.ask(`trace ${turn}`, { type: "trace", turn })).trace;
  }

  /** @param {ConnectionState} connection */
  #connected(connection) {
    if (connection === this.store.state.connection) return;
    this.store.set({ connection, typing: false, stream: null });
    this.requests.failAll();
    if (connection !== "open") this.outgoing.cut();
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
      case "caption":
      case "call_ended":
        return this.dispatchEvent(new CustomEvent(frame.type, { detail: frame }));
      case "ack":
      case "call":
      case "upload_ready":
        return this.requests.answer(frame.id, frame);
      case "renewed":
        for (const id in frame.urls) this.requests.answer(`renewed ${id}`, frame);
        return;
      case "trace":
        return this.requests.answer(`trace ${frame.turn}`, frame);
      case "error":
        if (!this.requests.fail(frame.id ?? "", new Refused(frame))) store.set({ notice: frame.text });
    }
  }

  /** @param {Welcome} frame */
  #welcome({ token, conversation, entries, last_seq, business, limits, developer, calls = null }) {
    localStorage.setItem(this.#tokenKey, token);
    this.#connection.welcomed();
    // The sentence that tells why a new conversation begins stays.
    this.store.set(conversation === this.id ? { notice: "" } : { entries: [] });
    this.id = conversation;
    this.#held = 0;
    this.#add(entries, false);
    this.#held = last_seq;
    this.store.set({ business, limits, developer, calls });
    this.#connected("open");
    this.outgoing.flush();
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
}
