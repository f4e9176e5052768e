// Frames that are answered by another frame: pairs them, and fails what a lost connection leaves.

/** @import {Answer, Problem} from "./protocol" */

/** The connection ended first. What was asked may have happened. */
export class Disconnected extends Error {}

/** The desk's answer was an error; the message is its sentence for the customer. */
export class Refused extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.text);
    this.code = problem.code;
    this.retryAfterS = problem.retry_after_s;
  }
}

export class Requests {
  /** @type {Map<string, {resolve: (answer: Answer) => void, reject: (error: Error) => void}>} */
  #open = new Map();
  #send;

  /** @param {(frame: object) => boolean} send false: there is no connection */
  constructor(send) {
    this.#send = send;
  }

  /**
   * @param {string} key what names the answer
   * @param {object} frame
   * @returns {Promise<Answer>} rejects with `Refused` or `Disconnected`
   */
  ask(key, frame) {
    return new Promise((resolve, reject) => {
      this.#open.set(key, { resolve, reject });
      if (!this.#send(frame)) this.fail(key, new Disconnected());
    });
  }

  /**
   * @param {string} key
   * @param {Answer} answer
   */
  answer(key, answer) {
    this.#open.get(key)?.resolve(answer);
    this.#open.delete(key);
  }

  /**
   * @param {string} key
   * @param {Error} error
   * @returns {boolean} whether somebody had asked
   */
  fail(key, error) {
    this.#open.get(key)?.reject(error);
    return this.#open.delete(key);
  }

  failAll() {
    for (const key of [...this.#open.keys()]) this.fail(key, new Disconnected());
  }
}
