"""Whether a sentence of an answer is backed by the passages that it rests on.

A language model may make things up, and whoever gets an order into its input may have it say
anything. So each sentence is weighed by what can be counted: its words and numbers must be those of
the passages, its meaning near theirs, and where it denies something, they must too.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import msgspec
import yaml
from bm25s import stopwords

from bot.assistant.addresses import PICTURE, TAG, addresses_in, foreign
from bot.knowledge import Passage, Support
from bot.knowledge.passages import plain
from bot.knowledge.quote import units_of
from bot.knowledge.words import FILLERS, digits, fillers, normalise, stem, surface_words
from bot.language import language_of

BACKED = 1.05
"""Share of a sentence's words that stand in what backs it, and likeness in meaning, together. With
the rules below it passed 21 of 25 right sentences about the example shop's articles, and of 30
wrong ones none; what is left out of an answer costs less than what is wrong in it."""
LEAST_WORDS = 0.4
FEW_WORDS = 4
"""A sentence of no more words that say something must have all of them from what backs it."""
OTHER_LANGUAGE = 0.7
"""Likeness in meaning where sentence and passage share no words, being in two languages."""

_WORDS: Mapping[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "words.yaml").read_text("utf-8")
)


def _listed(name: str) -> frozenset[str]:
    return frozenset(word for words in _WORDS[name].values() for word in words.split())


def _pattern(name: str) -> str:
    return "(?:" + "|".join(_WORDS[name]).replace(" ", r"\s") + ")"


FUNCTION_WORDS = FILLERS.union(
    stopwords.STOPWORDS_EN_PLUS,
    stopwords.STOPWORDS_GERMAN,
    stopwords.STOPWORDS_SPANISH,
    fillers("zh"),
    fillers("ar"),
    _listed("courtesies"),
)
_NUMBERS: Mapping[str, float] = _WORDS["numbers"]
_DENIALS = _listed("denials")
_DENIED = re.compile(_pattern("denied"), re.IGNORECASE)
_ASKS_FOR_SECRETS = re.compile(
    "{hand_over}.{{0,60}}{secrets}|{secrets}.{{0,30}}{hand_over}".format(
        hand_over=_pattern("hand_over"), secrets=_pattern("secrets")
    ),
    re.IGNORECASE | re.DOTALL,
)
_PARTS = re.compile(r"[,;:]\s|\s[–—-]\s|[，、；：،؛]")
_MOSTLY = 0.5
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_COUNTING = re.compile(r"^\s*\d{1,2}[.)]\s")
_NEARLY_VERBATIM = 0.85


class Source(msgspec.Struct, frozen=True, dict=True):
    """A passage that the model was given, by the number that it cites."""

    number: int
    passage: Passage

    @cached_property
    def language(self) -> str:
        return self.passage.language or language_of(self.passage.text, "en")

    @cached_property
    def words(self) -> frozenset[str]:
        """Stems, of the text and of what stands above it."""
        return _stems(f"{self.passage.context}\n{self.passage.text}", self.language)

    @cached_property
    def numbers(self) -> frozenset[str]:
        return numbers_in(f"{self.passage.context}\n{self.passage.text}")

    @cached_property
    def denials(self) -> tuple[frozenset[str], ...]:
        """The words of each of its sentences and headings that denies something."""
        texts = [self.passage.title, *self.passage.headings]
        texts += [plain(unit.text) for unit in units_of(self.passage.text)]
        return tuple(_stems(text, self.language) for text in texts if denies(text))

    @cached_property
    def addresses(self) -> frozenset[str]:
        url = {self.passage.url} if self.passage.url else set()
        return frozenset(addresses_in(" ".join((self.passage.context, self.passage.text, *url))))


class Verdict(Enum):
    BACKED = "backed"
    NOTHING_SAID = "nothing said"
    """It has no words that could be right or wrong: "Yes, you can."."""
    UNBACKED = "unbacked"
    """It is left out."""
    FORBIDDEN = "forbidden"
    """The whole answer is not to be trusted."""


class Judged(msgspec.Struct, frozen=True):
    verdict: Verdict
    why: str = ""
    source: Source | None = None
    """What backs it best."""
    quote: str = ""
    """The words of the passage that do."""


def judge(sentence: str, supports: Sequence[tuple[Source, Support]]) -> Judged:
    """`supports`: the passages that it may rest on, each with what of it is nearest in meaning."""
    best = max(
        (_weigh(sentence, source, support) for source, support in supports),
        key=lambda weighed: weighed.total,
        default=None,
    )
    if asks_for_secret(sentence) and (best is None or best.words < _NEARLY_VERBATIM):
        return Judged(Verdict.FORBIDDEN, "asks for a secret")
    if not content_words(sentence) and not numbers_in(sentence) and not denies(sentence):
        return Judged(Verdict.NOTHING_SAID)
    if best is None or not best.enough:
        return Judged(Verdict.UNBACKED, "no passage says so")
    if shouted := _shouted(sentence) - best.source.words:
        return Judged(Verdict.UNBACKED, f"{len(shouted)} words in capitals are not in the passage")
    if unknown := numbers_in(sentence) - best.source.numbers:
        return Judged(Verdict.UNBACKED, f"{len(unknown)} of its numbers are not in the passage")
    if denied_alone(sentence, best.source):
        return Judged(Verdict.UNBACKED, "it denies what the passage does not")
    return Judged(Verdict.BACKED, "", best.source, best.quote)


def asks_for_secret(text: str) -> bool:
    """Whether somebody is asked to hand over what nobody should."""
    return _ASKS_FOR_SECRETS.search(text) is not None


def forbidden_in(sentence: str, sources: Sequence[Source], own: frozenset[str]) -> str:
    """What no answer may have, whatever else it says; empty where there is nothing. `own`: the
    customer's own addresses, which may be said back to them."""
    if PICTURE.search(sentence):
        return "shows a picture"
    if TAG.search(sentence):
        return "has markup"
    if foreign(sentence, {address for source in sources for address in source.addresses} | own):
        return "names an address that no passage has"
    return ""


