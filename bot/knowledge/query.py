"""From what a customer typed, said, showed and said before to what is looked up.

A `Query` becomes `Views`: weighted words for BM25, a few short texts for the encoder (one for an
ordinary chat turn), and how far the turn leans on what was said before it.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Literal

import msgspec

from bot.knowledge.compounds import Compounds
from bot.knowledge.passages import count_words, sentences
from bot.knowledge.spelling import Spelling
from bot.knowledge.synonyms import synonyms
from bot.knowledge.words import (
    WORDS,
    codes,
    is_filler,
    listed,
    spoken_numbers,
    stem,
    surface_words,
    telling_terms,
    terms,
)

LONG_WORDS = 40
"""A longer turn is looked up piece by piece: one vector can't hold several subjects."""
PIECE_LEAST_WORDS = 4
PIECES = 32
SHOWN_LINES = 12
SHOWN_CONTEXT = 0.6
"""Weight of what is on a picture when the customer also used words of their own."""
TURNS_BEFORE = 12
"""Older turns are not looked at."""
CONTEXT_WORDS = 40
_NO_COMPOUNDS = Compounds(())


class Said(msgspec.Struct, frozen=True):
    """One earlier turn."""

    who: Literal["customer", "desk"]
    text: str
    article: str = ""
    """The article that the desk cited in it, if it did."""


class Query(msgspec.Struct, frozen=True):
    """What one turn asks, by the way it came, and the conversation before it, oldest first."""

    typed: str = ""
    said: str = ""
    """What was heard in recordings."""
    shown: str = ""
    """What was read in pictures, a line for each line."""
    history: tuple[Said, ...] = ()
    language: str = "en"

    @property
    def words(self) -> str:
        """What the customer put into words themselves."""
        return " ".join(part for part in (self.typed.strip(), self.said.strip()) if part)


