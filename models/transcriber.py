"""Speech to text: what is heard, and the protocols. The default is `models.moonshine`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Word:
    """One word and when it is said, in seconds from the beginning of the recording."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """What was heard in one recording."""

    text: str
    """Empty where nothing was understood; `problem` says why."""
    language: str
    """ISO 639-1 code of the language that `text` is in; empty where that is not known."""
    confidence: float
    """0 to 1: how sure the engine is of the words, by its own account."""
    speech_s: float
    """Seconds in which somebody speaks."""
    problem: str = ""
    """Why the recording, or a part of it, can't be used: `audio_silence`, `audio_not_speech`,
    `audio_language`, `audio_unclear`; `perception_missing` where the engine failed. Empty where
    all of it can."""
    words: tuple[Word, ...] = ()
    """The words of `text`, in their order; empty where the engine does not tell when they are
    said."""


@dataclass(frozen=True)
class Partial:
    """What has been heard of sound that still comes."""

    stable: str = ""
    """The beginning, on which the engine agreed with itself; it only ever becomes longer. The
    transcript at the end may still put it better."""
    tentative: str = ""
    """What follows it; may change with all that is heard next."""

    @property
    def text(self) -> str:
        return self.stable + self.tentative


class Listener(Protocol):
    """Hears one recording while it comes. Belongs to one thread at a time."""

    def hear(self, samples: NDArray[np.float32]) -> Partial:
        """The next piece, mono at 16 kHz, of any length; what has been understood so far. Most
        calls only keep the sound and return at once; one that finds enough that is new works on
        it and blocks meanwhile. Never raises for what is in the sound."""

    def finish(self) -> Transcript:
        """The transcript of all that came up to now, as `Transcriber.transcribe` would give it.

        More sound may follow: a later call tells it all. So it may be called as soon as a pause
        begins, to have the transcript if the pause turns out to be the end. If 0.2 s of the pause
        were in it, then calling it again later in the same pause costs nothing."""


class Transcriber(Protocol):
    """Writes down what is said."""

    @property
    def name(self) -> str:
        """Which engine and model, for a trace."""

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes of what it understands."""

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        """Mono sound at 16 kHz, of any length, to text. Blocks; may be called from several
        threads. Never raises for what is in the sound."""

    def listen(self) -> Listener:
        """For sound that is still to come, such as a call's; `models.growing` is one for every
        engine that hears in parts. May be called from several threads."""


@runtime_checkable
class TakesNames(Protocol):
    """A transcriber that can be told how names are spelt."""

    def tell_names(self, names: Sequence[str]) -> None:
        """The names, most important first, in the place of those told before; those it was made
        with come before them. At any time, from any thread."""
