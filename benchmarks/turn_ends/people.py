"""People's recordings as turns: as they are, and with a pause put in where they break off least
audibly. The orders are Picovoice's (Apache 2.0), the reader is LJSpeech's (public domain)."""

import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.turn_ends.callers import AFTER_S, LONGEST_PAUSE_S, RATE_HZ, SHORTEST_PAUSE_S, Sound
from benchmarks.turn_ends.sentences import DATA
from models.audio import decode
from models.understanding.prosody import HOP, LEVEL_WINDOW, levels_of
from models.voice_activity import PIECE, speech_probabilities

_LONGEST_S = 60.0
_FRAMES_PER_S = RATE_HZ // HOP
_FROM_BEGINNING_S, _TO_END_S = 0.6, 0.45
_SOFTER_DB = 14.0
"""Than most of the voice, where it is cut."""
_FADE = HOP


def orders() -> list[Path]:
    return sorted((DATA / "spoken_orders" / "data" / "speech").rglob("*.wav"))


def ordered(file: Path) -> list[str]:
    """What is wanted in a recording of an order, in words that are said in it."""
    slots: dict[str, str] = _labels()[file.name]["slots"]
    return list(slots.values())


@cache
def _labels() -> dict[str, dict[str, Any]]:
    labels: dict[str, dict[str, Any]] = json.loads(
        (DATA / "spoken_orders" / "label_dev60.json").read_text("utf-8")
    )
    return labels


def readings() -> list[Path]:
    return sorted((DATA / "ljspeech").glob("*.wav"))


def turn(file: Path) -> Sound:
    """A recording with silence around it."""
    sound = decode(file.read_bytes(), limit_s=_LONGEST_S, sample_rate_hz=RATE_HZ)
    return np.pad(sound, (round(0.3 * RATE_HZ), round(AFTER_S * RATE_HZ)))


def broken_off(sound: Sound, times: int, rng: random.Random) -> Iterator[Sound]:
    """The turn with a pause in it, each time elsewhere."""
    levels = np.convolve(levels_of(sound, LEVEL_WINDOW), np.ones(3) / 3, "same")
    spoken = np.flatnonzero(speech_probabilities(sound) > 0.5) * PIECE / HOP
    first = round(spoken[0] + _FROM_BEGINNING_S * _FRAMES_PER_S)
    last = round(spoken[-1] - _TO_END_S * _FRAMES_PER_S)
    if last <= first:
        return
    least = np.percentile(levels[first:last], 70) - _SOFTER_DB
    at = [
        n
        for n in range(first, last)
        if levels[n] <= least and levels[n] == levels[n - 6 : n + 7].min()
    ]
    fade = np.linspace(1, 0, _FADE, dtype=np.float32)
    for _ in range(times if at else 0):
        cut = rng.choice(at) * HOP
        before, after = sound[:cut].copy(), sound[cut:].copy()
        before[-_FADE:] *= fade
        after[:_FADE] *= fade[::-1]
        pause = round(rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S) * RATE_HZ)
        yield np.concatenate([before, np.zeros(pause, np.float32), after])
