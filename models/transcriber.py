"""Speech to text: what is heard, and the protocol. The default is `models.moonshine`."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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
    """Why the recording can't be used: `audio_silence`, `audio_not_speech`, `audio_language`;
    empty where it can."""


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
