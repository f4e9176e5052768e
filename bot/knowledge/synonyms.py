"""Words that customers use for one another when they write to a shop or a service.

A question says "purchase" and "box", the article "order" and "parcel". The other words of a group
are looked up too, at a lower weight; an encoder already knows much of this, BM25 nothing.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

import yaml

from bot.knowledge.words import stem, surface_words

SYNONYM_WEIGHT = 0.4

_GROUPS: Mapping[str, list[str]] = yaml.safe_load(
    (Path(__file__).parent / "synonyms.yaml").read_text("utf-8")
)

Expression = tuple[str, ...]
"""The stems of one word or several."""


@cache
def _groups(language: str) -> Mapping[Expression, frozenset[Expression]]:
    """From each expression to its group."""
    found: dict[Expression, frozenset[Expression]] = {}
    for line in _GROUPS.get(language, ()):
        broad, _, narrow = line.partition(">")
        group = frozenset(_stems(each, language) for each in broad.split(","))
        parts = frozenset(_stems(each, language) for each in narrow.split(",") if narrow)
        for expression in group | parts:
            said = group | {expression}
            found[expression] = found.get(expression, frozenset()) | said
    return found


@lru_cache(maxsize=4096)
def _stems(text: str, language: str = "en") -> tuple[str, ...]:
    if language == "en":
        parted = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in parted if not unicodedata.combining(c))
    return tuple(stem(word, language) for word in surface_words(text))


def _read_places() -> dict[Expression, str]:
    """From each name of a place, or of a part of it, to the place."""
    lines = [line.partition(">") for line in _GROUPS["en"] if ">" in line]
    return {
        _stems(name): broad for broad, _, narrow in lines for name in f"{broad},{narrow}".split(",")
    }


_PLACES = _read_places()


def alike(text: str, language: str = "en") -> frozenset[Expression]:
    """The expressions that say the same as those of a text, and they themselves."""
    groups = _groups(language)
    if not groups:
        return frozenset()
    words = _stems(text, language)
    found: frozenset[Expression] = frozenset()
    for at in range(len(words)):
        for length in range(1, _longest(language) + 1):
            found |= groups.get(words[at : at + length], frozenset())
        # "send it back"
        found |= groups.get(words[at : at + 3 : 2], frozenset())
    return found


@cache
def _longest(language: str) -> int:
    return max(map(len, _groups(language)))


@lru_cache(maxsize=4096)
def places(text: str) -> frozenset[str]:
    """Which of the places of the list an English text speaks of; they exclude one another."""
    words = _stems(text)
    found: set[str] = set()
    at = 0
    while at < len(words):
        # "northern ireland" is not "ireland"
        length = next((n for n in (2, 1) if words[at : at + n] in _PLACES), 0)
        if length:
            found.add(_PLACES[words[at : at + length]])
        at += length or 1
    return frozenset(found)


def synonyms(text: str, language: str = "en") -> frozenset[str]:
    """The stems that alone say the same as the words and expressions of a text."""
    found = alike(text, language)
    single = frozenset(expression[0] for expression in found if len(expression) == 1)
    return single.difference(_stems(text, language))
