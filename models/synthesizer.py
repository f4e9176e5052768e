"""Text to speech: the protocol. The default is `models.espeak.Espeak`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Speech:
    """A piece of spoken sound."""

    samples: NDArray[np.float32]
    """Mono, from -1 to 1; shape (length,)."""
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz


@dataclass(frozen=True)
class Voice:
    """A voice that an engine has."""

    name: str
    """What `synthesizer.voice` is set to."""
    language: str
    """BCP 47 tag (`en-gb`)."""
    description: str = ""


class Synthesizer(Protocol):
    """Speaks sentences."""

    def voices(self) -> list[Voice]:
        """All voices that can be chosen."""

    def synthesize(self, text: str, language: str) -> Iterator[Speech]:
        """Speak plain text, sentence by sentence. `language`: a BCP 47 tag; without a voice for it
        the engine raises `LanguageUnspoken`.

        Blocks while a sentence is made. May be called from several threads.
        """


class LanguageUnspoken(Exception):
    """The engine has no voice for a language."""

    def __init__(self, language: str) -> None:
        self.language = language
        super().__init__(f"there is no voice for the language {language!r}")
