"""What the measuring callers say, as sound: several voices; clean, in noise, over a telephone."""

import random
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from bot.calls.transport import Sound
from models.audio import resampled
from models.espeak import Espeak
from models.synthesis.noise import with_noise
from models.synthesis.transmission import phone_band

RATE_HZ = 16_000
LONGEST_PAUSE_S = 1.2
SHORTEST_PAUSE_S = 0.3
VOICES = ("en-us", "en-gb+f3", "en-us+m3", "en-gb", "en-us+f5")
LINES = ("clean", "noisy", "phone")
_NOISE_DB = 10.0
_SILENT = 0.01


@cache
def sentences(kind: str) -> tuple[str, ...]:
    """`paused`, `whole`, `murmurs` or `interruptions`."""
    file = Path(__file__).with_name("sentences.yaml")
    return tuple(yaml.safe_load(file.read_text("utf-8"))[kind])


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


def over(line: str, sound: Sound, rng: random.Random) -> Sound:
    """As it arrives. Noise is between the words, and does not go on after them."""
    if line == "noisy":
        return with_noise(sound, RATE_HZ, _NOISE_DB, rng.choice(("street", "hum", "hiss")), rng)
    if line == "phone":
        narrow, rate_hz = phone_band(sound, RATE_HZ)
        return resampled(narrow, rate_hz, RATE_HZ)[: len(sound)]
    return sound


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
    sound = resampled(np.concatenate([piece.samples for piece in pieces]), rate_hz, RATE_HZ)
    audible = np.flatnonzero(np.abs(sound) > _SILENT)
    return sound[audible[0] : audible[-1] + 1]
