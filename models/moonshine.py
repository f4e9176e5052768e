"""The default transcriber: finds speech, hears it with Moonshine tiny, and judges what it heard.

Moonshine tiny knows English alone and writes English words for any sound. So what it wrote is
believed only as far as it does itself: where the words were guesses, the transcript says so in
`problem` and the guesses are left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.moonshine_decoder import Hearing, MoonshineDecoder, Samples
from models.transcriber import Transcript
from models.voice_activity import (
    PIECE,
    SAMPLE_RATE_HZ,
    Stretch,
    speech_probabilities,
    speech_stretches,
)

LONGEST_S = 15.0
"""What is heard at once. Longer speech is parted at its pauses."""
SHORTEST_CUT_S = 8.0
"""Speech without a pause is cut, where it is softest, after this time and before `LONGEST_S`."""
LEAD_S = 0.5
"""Silence before and after each part. The model was trained on whole clips and drops words at the
very edge: on LJSpeech this lowers the word error from 10 to 3 %, on espeak's voices from 28 to
15 %."""
QUIET_PEAK = 0.1
LIFTED_PEAK = 0.5
"""A recording that never exceeds `QUIET_PEAK` is amplified to this."""
SILENT_LEVEL = 0.004
"""Root mean square of the loudest tenth of a second, below which nothing was recorded."""
LEAST_SPEECH_S = 0.15

UNDERSTOOD = 0.57
"""Least confidence at which the words are kept. It was set on these clips: all 71 of people
speaking English are above it, 147 of 156 of espeak's voices in twelve other languages below; of
espeak's English, what falls below has three words of five wrong."""
SAME_LANGUAGE = 0.5
"""Below this it is taken for another language."""
VOICE_NEAR = 0.8
"""People who speak to the microphone make the voice detector at least this sure; a crowd in the
background does not."""

_WORD = re.compile(r"[^\W\d_]|\d")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")


@dataclass(frozen=True)
class _Part:
    """A part of a recording and what was heard in it."""

    stretch: Stretch
    hearing: Hearing

    @property
    def confidence(self) -> float:
        return _confidence([self.hearing])

    @property
    def understood(self) -> bool:
        return self.confidence >= UNDERSTOOD and bool(_WORD.search(self.hearing.text))


class MoonshineTranscriber:
    """English speech to text; 10 s take about 0.2 s on one core, and no less on two. Thread-safe.

    `confidence` is the geometric mean of the probabilities that the decoder gave to its tokens.

    Raises `EngineMissing` if the model is not installed.
    """

    name = "moonshine-tiny-en"
    languages = frozenset({"en"})

    def __init__(self, threads: int = 1) -> None:
        self._decoder = MoonshineDecoder(threads)

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        """Mono sound at 16 kHz, of any length, to text."""
        level = _level(samples)
        samples = _lifted(samples)
        probabilities = speech_probabilities(samples)
        stretches = speech_stretches(probabilities)
        voiced = probabilities[probabilities >= 0.5]
        speech_s = len(voiced) * PIECE / SAMPLE_RATE_HZ
        if not stretches or speech_s < LEAST_SPEECH_S:
            problem = "audio_silence" if level < SILENT_LEVEL else "audio_not_speech"
            return Transcript("", "", 0.0, speech_s, problem)
        parts = [
            _Part(stretch, self._decoder.hear(_framed(samples, stretch)))
            for stretch in parts_to_hear(stretches, probabilities)
        ]
        return _judged(parts, speech_s, near=float(voiced.mean()) >= VOICE_NEAR)


def parts_to_hear(
    stretches: Sequence[Stretch], probabilities: NDArray[np.float32]
) -> list[Stretch]:
    """Speech in parts of at most `LONGEST_S`, each as long as pauses allow, with nothing of it
    left out: neighbours are joined with the pause between them, and what is too long is cut where
    `probabilities` of speech are lowest."""
    longest = round(LONGEST_S * SAMPLE_RATE_HZ)
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
            first = (start + round(SHORTEST_CUT_S * SAMPLE_RATE_HZ)) // PIECE
            softest = first + int(probabilities[first : (start + longest) // PIECE].argmin())
            parts.append(Stretch(start, softest * PIECE))
            start = softest * PIECE
        parts.append(Stretch(start, stretch.end))
    return parts


def _judged(parts: Sequence[_Part], speech_s: float, *, near: bool) -> Transcript:
    """What of the parts can be believed. Where most can, the rest is left out and `problem` says
    so."""
    kept = [part for part in parts if part.understood]
    lost = [part for part in parts if not part.understood]
    text = " ".join(part.hearing.text for part in kept)
    confidence = _confidence([part.hearing for part in kept or parts])
    if text and not _mostly_latin(text):
        return Transcript("", "", confidence, speech_s, "audio_language")
    if not lost:
        return Transcript(text, "en", confidence, speech_s)
    # A cough or a word in passing is no reason to complain of the rest.
    lost_s = sum(part.stretch.seconds for part in lost)
    if kept and lost_s < 0.15 * sum(part.stretch.seconds for part in parts):
        return Transcript(text, "en", confidence, speech_s)
    problem = _problem(lost, near=near)
    return Transcript(text, "en" if text else "", confidence, speech_s, problem)


def _problem(lost: Sequence[_Part], *, near: bool) -> str:
    words = " ".join(part.hearing.text for part in lost)
    if not near or not _WORD.search(words):
        return "audio_not_speech"
    certain = _confidence([part.hearing for part in lost]) < SAME_LANGUAGE
    return "audio_language" if certain or not _mostly_latin(words) else "audio_unclear"


def _confidence(hearings: Sequence[Hearing]) -> float:
    chances = np.concatenate([hearing.log_probabilities for hearing in hearings])
    return float(np.exp(chances.mean())) if len(chances) else 0.0


def _mostly_latin(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(bool(_LATIN.match(letter)) for letter in letters) >= len(letters)


def _framed(samples: Samples, stretch: Stretch) -> Samples:
    """A part of a recording with silence around it."""
    lead = round(LEAD_S * SAMPLE_RATE_HZ)
    return np.pad(samples[stretch.start : stretch.end], lead)


def _lifted(samples: NDArray[np.float32]) -> Samples:
    samples = np.nan_to_num(np.asarray(samples, np.float32), posinf=0.0, neginf=0.0)
    peak = float(np.abs(samples).max(initial=0.0))
    if SILENT_LEVEL < peak < QUIET_PEAK:
        return samples * np.float32(LIFTED_PEAK / peak)
    return samples


def _level(samples: Samples) -> float:
    """Root mean square of the loudest tenth of a second."""
    window = SAMPLE_RATE_HZ // 10
    whole = samples[: len(samples) // window * window].reshape(-1, window)
    if not len(whole):
        return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
    return float(np.sqrt((whole**2).mean(axis=1)).max())
