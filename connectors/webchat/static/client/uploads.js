// Files on their way to the desk: asked for over the socket, sent over HTTP, with progress.

/** @import {Attachment, Draft, Upload} from "./protocol" */
/** @import {Requests} from "./requests.js" */
import { Disconnected, Refused } from "./requests.js";

/** The customer changed their mind. */
export class Cancelled extends Error {}

/** @typedef {{request: XMLHttpRequest, sent: Promise<Attachment>, why: Error}} Running */

export class Uploads {
  /** @type {Map<string, Running>} */
  #running = new Map();
  #server;
  #requests;
  #show;

  /**
   * @param {string} server
   * @param {Requests} requests
   * @param {(key: string, upload: Upload | undefined) => void} show
   */
  constructor(server, requests, show) {
    this.#server = server;
    this.#requests = requests;
    this.#show = show;
  }

  /**
   * Sends a file, or waits for it where that has begun.
   * @param {Draft} draft
   * @returns {Promise<Attachment>} rejects with `Refused`, `Disconnected` or `Cancelled`
   */
  send(draft) {
    const running = this.#running.get(draft.key);
    if (running) return running.sent;
    const request = new XMLHttpRequest();
    const sent = this.#put(draft, request);
    this.#running.set(draft.key, { request, sent, why: new Cancelled() });
    sent.catch(() => this.#running.delete(draft.key));
    return sent;
  }

  /** @param {string} key */
  cancel(key) {
    this.#running.get(key)?.request.abort();
    this.#running.delete(key);
    this.#show(key, undefined);
  }

  /**
   * Their message has been acknowledged.
   * @param {Draft[]} drafts
   * @returns {Attachment[]} with the files that are still here, so that nothing is loaded again
   */
  sent(drafts) {
    return drafts.map(({ key, attachment, blob, duration_s }) => {
      this.cancel(key);
      const sent = /** @type {Attachment} */ (attachment);
      return { ...sent, duration_s: duration_s ?? sent.duration_s, url: URL.createObjectURL(blob) };
    });
  }

  /** The connection was lost: what has not arrived is sent anew later. */
  cut() {
    for (const running of this.#running.values()) {
      running.why = new Disconnected();
      running.request.abort();
    }
  }

  /**
   * @param {Draft} draft
   * @param {XMLHttpRequest} request
   * @returns {Promise<Attachment>}
   */
  async #put(draft, request) {
    const { key } = draft;
    this.#show(key, { done: 0 });
    try {
      const url = await this.#place(draft);
      const why = () => this.#running.get(key)?.why ?? new Cancelled();
      if (this.#running.get(key)?.request !== request) throw why();
      const answer = await new Promise((resolve, reject) => {
        request.upload.onprogress = ({ loaded, total }) => this.#show(key, { done: loaded / total });
        request.onload = () => resolve(request.response);
        request.onerror = () => reject(new Disconnected());
        request.onabort = () => reject(why());
        request.responseType = "json";
        request.open("PUT", url);
        request.send(draft.blob);
      });
      if (!answer?.attachment) throw answer?.error ? new Refused(answer.error) : new Disconnected();
      this.#show(key, { done: 1 });
      return answer.attachment;
    } catch (error) {
      this.#show(key, error instanceof Refused ? { done: 0, problem: error.message } : undefined);
      throw error;
    }
  }

  /**
   * @param {Draft} draft
   * @returns {Promise<string>} where the desk wants it
   */
  async #place({ key, name, blob }) {
    const { url } = await this.#requests.ask(key, {
      type: "upload",
      id: key,
      name,
      media_type: blob.type.split(";")[0],
      size_bytes: blob.size,
    });
    return new URL(url, this.#server).href;
  }
}
