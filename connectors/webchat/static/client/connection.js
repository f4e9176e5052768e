// One WebSocket that comes back: waiting times, sleep, and connections that died in silence.

/** @import {ConnectionState, Frame} from "./protocol" */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const FINAL_CODES = [4401, 4403, 4406];
const TICK_MS = 5_000;
/** The clock jumped by more than this between two ticks: the machine slept. */
const SLEPT_MS = 20_000;
/** Shorter than the minute after which proxies cut a silent connection. */
const QUIET_MS = 25_000;
const PONG_MS = 5_000;

/**
 * @typedef {object} Listener
 * @property {() => Promise<object>} hello makes the first frame of each connection
 * @property {(frame: Frame) => void} frame
 * @property {(state: ConnectionState) => void} state `open` is the listener's to say, after the
 *   desk's welcome
 */

export class Connection {
  /** @type {WebSocket | undefined} */
  #socket;
  #url;
  #listener;
  #wait = FIRST_WAIT_MS;
  #heard = 0;
  #ticked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pong;
  /** @type {AbortController | undefined} */
  #running;

  /**
   * @param {string} url
   * @param {Listener} listener
   */
  constructor(url, listener) {
    this.#url = url;
    this.#listener = listener;
  }

  start() {
    if (this.#running) return;
    this.#running = new AbortController();
    const { signal } = this.#running;
    const look = () => document.hidden || this.#hurry();
    addEventListener("online", () => this.#hurry(), { signal });
    addEventListener("offline", () => this.check(), { signal });
    addEventListener("pageshow", look, { signal });
    document.addEventListener("visibilitychange", look, { signal });
    this.#ticked = Date.now();
    const ticker = setInterval(() => this.#tick(), TICK_MS);
    signal.addEventListener("abort", () => clearInterval(ticker));
    this.#connect();
  }

  stop() {
    this.#running?.abort();
    this.#running = undefined;
    this.#drop("idle");
  }

  /** The desk has welcomed us: a connection that is lost from now on is tried again soon. */
  welcomed() {
    this.#wait = FIRST_WAIT_MS;
  }

  /**
   * @param {object} frame
   * @returns {boolean} whether there was a connection to give it to
   */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Finds out whether the other side is still there; without an answer, connects anew. */
  check() {
    if (this.#pong || !this.send({ type: "ping" })) return;
    this.#pong = setTimeout(() => {
      this.#drop("connecting");
      this.#connect();
    }, PONG_MS);
  }

  #tick() {
    const now = Date.now();
    const slept = now - this.#ticked > SLEPT_MS;
    this.#ticked = now;
    if (slept) this.#hurry();
    else if (now - this.#heard > QUIET_MS) this.check();
  }

  #hurry() {
    if (this.#socket) this.check();
    else if (this.#retry) this.#connect();
  }

  async #connect() {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (!this.#running || this.#socket) return;
    this.#listener.state("connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = async () => {
      const hello = await this.#listener.hello();
      if (socket === this.#socket) this.send(hello);
    };
    socket.onmessage = ({ data }) => {
      this.#heard = Date.now();
      clearTimeout(this.#pong);
      this.#pong = undefined;
      this.#listener.frame(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      if (FINAL_CODES.includes(code)) return this.#drop("refused");
      this.#drop("connecting");
      this.#retry = setTimeout(() => this.#connect(), this.#wait * (1 + Math.random() / 3));
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
    };
  }

  /** @param {ConnectionState} state */
  #drop(state) {
    clearTimeout(this.#retry);
    clearTimeout(this.#pong);
    this.#retry = this.#pong = undefined;
    if (this.#socket) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
      this.#socket = undefined;
    }
    this.#listener.state(state);
  }
}
