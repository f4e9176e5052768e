// What the customer wrote and the desk has not acknowledged, kept over reloads with its files.

/** @import {Waiting} from "./protocol" */

/** @type {Promise<IDBDatabase> | undefined} */
let opened;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("frontdesk", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("outbox", { keyPath: "id" }).createIndex("scope", "scope");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(rows: IDBObjectStore) => IDBRequest<T>} act
 * @returns {Promise<T>} once it is on the disk
 */
async function transact(mode, act) {
  const transaction = (await database()).transaction("outbox", mode);
  const request = act(transaction.objectStore("outbox"));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** The rows of one customer of one desk; several tabs share them. */
export class Outbox {
  #channel;

  /**
   * @param {string} scope
   * @param {() => void} changed called when another tab has changed a row
   */
  constructor(scope, changed) {
    this.scope = scope;
    this.#channel = new BroadcastChannel(`frontdesk ${scope}`);
    this.#channel.onmessage = changed;
  }

  /** @returns {Promise<Waiting[]>} in the order in which they were written */
  async rows() {
    /** @type {Waiting[]} */
    const rows = await transact("readonly", (all) => all.index("scope").getAll(this.scope));
    return rows.sort((a, b) => a.at - b.at);
  }

  /** @param {Waiting} row */
  async put(row) {
    await transact("readwrite", (all) => all.put(row));
    this.#channel.postMessage(0);
  }

  /** @param {string} id */
  async remove(id) {
    await transact("readwrite", (all) => all.delete(id));
    this.#channel.postMessage(0);
  }

  /**
   * Runs `send` in one tab at a time, so that no file travels twice. A browser without locks
   * (a page without TLS) may send a message twice; the desk drops the second by its id.
   * @param {() => Promise<void>} send
   */
  async alone(send) {
    if (navigator.locks) await navigator.locks.request(`frontdesk ${this.scope}`, send);
    else await send();
  }

  close() {
    this.#channel.close();
  }
}
