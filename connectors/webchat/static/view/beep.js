// Two soft tones that say "a reply has come".

const TONES_HZ = [660, 880];
const TONE_S = 0.12;

/** @type {AudioContext | undefined} */
let audio;

export function beep() {
  audio ??= new AudioContext();
  for (const [i, hz] of TONES_HZ.entries()) {
    const start = audio.currentTime + i * TONE_S;
    const gain = new GainNode(audio, { gain: 0 });
    gain.gain.linearRampToValueAtTime(0.08, start + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + 2 * TONE_S);
    const tone = new OscillatorNode(audio, { frequency: hz });
    tone.connect(gain).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 2 * TONE_S);
  }
}
