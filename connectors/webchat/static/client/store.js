// A value that tells its readers when it has changed.

/** @template {object} T */
export class Store {
  /** @type {Set<(state: T) => void>} */
  #readers = new Set();
  #due = false;

  /** @param {T} state */
  constructor(state) {
    this.state = state;
  }

  /**
   * Replaces the fields given. Readers are called once for all changes of one task, so that
   * no reader sees half a change.
   * @param {Partial<T>} fields
   */
  set(fields) {
    this.state = { ...this.state, ...fields };
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      for (const read of this.#readers) read(this.state);
    });
  }

  /**
   * @param {(state: T) => void} read called now, and after each change
   * @returns {() => void} ends it
   */
  subscribe(read) {
    this.#readers.add(read);
    read(this.state);
    return () => this.#readers.delete(read);
  }
}