class _Weighed(msgspec.Struct, frozen=True):
    source: Source
    quote: str
    words: float
    """Share of the sentence's words that it has."""
    said: int
    """How many those are."""
    likeness: float
    same_language: bool

    @property
    def total(self) -> float:
        return self.words + self.likeness

    @property
    def enough(self) -> bool:
        if self.said > 1 and self.words == 1.0:
            return True
        if self.same_language:
            least = LEAST_WORDS if self.said > FEW_WORDS else 1.0
            return self.total >= BACKED and self.words >= least
        return self.likeness >= OTHER_LANGUAGE or self.total >= BACKED


def _weigh(sentence: str, source: Source, support: Support) -> _Weighed:
    said = content_words(sentence)
    backing = _stems(f"{source.passage.context}\n{support.quote}", source.language)
    stems = {stem(word, source.language) for word in said}
    share = len(stems & backing) / len(stems) if stems else 1.0
    same = language_of(sentence, source.language) == source.language
    return _Weighed(source, support.quote, share, len(stems), support.likeness, same)


def content_words(text: str) -> list[str]:
    """The words of a text that say something; numbers are not among them."""
    return [w for w in surface_words(text) if w not in FUNCTION_WORDS and not w[0].isdigit()]


def numbers_in(text: str) -> frozenset[str]:
    """All numbers, in digits, also those in words; not the one that an entry of a list begins
    with. One is none: it is mostly a pronoun."""
    text = _COUNTING.sub("", normalise(text))
    found = {number.replace(",", "").rstrip(".:") for number in _NUMBER.findall(text)}
    words = surface_words(text.replace("-", " "))
    spoken = {str(_NUMBERS.get(word, digits(word))) for word in words}
    return frozenset(found | {word for word in spoken if word[:1].isdigit()} - {"1"})


def _shouted(text: str) -> set[str]:
    """Stems of words in capitals: names and codes, or somebody else's message."""
    return {
        stem(word.lower()) for word in re.findall(r"\b[^\W\d_a-z]{3,}\b", text) if word.isupper()
    }


def denies(text: str) -> bool:
    words = surface_words(text)
    return bool(_DENIALS.intersection(words) or _DENIED.search(normalise(text)))


def denied_alone(sentence: str, source: Source) -> bool:
    """Whether a part of a sentence denies something, and no sentence of the passage that has most
    of its words does: "returns are never accepted"."""
    for part in _PARTS.split(sentence):
        if not denies(part):
            continue
        said = {stem(w, source.language) for w in content_words(part) if w not in _DENIALS}
        shares = [len(said & denial) / len(said) if said else 1.0 for denial in source.denials]
        if max(shares, default=0.0) <= _MOSTLY:
            return True
    return False


@lru_cache(maxsize=1024)
def _stems(text: str, language: str) -> frozenset[str]:
    return frozenset(stem(word, language) for word in surface_words(text))