class Views(msgspec.Struct, frozen=True):
    """A query as the index is asked."""

    words: dict[str, float]
    """Stems and codes, weighted."""
    telling: frozenset[str]
    """Those of them that are no fillers."""
    pieces: tuple[str, ...]
    """Texts to encode; a passage need fit only some of them."""
    context: str
    """The turn with the customer's turn before it, to encode; empty without one."""
    context_words: dict[str, float]
    alike: dict[str, frozenset[str]]
    """For the customer's own words, those that say the same or that they are part of."""
    synonyms: frozenset[str]
    """All of these, and those of expressions of several words."""
    leaning: float
    """0: the turn stands for itself; 1: it means nothing without the turn before."""
    codes: frozenset[str]
    long: bool

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is to be encoded, in the order that `search.rank` expects the vectors."""
        return (*self.pieces, self.context) if self.context else self.pieces


def views(
    query: Query,
    spelling: Spelling,
    without_names: Callable[[str, str, str], str] = lambda before, now, language: before,
    compounds: Compounds = _NO_COMPOUNDS,
    *,
    by_meaning: bool = True,
) -> Views:
    """Pure: the same query against the same vocabulary gives the same views.

    `without_names`: see `bot.knowledge.subjects.Subjects`. `by_meaning`: there is an encoder that
    knows the language.
    """
    language = query.language
    own = spelling.mend(query.words, language)
    shown = telling_lines(query.shown)
    weighted: dict[str, float] = {}
    pieces: list[str] = []
    if own:
        weighted.update(_weights(own, language, compounds))
        pieces += _pieces(own)
    for line, weight in shown:
        share = weight * (SHOWN_CONTEXT if own else 1.0)
        for word, value in _weights(line, language, compounds).items():
            weighted[word] = max(weighted.get(word, 0.0), share * value)
    pieces += _shown_pieces(shown)
    before = [t.text for t in query.history[-TURNS_BEFORE:] if t.who == "customer"]
    previous = " ".join(before[-1].split()[-CONTEXT_WORDS:]) if before else ""
    leaning = lean(query.words, language) if previous and not shown else 0.0
    if leaning:
        previous = without_names(previous, own, language)
    long = count_words(own) > LONG_WORDS
    # The customer's own words; those of a picture only where there are no others.
    said = own or " ".join(line for line, weight in shown if weight > 0.5)
    alike = _alike(compounds.parted(said, language), language, compounds)
    found = {*_codes(own), *(code for line, _ in shown for code in _codes(line))}
    if own and not shown:
        continued = _continued_codes(own, query.history, language)
        weighted.update(dict.fromkeys(continued, 1.0))
        found |= continued
    return Views(
        words=weighted,
        telling=_telling(weighted, [own, *(line for line, _ in shown)], language),
        pieces=tuple(dict.fromkeys(pieces))[:PIECES] if by_meaning else (),
        context=f"{previous} {own}" if leaning and by_meaning and not long else "",
        context_words=_weights(previous, language, compounds) if leaning else {},
        alike=alike if not long else {},
        synonyms=synonyms(said, language).union(*alike.values()) if not long else frozenset(),
        leaning=leaning if not long else 0.0,
        codes=frozenset(found),
        long=long,
    )


def _alike(text: str, language: str, compounds: Compounds) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for word in surface_words(text):
        said = stem(word, language)
        others = compounds.holding(word, language) | synonyms(word, language)
        found[said] = found.get(said, frozenset()) | others
    return {word: others for word, others in found.items() if others}


def _weights(text: str, language: str, compounds: Compounds) -> dict[str, float]:
    """Repeated words count by the square root: long turns repeat what matters, and fillers too."""
    text = compounds.parted(text, language)
    counted = Counter(terms(text, language) + spoken_numbers(text))
    telling = telling_terms(text, language)
    chosen = {w: math.sqrt(n) for w, n in counted.items() if w in telling or w.isdigit()}
    return chosen or {w: math.sqrt(n) for w, n in counted.items()}


def _telling(words: Mapping[str, float], texts: Sequence[str], language: str) -> frozenset[str]:
    idle = {stem(w, language) for w in surface_words(" ".join(texts)) if is_filler(w, language)}
    return frozenset(words.keys() - idle)


def _pieces(text: str) -> list[str]:
    if count_words(text) <= LONG_WORDS:
        return [text]
    parts = [s for line in text.splitlines() for s in sentences(line)]
    return [p for p in parts if count_words(p) >= PIECE_LEAST_WORDS] or [text]


@cache
def _going_on(language: str) -> re.Pattern[str]:
    begun = "|".join(dict.fromkeys([WORDS["going_on"].get(language, ""), WORDS["going_on"]["en"]]))
    return re.compile(rf"\W*(?:{begun.removeprefix('|')})", re.IGNORECASE)


def lean(text: str, language: str = "en") -> float:
    """How much a turn means only together with the one before: few words of its own, an opening
    `and …`, a word that points back."""
    words = surface_words(text)
    own = sum(not is_filler(word, language) for word in words)
    by_length = (0.8, 0.5, 0.35, 0.2, 0.1)
    share = by_length[own] if own < len(by_length) else 0.0
    if _going_on(language).match(text):
        share += 0.25
    if own < 6 and listed("pointing", language).intersection(words):
        share += 0.1
    return min(share, 0.9)


def points_back(text: str, language: str = "en") -> bool:
    """Whether a turn speaks of something it does not name: "do they …", "and there?"."""
    points = listed("pointing", language).intersection(surface_words(text))
    return bool(points or _going_on(language).match(text))


_CLUTTER = re.compile(r"^[\W\d_]*$|^\d{1,2}[:.]\d{2}(\s*[ap]m)?\b.{0,8}$|^\W*\d{1,3}\s?%\W*$", re.I)
_TROUBLE = re.compile("|".join(WORDS["trouble"].values()), re.IGNORECASE)


def telling_lines(shown: str) -> list[tuple[str, float]]:
    """The lines of a screenshot that say something, with their weight, at most `SHOWN_LINES`.

    The clock, the battery and bare symbols go; labels of one or two words (menus, buttons) count
    little; a line that speaks of trouble or holds a code counts most.
    """
    weighed = []
    for at, raw in enumerate(shown.splitlines()):
        line = " ".join(raw.split())
        if not line or _CLUTTER.match(line):
            continue
        weight = 0.25 if count_words(line) < 3 else 0.7
        if _TROUBLE.search(line) or codes(line):
            weight = 1.0
        weighed.append((-weight, at, line))
    best = sorted(weighed)[:SHOWN_LINES]
    return [(line, -weight) for weight, _, line in sorted(best, key=lambda entry: entry[1])]


def _shown_pieces(lines: list[tuple[str, float]]) -> list[str]:
    """The strongest lines, neighbours joined: a message is often broken over two lines."""
    if not lines:
        return []
    most = max(weight for _, weight in lines)
    return [" ".join(line for line, weight in lines if weight >= min(most, 0.7))]


_NAMED_NUMBER = re.compile(
    r"\b(?:code|error|fehler|código|codigo|رمز|代码|错误)\W{0,3}(\d{1,6})\b", re.I
)


def _codes(text: str) -> list[str]:
    """Codes, and numbers that are called one (`code 51`, `code fifty one`)."""
    spoken = spoken_numbers(text)
    named = _NAMED_NUMBER.findall(text)
    return codes(text) + named + (spoken if re.search(r"\b(code|error)\b", text, re.I) else [])


def _continued_codes(text: str, history: tuple[Said, ...], language: str) -> set[str]:
    """After talk of E-101, "and 104" is E-104."""
    numbers = [w for w in surface_words(text) if w.isdigit()] + spoken_numbers(text)
    if not numbers or lean(text, language) == 0:
        return set()
    before = {code for turn in history[-TURNS_BEFORE:] for code in codes(turn.text)}
    shapes = {(code.rstrip("0123456789"), len(code)) for code in before if code[0].isalpha()}
    return {
        prefix + number
        for prefix, length in shapes
        for number in numbers
        if len(prefix) + len(number) == length
    }
