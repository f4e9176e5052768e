"""What every Whisper has in common: which of its words are believed, and how they are put together.

Whisper writes fluent sentences for noise, goes round in circles, and answers silence with thanks
for watching. Voice activity stands in front (`models.speech_parts`); behind it, each segment is
judged by the rules of the original, https://arxiv.org/abs/2212.04356, section 4.5: how sure the
decoder was, how well its text compresses, how likely it took the sound for silence. The engines
are `models.faster_whisper`, `models.openai_whisper` and `models.openai_transcriber`.
"""

import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.errors import EngineMissing
from models.growing import GrowingListener
from models.speech_parts import Part, Samples, Speech, hear_in_parts
from models.transcriber import Transcript, Word

LONGEST_S = 29.0
"""A window of Whisper has 30 seconds, some of which `speech_stretches` may add as a margin."""
SHORTEST_CUT_S = 20.0

LEAST_LOG_PROBABILITY = -1.0
MOST_COMPRESSION = 2.4
SILENCE = 0.6
"""The original's thresholds: mean log probability of the tokens, length of the text divided by its
compressed length, probability that nobody speaks."""
A_PART = 0.15
"""Less than this share of the speech may be lost without a word about it."""

WINDOW_TOKENS = 448
PROMPT_TOKENS = WINDOW_TOKENS // 2 - 1
PROMPT_BYTES = 2 * PROMPT_TOKENS
"""Names are no common words: a token has some two bytes of them."""
DRAFT_TOKENS_PER_SECOND = 10
SPARE_TOKENS = 8


@dataclass(frozen=True)
class Segment:
    """A sentence or so, as Whisper wrote it."""

    text: str
    """With the space before it, in languages that have one."""
    start_s: float
    end_s: float
    log_probability: float
    """Mean of its tokens, or of those of its window."""
    compression: float
    no_speech: float
    """Probability that nobody speaks in its window."""
    words: tuple[Word, ...] = ()

    @property
    def believed(self) -> bool:
        """Neither a loop nor a guess."""
        return (
            bool(self.text.strip())
            and self.compression <= MOST_COMPRESSION
            and self.log_probability >= LEAST_LOG_PROBABILITY
        )


@dataclass(frozen=True)
class Hearing:
    """What Whisper made of one part of a recording; times count from its beginning."""

    segments: tuple[Segment, ...]
    language: str
    """As detected or told; ISO 639-1."""


class Whisper(ABC):
    """Speech of any of 99 languages to text. Thread-safe. Implements
    `models.speech_parts.HearsParts`; an engine adds `name`, `languages` and `hear_part`.

    `confidence` is the geometric mean of the probabilities that the decoder gave to its tokens.
    """

    name: str
    languages: frozenset[str]
    longest_s = LONGEST_S
    shortest_cut_s = SHORTEST_CUT_S
    overhead_s: float

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._vocabulary = tuple(vocabulary)
        self._prompt = prompt_of(self._vocabulary)

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        """Mono sound at 16 kHz, of any length, to text."""
        return hear_in_parts(self, samples)

    def listen(self) -> GrowingListener[Hearing]:
        """For sound that is still to come."""
        return GrowingListener(self)

    @abstractmethod
    def hear_part(self, samples: Samples, draft: Hearing | None, *, final: bool) -> Hearing:
        """What is said in at most `LONGEST_S` seconds."""

    def tell_names(self, names: Sequence[str]) -> None:
        """See `models.transcriber.TakesNames`."""
        self._prompt = prompt_of((*self._vocabulary, *names))

    def text_of(self, heard: Hearing) -> str:
        """The words in it that are believed."""
        return "".join(each.text for each in heard.segments if each.believed).strip()

    def judge(self, parts: Sequence[Part[Hearing]], speech: Speech) -> Transcript:
        """The transcript without what is not believed; where that is much, `problem` says so."""
        kept: list[Segment] = []
        lost_s = 0.0
        votes: Counter[str] = Counter()
        for part in parts:
            believed = [each for each in part.heard.segments if each.believed]
            heard_s = sum(each.end_s - each.start_s for each in believed)
            kept += [_moved(each, part.stretch.start / 16_000) for each in believed]
            lost_s += max(0.0, part.stretch.seconds - heard_s) if _doubtful(part.heard) else 0.0
            votes[part.heard.language] += round(100 * heard_s) + len(believed)
        every = [each for part in parts for each in part.heard.segments]
        text = "".join(each.text for each in kept).strip()
        transcript = Transcript(
            text,
            votes.most_common(1)[0][0] if text else "",
            _confidence(kept or every),
            speech.seconds,
            words=tuple(word for each in kept for word in each.words),
        )
        if text and lost_s < A_PART * sum(part.stretch.seconds for part in parts):
            return transcript
        silent = all(each.no_speech > SILENCE or not each.text.strip() for each in every)
        wordless = not text and (silent or not speech.near)
        return replace(transcript, problem="audio_not_speech" if wordless else "audio_unclear")


def compression_of(text: str) -> float:
    """How many times shorter it becomes; high where it goes round in circles."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def draft_tokens(seconds: float) -> int:
    """How many tokens a draft of so much sound may have; what goes on after that is a loop."""
    return round(seconds * DRAFT_TOKENS_PER_SECOND) + SPARE_TOKENS


def drafted(
    text: str, language: str, seconds: float, *, log_probability: float, no_speech: float
) -> Hearing:
    """A draft: a window without times, which is one segment."""
    segment = Segment(text, 0.0, seconds, log_probability, compression_of(text), no_speech)
    return Hearing((segment,), language)


def prompt_of(vocabulary: Sequence[str]) -> str | None:
    """The names in the words that Whisper is to take for those said before; it spells what follows
    in the same way. As many as it reads: of what is longer it would forget the beginning."""
    kept: dict[str, str] = {}
    length = 0
    for name in vocabulary:
        length += 0 if name.casefold() in kept else len(name.encode()) + len(", ")
        if length > PROMPT_BYTES:
            break
        kept.setdefault(name.casefold(), name)
    return ", ".join(kept.values()) + "." if kept else None


def known_language(language: str, languages: frozenset[str], model: str) -> str | None:
    """The language to hear; None for whichever it is.

    Raises `EngineMissing` if the model does not know it.
    """
    if not language:
        return None
    if language not in languages:
        hears = "English alone" if languages == {"en"} else f"{len(languages)} others"
        raise EngineMissing(
            f"{model} does not hear the language {language!r}, but {hears}",
            remedy="leave `language` out, give its two letters (`de`), or choose another model",
        )
    return language


def _doubtful(heard: Hearing) -> bool:
    """Something in it was said and not understood."""
    return not heard.segments or not all(each.believed for each in heard.segments)


def _moved(segment: Segment, seconds: float) -> Segment:
    words = tuple(
        Word(word.text, word.start_s + seconds, word.end_s + seconds) for word in segment.words
    )
    return replace(
        segment, start_s=segment.start_s + seconds, end_s=segment.end_s + seconds, words=words
    )


def _confidence(segments: Sequence[Segment]) -> float:
    weights = [len(each.text) for each in segments]
    if not sum(weights):
        return 0.0
    mean = np.average([each.log_probability for each in segments], weights=weights)
    return float(np.exp(min(0.0, float(mean))))
