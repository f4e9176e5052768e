"""Hears a recording part by part: where it is spoken, in pieces that an engine can take at once.

Voice activity stands in front of every engine, for all of them write words for silence and music.
Used by `models.moonshine` and the Whispers; `models.growing` does the same for sound that comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.transcriber import Transcript
from models.voice_activity import (
    PIECE,
    SAMPLE_RATE_HZ,
    Stretch,
    speech_probabilities,
    speech_stretches,
)

Samples = NDArray[np.float32]
Heard = TypeVar("Heard")

QUIET_PEAK = 0.1
LIFTED_PEAK = 0.5
"""A recording that never exceeds `QUIET_PEAK` is amplified to this."""
SILENT_LEVEL = 0.004
"""Root mean square of the loudest tenth of a second, below which nothing was recorded."""
LEAST_SPEECH_S = 0.15
VOICE_NEAR = 0.8
"""People who speak to the microphone make the voice detector at least this sure; a crowd in the
background does not."""


@dataclass(frozen=True)
class Part(Generic[Heard]):
    """A part of a recording and what was heard in it."""

    stretch: Stretch
    heard: Heard


@dataclass(frozen=True)
class Speech:
    """How much is spoken in a recording, and how clearly."""

    seconds: float
    near: bool
    """To the microphone, and not in the background."""


class HearsParts(Protocol[Heard]):
    """An engine that takes a recording in parts. `Heard` is what it makes of one."""

    longest_s: float
    """What it takes at once. Longer speech is parted at its pauses."""
    shortest_cut_s: float
    """Speech without a pause is cut, where it is softest, after this time and before
    `longest_s`."""
    overhead_s: float
    """A part costs as much as its seconds and these."""

    def hear_part(self, samples: Samples, draft: Heard | None, *, final: bool) -> Heard:
        """What is said in a part, mono at 16 kHz. `draft`: what was heard in its beginning, or in
        a bit more than it; may save work, and makes no `final` result worse. One that is not
        final is shown for a moment only, and may be heard for less."""

    def text_of(self, heard: Heard) -> str:
        """The words in it."""

    def judge(self, parts: Sequence[Part[Heard]], speech: Speech) -> Transcript:
        """What of a recording's parts can be believed."""


def hear_in_parts(engine: HearsParts[Heard], samples: Samples) -> Transcript:
    """The transcript of a whole recording, mono at 16 kHz."""
    samples = cleaned(samples)
    lifted = samples * gain_for(peak_of(samples))
    probabilities = speech_probabilities(lifted)
    parts = [
        Part(stretch, engine.hear_part(lifted[stretch.start : stretch.end], None, final=True))
        for stretch in parts_to_hear(
            speech_stretches(probabilities), probabilities, engine.longest_s, engine.shortest_cut_s
        )
    ]
    return judged(engine, parts, samples, probabilities)


def judged(
    engine: HearsParts[Heard],
    parts: Sequence[Part[Heard]],
    samples: Samples,
    probabilities: NDArray[np.float32],
) -> Transcript:
    """The engine's judgement of what was heard in `samples`, if anything was said in them."""
    voiced = probabilities[probabilities >= 0.5]
    speech_s = len(voiced) * PIECE / SAMPLE_RATE_HZ
    if not parts or speech_s < LEAST_SPEECH_S:
        problem = "audio_silence" if level_of(samples) < SILENT_LEVEL else "audio_not_speech"
        return Transcript("", "", 0.0, speech_s, problem)
    return engine.judge(parts, Speech(speech_s, near=float(voiced.mean()) >= VOICE_NEAR))


def parts_to_hear(
    stretches: Sequence[Stretch],
    probabilities: NDArray[np.float32],
    longest_s: float,
    shortest_cut_s: float,
) -> list[Stretch]:
    """Speech in parts of at most `longest_s`, each as long as pauses allow, with nothing of it
    left out: neighbours are joined with the pause between them, and what is too long is cut where
    `probabilities` of speech are lowest."""
    longest = round(longest_s * SAMPLE_RATE_HZ)
    joined: list[Stretch] = []
    for stretch in stretches:
        if joined and stretch.end - joined[-1].start <= longest:
            joined[-1] = Stretch(joined[-1].start, stretch.end)
        else:
            joined.append(stretch)
    parts: list[Stretch] = []
    for stretch in joined:
        start = stretch.start
        while stretch.end - start > longest:
            first = (start + round(shortest_cut_s * SAMPLE_RATE_HZ)) // PIECE
            softest = first + int(probabilities[first : (start + longest) // PIECE].argmin())
            parts.append(Stretch(start, softest * PIECE))
            start = softest * PIECE
        parts.append(Stretch(start, stretch.end))
    return parts


def cleaned(samples: NDArray[np.float32]) -> Samples:
    """Without what is no number."""
    return np.nan_to_num(np.asarray(samples, np.float32), posinf=0.0, neginf=0.0)


def peak_of(samples: Samples) -> float:
    return float(np.abs(samples).max(initial=0.0))


def gain_for(peak: float) -> np.float32:
    """What a recording with this peak is multiplied by."""
    return np.float32(LIFTED_PEAK / peak if SILENT_LEVEL < peak < QUIET_PEAK else 1.0)


def level_of(samples: Samples) -> float:
    """Root mean square of the loudest tenth of a second."""
    window = SAMPLE_RATE_HZ // 10
    whole = samples[: len(samples) // window * window].reshape(-1, window)
    if not len(whole):
        return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
    return float(np.sqrt((whole**2).mean(axis=1)).max())
