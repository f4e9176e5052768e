// Runs in the browser's thread for sound: what the microphone hears goes out in frames of 20 ms, and
// frames that come are played, from a small store that evens out the network.

const FRAME = 320;
/** Samples that are there before the first is heard: 60 ms. */
const READY = 960;
/** More than this is late, and left out: what is said should be heard now. */
const MOST = 16_000;

// @ts-expect-error: of the worklet's own scope, which the types of pages do not know
class Pcm extends AudioWorkletProcessor {
  #frame = new Int16Array(FRAME);
  #filled = 0;
  /** @type {Int16Array[]} */
  #store = [];
  #stored = 0;
  #at = 0;
  #playing = false;
  #port;

  constructor() {
    super();
    this.#port = /** @type {{port: MessagePort}} */ (/** @type {unknown} */ (this)).port;
    this.#port.onmessage = (/** @type {MessageEvent<ArrayBuffer | null>} */ { data }) =>
      data ? this.#keep(new Int16Array(data)) : this.#clear();
  }

  /**
   * @param {Float32Array[][]} inputs
   * @param {Float32Array[][]} outputs
   */
  process(inputs, outputs) {
    const heard = inputs[0][0];
    const played = outputs[0][0];
    for (let i = 0; i < played.length; i++) {
      played[i] = this.#next();
      this.#hear(heard ? heard[i] : 0);
    }
    return true;
  }

  /** @param {number} sample */
  #hear(sample) {
    this.#frame[this.#filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
    if (this.#filled < FRAME) return;
    this.#port.postMessage(this.#frame.buffer, [this.#frame.buffer]);
    this.#frame = new Int16Array(FRAME);
    this.#filled = 0;
  }

  #next() {
    if (!this.#playing) return 0;
    const sample = this.#store[0][this.#at++] / 32768;
    this.#stored--;
    if (this.#at === this.#store[0].length) {
      this.#store.shift();
      this.#at = 0;
    }
    this.#playing = this.#stored > 0;
    return sample;
  }

  /** @param {Int16Array} frame */
  #keep(frame) {
    if (!frame.length || this.#stored > MOST) return;
    this.#store.push(frame);
    this.#stored += frame.length;
    this.#playing ||= this.#stored >= READY;
  }

  #clear() {
    this.#store = [];
    this.#stored = this.#at = 0;
    this.#playing = false;
  }
}

// @ts-expect-error: as above
registerProcessor("pcm", Pcm);
