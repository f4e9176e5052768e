"""What the measuring callers say, as sound: several voices; clean, in noise, over a telephone."""

import csv
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from benchmarks.desk_process import REPOSITORY
from bot.calls.transport import Sound
from models.audio import decode, resampled
from models.espeak import Espeak
from models.synthesis.noise import Noise, with_noise
from models.synthesis.transmission import phone_band

RATE_HZ = 16_000
LONGEST_PAUSE_S = 1.2
SHORTEST_PAUSE_S = 0.3
VOICES = ("en-us", "en-gb+f3", "en-us+m3", "en-gb", "en-us+f5")
WAYS = ("clean", "noisy", "phone")
_NOISE_DB = 10.0
_NOISES: tuple[Noise, ...] = ("street", "hum", "hiss")
_SILENT = 0.01
_PEOPLE = REPOSITORY.parent / "shared" / "data" / "ljspeech"
"""Recordings of LJSpeech's, which lie beside the repository where they are, and never in it."""


@dataclass(frozen=True)
class Clip:
    """Something to be said, from its first audible sample to its last."""

    text: str
    way: str
    """How it reaches the desk: one of `WAYS`, or `person` for a recording."""
    sound: Sound
    rate_hz: int

    def at(self, rate_hz: int) -> Sound:
        return resampled(self.sound, self.rate_hz, rate_hz)


@cache
def sentences(kind: str) -> tuple[str, ...]:
    """`paused`, `whole`, `murmurs`, `interruptions` or `answers`."""
    file = Path(__file__).with_name("sentences.yaml")
    return tuple(yaml.safe_load(file.read_text("utf-8"))[kind])


@cache
def whole_clips() -> tuple[Clip, ...]:
    """Twenty sentences, each in all three ways and in three voices."""
    rng = random.Random(1)
    return tuple(
        clip(text, VOICES[n % len(VOICES)], WAYS[n % len(WAYS)], rng)
        for n, text in enumerate(sentences("whole") * len(WAYS))
    )


@cache
def paused_clips() -> tuple[Clip, ...]:
    """A hundred utterances with pauses inside."""
    rng = random.Random(3)
    texts = sentences("paused") * 2
    return tuple(
        clip(text, VOICES[(n + n // 50) % len(VOICES)], "clean", rng)
        for n, text in enumerate(texts)
    )


@cache
def people_clips() -> tuple[Clip, ...]:
    """A person who reads; nothing where the recordings are not here."""
    if not _PEOPLE.is_dir():
        return ()
    with (_PEOPLE / "transcripts.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))
    clips = []
    for name, text, *_ in rows:
        data = (_PEOPLE / name).with_suffix(".wav").read_bytes()
        sound = _trimmed(decode(data, limit_s=60, sample_rate_hz=RATE_HZ))
        clips.append(Clip(text, "person", sound, RATE_HZ))
    return tuple(clips)


def clip(text: str, voice: str, way: str, rng: random.Random) -> Clip:
    """A sentence in one of espeak's voices, as it arrives. Noise is between the words, and does not
    go on after them."""
    sound = said(text, voice, rng)
    if way == "noisy":
        noise = rng.choice(_NOISES)
        return Clip(text, way, with_noise(sound, RATE_HZ, _NOISE_DB, noise, rng), RATE_HZ)
    if way == "phone":
        return Clip(text, way, *phone_band(sound, RATE_HZ))
    return Clip(text, way, sound, RATE_HZ)


def said(text: str, voice: str, rng: random.Random) -> Sound:
    """A sentence from its first audible sample to its last; `|` in it is a pause. Before a pause
    the voice stays up, as before a comma."""
    sound = np.zeros(0, np.float32)
    parts = [part.strip() for part in text.split("|")]
    for part in parts[:-1]:
        pause = np.zeros(round(rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S) * RATE_HZ))
        spoken = _spoken(part if part.endswith(",") else f"{part},", voice)
        sound = np.concatenate([sound, spoken, pause.astype(np.float32)])
    return np.concatenate([sound, _spoken(parts[-1], voice)])


def burst(rng: random.Random) -> Sound:
    """A cough, a knock or a rustle: noise with a sharp beginning, 0.1 to 0.5 s."""
    length = round(rng.uniform(0.1, 0.5) * RATE_HZ)
    chance = np.random.default_rng(rng.getrandbits(32))
    noise = chance.standard_normal(length) * np.exp(-np.linspace(0, 5, length))
    width = rng.choice((1, 3, 9))
    smooth = np.convolve(noise, np.ones(width) / width, "same")
    return np.asarray(0.5 * smooth / np.abs(smooth).max(), np.float32)


def _spoken(text: str, voice: str) -> Sound:
    pieces = list(Espeak(voice, 165).synthesize(text, "en"))
    rate_hz = pieces[0].sample_rate_hz
    sound = np.concatenate([piece.samples for piece in pieces])
    return _trimmed(resampled(sound, rate_hz, RATE_HZ))


def _trimmed(sound: Sound) -> Sound:
    audible = np.flatnonzero(np.abs(sound) > _SILENT)
    return sound[audible[0] : audible[-1] + 1]
