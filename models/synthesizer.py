"""Text to speech: the protocol, and what engines share that make a sentence at once. The default is
`models.espeak.Espeak`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.sentences import sentences


@dataclass(frozen=True)
class Speech:
    """A piece of spoken sound."""

    samples: NDArray[np.float32]
    """Mono, from -1 to 1; shape (length,)."""
    sample_rate_hz: int
    text: str = ""
    """The sentence that is spoken."""
    ends: bool = True
    """Whether the sentence is over with it. An engine that gives sound while it makes it gives a
    sentence in several pieces."""

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz


@dataclass(frozen=True)
class Voice:
    """A voice that an engine has."""

    name: str
    """What `synthesizer.voice` is set to."""
    language: str
    """BCP 47 tag (`en-gb`); `mul` for whatever language it is given."""
    description: str = ""
    """Who it is, in a few words; the licence of its recordings, where that is known."""


class Synthesizer(Protocol):
    """Speaks sentences. All sound of one engine has one sample rate."""

    def voices(self) -> list[Voice]:
        """All voices that can be chosen; of each language the one first that it has by default."""

    def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
        """Speak plain text, sentence by sentence (`models.sentences`), each made when it is asked
        for. `language`: a BCP 47 tag; without a voice for it the engine raises `LanguageUnspoken`.
        `listener`: who hears it; one listener hears one voice, however often this is called.

        Blocks while a sentence is made; raises `EngineFailed` where that cannot be done. May be
        called from several threads.
        """


class LanguageUnspoken(Exception):
    """The engine has no voice for a language."""

    def __init__(self, language: str) -> None:
        self.language = language
        super().__init__(f"there is no voice for the language {language!r}")


def sentence_by_sentence(
    text: str, rate_hz: int, speak: Callable[[str], NDArray[np.float32]]
) -> Iterator[Speech]:
    """A text as an engine speaks it that makes a sentence at once; what gives no sound is left
    out. `speak`: the samples of a sentence."""
    for sentence in sentences(text):
        samples = speak(sentence)
        if len(samples):
            yield Speech(samples, rate_hz, sentence)
