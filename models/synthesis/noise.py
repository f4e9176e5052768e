"""What is heard beside a voice: other people, mains hum, hiss, a street. All of it is made here.

Functions of mono sound: float32 from -1 to 1, shape (length,), with its sample rate in Hz.
"""

import random
from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.audio import Samples, resampled
from models.espeak import Espeak

Noise = Literal["none", "babble", "hum", "hiss", "street"]

_MAINS_HZ = (50, 60)
_HARMONICS = 12
_OVERHEARD = (
    ("en-gb+m3", "We could meet at the station after lunch, if the train is on time for once."),
    ("en-us+f2", "And then she told me that they had painted the whole kitchen in yellow."),
    ("en-us+m6", "No, the other table, please, the one beside the window with the flowers."),
    ("en-gb+f4", "Two coffees and a slice of the apple cake, that is all, thank you very much."),
    ("en-us+m1", "He has been working on that old car every weekend since the summer began."),
)
"""Voices, and what each of them says in the background."""
_LOUDEST = 0.99


def with_noise(
    samples: Samples, rate_hz: int, snr_db: float, kind: Noise, rng: random.Random
) -> Samples:
    """The sound with noise of a mean power that is `snr_db` below its own. Where the sum would
    exceed 1, both become quieter; silence stays silent."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    if kind == "none" or power == 0:
        return samples
    chance = np.random.default_rng(rng.getrandbits(64))
    noise = _KINDS[kind](len(samples), rate_hz, chance)
    wanted = power / 10 ** (snr_db / 10)
    mixed = samples + noise * np.sqrt(wanted / np.mean(np.square(noise)))
    return np.asarray(mixed * min(1.0, _LOUDEST / float(np.abs(mixed).max())), np.float32)


def _babble(length: int, rate_hz: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """Several people talk at once, none of them near."""
    mixed = np.zeros(length)
    for voice in _voices():
        said = resampled(*voice, rate_hz)
        start = int(chance.integers(len(said)))
        mixed += chance.uniform(0.4, 1) * np.resize(np.roll(said, -start), length)
    return mixed


@cache
def _voices() -> tuple[tuple[Samples, int], ...]:
    found = []
    for voice, text in _OVERHEARD:
        (speech,) = Espeak(voice, 170).synthesize(text, "en")
        found.append((speech.samples, speech.sample_rate_hz))
    return tuple(found)


def _hum(length: int, rate_hz: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """The mains and its harmonics, weaker the higher, with a breath of hiss."""
    seconds = np.arange(length) / rate_hz
    mains_hz = chance.choice(_MAINS_HZ)
    hum = 0.02 * chance.standard_normal(length)
    for number in range(1, _HARMONICS + 1):
        phase, strength = chance.uniform(0, 2 * np.pi), chance.uniform(0.4, 1) / number
        hum += strength * np.sin(2 * np.pi * number * mains_hz * seconds + phase)
    return hum


def _hiss(length: int, rate_hz: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """A cheap microphone: white noise."""
    return chance.standard_normal(length)


def _street(length: int, rate_hz: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """Rumble that falls by 3 to 6 dB an octave, swelling as something drives by."""
    spectrum = np.fft.rfft(chance.standard_normal(length))
    hertz = np.fft.rfftfreq(length, 1 / rate_hz)
    spectrum /= np.maximum(hertz, 30) ** chance.uniform(0.5, 1)
    seconds = np.arange(length) / rate_hz
    swell = 1 + 0.7 * np.sin(2 * np.pi * (seconds / chance.uniform(2, 6) + chance.uniform()))
    return np.asarray(np.fft.irfft(spectrum, length) * swell)


_KINDS: Mapping[str, Callable[[int, int, np.random.Generator], NDArray[np.float64]]] = {
    "babble": _babble,
    "hum": _hum,
    "hiss": _hiss,
    "street": _street,
}
NOISES: tuple[Noise, ...] = ("none", "babble", "hum", "hiss", "street")
