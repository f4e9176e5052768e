"""The training's callers: sentences with pauses inside, in many voices, over several lines."""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.turn_ends.sentences import PAUSE, SHORT, paused, written
from models.audio import resampled
from models.espeak import Espeak
from models.synthesis.noise import NOISES, with_noise
from models.synthesis.transmission import phone_band

Sound = NDArray[np.float32]

RATE_HZ = 16_000
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 1.2
AFTER_S = 1.6
"""Of the line, after the end."""
_LANGUAGES = (
    "en-gb", "en-us", "en-gb-x-rp", "en-us-nyc", "en-gb-scotland", "en-gb-x-gbclan",
    "en-gb-x-gbcwmd", "en-029",
)  # fmt: skip
_PEOPLE = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5")
_MEASURED = frozenset({"en-us", "en-gb+f3", "en-us+m3", "en-gb", "en-us+f5"})
"""The voices of `benchmarks/calls`: never trained on."""
_LINES = ("clean", "clean", "clean", "noisy", "phone", "phone")
_SILENT = 0.01


@dataclass(frozen=True)
class Clip:
    """A turn as it arrives."""

    text: str
    """With its pauses marked."""
    line: str
    sound: Sound
    """Mono at 16 kHz."""
    ends_s: float
    """Where the voice really ends."""


def caller(sentences: tuple[str, ...], part: int, rng: random.Random) -> Clip:
    """One turn. `part`: 0 or 1; the voices and sentences of one are not those of the other."""
    voice, rate = _voice(part, rng), rng.randint(145, 190)
    kind = rng.choices(("paused", "whole", "short"), (0.57, 0.37, 0.06))[0]
    text = rng.choice(SHORT)
    if kind != "short":
        text = written(rng.choice(sentences[part::2]))
    if kind == "paused":
        text = paused(text, rng)
    sound = _said(text, voice, rate, rng) * np.float32(rng.uniform(0.25, 1))
    before = np.zeros(round(rng.uniform(0.3, 0.6) * RATE_HZ), np.float32)
    ends_s = (len(before) + len(sound)) / RATE_HZ
    line = rng.choice(_LINES)
    sound = np.concatenate([before, sound, np.zeros(round(AFTER_S * RATE_HZ), np.float32)])
    return Clip(text, line, _arriving(line, sound, ends_s, rng), ends_s)


def _voice(part: int, rng: random.Random) -> str:
    while True:
        person = rng.choice(_PEOPLE)
        language = rng.choice(_LANGUAGES if rng.random() < 0.3 else _LANGUAGES[:4])
        voice = f"{language}+{person}"
        if voice not in _MEASURED and sum(map(ord, person)) % 2 == part:
            return voice


def _said(text: str, voice: str, rate: int, rng: random.Random) -> Sound:
    parts = [part.strip() for part in text.split(PAUSE)]
    sound = np.zeros(0, np.float32)
    for at, part in enumerate(parts[:-1]):
        rest = " ".join(parts[at:])
        pause = round(rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S) * RATE_HZ)
        spoken = _before_pause(part, rest, voice, rate, rng)
        sound = np.concatenate([sound, spoken, np.zeros(pause, np.float32)])
    last = parts[-1]
    if rng.random() < 0.06:  # some people's voices do not fall
        last = last.rstrip(" .,;:?!") + ","
    return np.concatenate([sound, _spoken(last, voice, rate)])


def _before_pause(part: str, rest: str, voice: str, rate: int, rng: random.Random) -> Sound:
    """As people break off: the voice stays up, mostly; or a word stands as it does in the middle of
    a sentence; or it is filled; or it falls as if it were the end."""
    bare = part.rstrip(" .,;:?!") or part
    how = rng.choices(
        (",", ";", ":", "broken off", "filled", "."), (0.5, 0.06, 0.04, 0.28, 0.05, 0.07)
    )[0]
    if how == "broken off":
        return _broken_off(rest, len(part), voice, rate)
    if how == "filled":
        return _spoken(bare + rng.choice((", um,", " uh,", ", er,")), voice, rate)
    return _spoken(bare + how, voice, rate)


def _broken_off(whole: str, length: int, voice: str, rate: int) -> Sound:
    """The first `length` characters of a sentence, spoken as a part of it: what is spoken of it
    takes as large a share of the time as the same words alone take of all, to where it is softest
    nearby."""
    sound, alone = _spoken(whole, voice, rate), _spoken(whole[:length], voice, rate)
    rest = _spoken(whole[length:], voice, rate)
    share = len(alone) / max(1, len(alone) + len(rest))
    near = round(0.08 * RATE_HZ)
    middle = min(max(near, round(share * len(sound))), len(sound) - near)
    around = np.abs(sound[middle - near : middle + near])
    softest = middle - near + int(np.convolve(around, np.ones(160), "same").argmin())
    cut = sound[:softest].copy()
    fade = min(len(cut), 320)
    cut[len(cut) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return cut


def _spoken(text: str, voice: str, rate: int) -> Sound:
    pieces = list(Espeak(voice, rate).synthesize(text, "en"))
    rate_hz = pieces[0].sample_rate_hz
    sound = resampled(np.concatenate([piece.samples for piece in pieces]), rate_hz, RATE_HZ)
    audible = np.flatnonzero(np.abs(sound) > _SILENT)
    return sound[audible[0] : audible[-1] + 1] if len(audible) else sound[:0]


def _arriving(line: str, sound: Sound, ends_s: float, rng: random.Random) -> Sound:
    chance = np.random.default_rng(rng.getrandbits(32))
    if line == "noisy":
        kind = rng.choice([kind for kind in NOISES if kind != "none"])
        decibels = rng.uniform(14, 28)
        if rng.random() < 0.5:
            sound = with_noise(sound, RATE_HZ, decibels, kind, rng)
        else:  # suppressed where nobody speaks
            end = round(ends_s * RATE_HZ)
            sound[:end] = with_noise(sound[:end], RATE_HZ, decibels, kind, rng)
    elif line == "phone":
        narrow, rate_hz = phone_band(sound, RATE_HZ)
        sound = resampled(narrow, rate_hz, RATE_HZ)
    hiss = rng.choice((0.0, 0.0, 0.0003, 0.001)) * chance.standard_normal(len(sound))
    return np.asarray(sound + hiss, np.float32)
