"""What a project declares of an intent, and all of its intents together.

Filled by `bot.intents.folder`; `bot.intents.observing` makes training examples of it.
"""

import hashlib
import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rapidfuzz.process import extractOne

from bot.errors import OperatorError
from bot.knowledge.article import article_named
from models.understanding.observation import Labels

NAME = re.compile(r"[a-z0-9_.-]+")
ANY_LANGUAGE = ""
"""The key of a text that is not given by language."""
TOLD_AT_MOST = 200
"""Problems that one error lists."""
_SQUEEZED = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Medium:
    """A picture or a recording that belongs to an example."""

    path: Path
    digest: str
    """SHA-256 of its bytes, in hexadecimal, when the intents were read."""


@dataclass(frozen=True)
class WrittenExample:
    """One turn of a customer as it is written down, with what it means."""

    text: str
    """What was typed; may be empty where there is a medium."""
    labels: Labels
    image: Medium | None = None
    recording: Medium | None = None
    history: tuple[str, ...] = ()
    """The customer's earlier turns, oldest first."""
    place: str = ""
    """`returns.yaml:12`: the file below its folder, and the line."""

    @property
    def sameness(self) -> tuple[str, ...]:
        """Equal for examples that say the same but for case, spaces and punctuation."""
        media = [medium.digest if medium else "" for medium in (self.image, self.recording)]
        return (squeezed(self.text), *media, *map(squeezed, self.history))


@dataclass(frozen=True)
class Intent:
    """One thing that customers want."""

    name: str
    examples: tuple[WrittenExample, ...]
    place: str
    """`returns.yaml:1`"""
    title: Mapping[str, str] = field(default_factory=dict)
    """How the desk names it when it asks back, by ISO 639-1 code or `ANY_LANGUAGE`."""
    answer: Mapping[str, str] = field(default_factory=dict)
    """Markdown, by ISO 639-1 code or `ANY_LANGUAGE`; empty where an article or the knowledge as a
    whole answers."""
    article: str = ""
    """Path in the knowledge folder, without suffix."""
    handoff: bool = False
    """This is for a person."""

    def title_in(self, language: str) -> str:
        """What the desk calls it; its name where it has no title."""
        return in_language(self.title, language) or self.name.replace("_", " ")

    def answer_in(self, language: str) -> str:
        """Markdown; empty where it has no answer of its own."""
        return in_language(self.answer, language)


@dataclass(frozen=True)
class IntentSet:
    """All intents of a project, sorted by name; `out_of_scope` is none of them."""

    intents: tuple[Intent, ...] = ()
    out_of_scope: tuple[WrittenExample, ...] = ()
    """What no intent covers."""
    warnings: tuple[str, ...] = ()
    """What should be mended but hinders nobody, a sentence each."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(intent.name for intent in self.intents)

    @cached_property
    def by_name(self) -> Mapping[str, Intent]:
        return {intent.name: intent for intent in self.intents}

    @cached_property
    def examples(self) -> tuple[WrittenExample, ...]:
        """Of all intents and out of scope, in a stable order."""
        every = (each for intent in self.intents for each in intent.examples)
        return (*every, *self.out_of_scope)

    @cached_property
    def digest(self) -> str:
        """Changes with everything that a training depends on: texts, labels and the bytes of
        media; not with titles, answers, or the place of a file."""
        return digest_of(self.examples)


def digest_of(examples: Sequence[WrittenExample]) -> str:
    """SHA-256 in hexadecimal, whatever their order."""
    parts = sorted(
        repr(
            (
                each.text,
                each.image and each.image.digest,
                each.recording and each.recording.digest,
                each.history,
                each.labels,
            )
        )
        for each in examples
    )
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def squeezed(text: str) -> str:
    """A text without its case, spaces and punctuation; those alone are kept as they are."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _SQUEEZED.sub(" ", folded).strip() or folded.strip()


def in_language(texts: Mapping[str, str], language: str) -> str:
    """The text for a language (`de`), or the one for any, or the first; empty without any."""
    return texts.get(language) or texts.get(ANY_LANGUAGE) or next(iter(texts.values()), "")


def missing_articles(intents: IntentSet, known: Collection[str]) -> tuple[str, ...]:
    """A sentence for each intent whose article is not there.

    `known`: the ids of all articles.
    """
    return tuple(
        f"{intent.place}: there is no article `{intent.article}` in the knowledge folder"
        f"{meant(intent.article, known)}"
        for intent in intents.intents
        if intent.article and article_named(intent.article, known) is None
    )


def meant(word: str, valid: Collection[str]) -> str:
    """`; did you mean …?` where something valid is near, otherwise nothing."""
    close = extractOne(word, valid, score_cutoff=60) if word else None
    return f"; did you mean `{close[0]}`?" if close else ""


def out_of_bounds(key: str, value: float) -> str:
    """What is wrong with a label's number; empty if nothing is."""
    low = -1 if key == "sentiment" else 0
    if math.isfinite(value) and low <= value <= 1:
        return ""
    return f"`{key}` is {value:g}; it must be between {low} and 1"


def refuse(problems: Sequence[str], remedy: str) -> None:
    """Raises one `OperatorError` that lists them all; does nothing if there are none."""
    if not problems:
        return
    told = list(dict.fromkeys(problems))
    more = len(told) - TOLD_AT_MOST
    if more > 0:
        told = [*told[:TOLD_AT_MOST], f"… and {more} more"]
    raise OperatorError("\n".join(told), remedy=remedy)
