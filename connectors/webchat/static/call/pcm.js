// The sound of a call over a WebSocket, where WebRTC finds no way: 16 bits, 16 kHz, 20 ms a frame.

/** @import {Sound, Talk} from "./call.js" */

const RATE_HZ = 16_000;
const AGAIN_MS = 500;
const LONGEST_MS = 15_000;
/** Bytes that wait to be sent: a tenth of a second, and a whole one. */
const FAIR = RATE_HZ / 5;
const POOR = RATE_HZ * 2;

/**
 * @param {Talk} talk
 * @returns {Promise<Sound>} rejects where there is no way either
 */
export async function overWebSocket({ stream, server, ask, ended, returning, speaker }) {
  const context = new AudioContext({ sampleRate: RATE_HZ });
  try {
    await context.audioWorklet.addModule(new URL("pcm-worklet.js", import.meta.url));
    const { call, url } = await ask({});
    const node = new AudioWorkletNode(context, "pcm", { outputChannelCount: [1] });
    node.connect(context.destination);
    let source = context.createMediaStreamSource(stream);
    source.connect(node);
    const link = new Link(
      new URL(url, `${server}/`).href.replace(/^http/, "ws"),
      node.port,
      returning,
      ended,
    );
    await Promise.all([link.connect(), context.resume()]);
    if (speaker) await hearOn(context, speaker);
    return {
      call,
      replace: async (fresh) => {
        source.disconnect();
        source = context.createMediaStreamSource(fresh);
        source.connect(node);
      },
      hearOn: (device) => hearOn(context, device),
      quality: async () => (link.waiting > POOR ? "poor" : link.waiting > FAIR ? "fair" : "good"),
      close: () => {
        link.close();
        context.close();
      },
    };
  } catch (error) {
    context.close();
    throw error;
  }
}

/**
 * @param {AudioContext & {setSinkId?: (device: string) => Promise<void>}} context
 * @param {string} device
 */
const hearOn = async (context, device) => context.setSinkId?.(device);

/** A WebSocket that comes back while the desk keeps the call. */
class Link {
  /** @type {WebSocket | undefined} */
  #socket;
  #over = false;
  #lost = 0;
  #url;
  #port;
  #returning;
  #ended;

  /**
   * @param {string} url
   * @param {MessagePort} port of the worklet
   * @param {(on: boolean) => void} returning
   * @param {(reason: "lost") => void} ended
   */
  constructor(url, port, returning, ended) {
    this.#url = url;
    this.#port = port;
    this.#returning = returning;
    this.#ended = ended;
    port.onmessage = ({ data }) => {
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(data);
    };
  }

  get waiting() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** @returns {Promise<void>} rejects if the first connection fails */
  connect() {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.#url);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        this.#socket = socket;
        this.#lost = 0;
        this.#returning(false);
        resolve();
      };
      socket.onmessage = ({ data }) => this.#port.postMessage(typeof data === "string" ? null : data);
      socket.onclose = () => {
        reject(new Error("closed"));
        if (this.#socket) this.#again();
      };
    });
  }

  close() {
    this.#over = true;
    this.#socket?.close();
  }

  #again() {
    if (this.#over) return;
    this.#lost ||= Date.now();
    if (Date.now() - this.#lost > LONGEST_MS) return this.#ended("lost");
    this.#returning(true);
    setTimeout(() => this.#over || this.connect().catch(() => 0), AGAIN_MS);
  }
}
