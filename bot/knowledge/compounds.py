"""Compound words: a question says "Adresse", the article "Lieferadresse", and the other way round.

A word is taken apart where its parts are words of the index, as search engines do for these
languages (Lucene's dictionary compound filter). Pure.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from bot.knowledge.words import fillers, stem, surface_words

COMPOUNDING = frozenset({"da", "de", "fi", "hu", "nl", "no", "sv"})
"""Languages that write words together."""
LEAST_PART = 4
"""Shorter ones are found in words that they are no part of."""
_LINKS = ("", "s", "es", "n", "en", "er", "e")
"""What may stand between two parts."""


class Compounds:
    """The words of an index, as parts of others."""

    def __init__(self, words: Iterable[str]) -> None:
        """`words`: as they are written, lower-case."""
        self._words = [word for word in words if word.isalpha() and len(word) >= LEAST_PART]
        self._by_stem = cache(self._words_by_stem)
        self._parts = lru_cache(maxsize=20_000)(self._find_parts)
        self.holding = lru_cache(maxsize=20_000)(self._find_holding)

    def parted(self, text: str, language: str) -> str:
        """The text with unknown compounds in their parts, as far as those are known."""
        if language not in COMPOUNDING:
            return text
        for word in dict.fromkeys(surface_words(text)):
            if parts := self._parts(word, language):
                pattern = re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE)
                text = pattern.sub(" ".join(parts), text)
        return text

    def _words_by_stem(self, language: str) -> dict[str, str]:
        return {stem(word, language): word for word in self._words}

    def _find_parts(self, word: str, language: str) -> tuple[str, ...]:
        known = self._by_stem(language)
        if len(word) < 2 * LEAST_PART or not word.isalpha() or stem(word, language) in known:
            return ()
        for at in range(len(word) - LEAST_PART, LEAST_PART - 1, -1):
            last = stem(word[at:], language)
            first = next(
                (
                    start
                    for link in _LINKS
                    if word[:at].endswith(link)
                    and stem(start := word[:at].removesuffix(link), language) in known
                ),
                "",
            )
            if first and last in known:
                return first, word[at:]
        return ()

    def _find_holding(self, word: str, language: str) -> frozenset[str]:
        """The stems of known words that begin or end with this one."""
        if language not in COMPOUNDING or len(word) < LEAST_PART or word in fillers(language):
            return frozenset()
        part = stem(word, language)
        if len(part) < LEAST_PART:
            return frozenset()
        return frozenset(
            whole
            for whole in self._by_stem(language)
            if len(whole) >= len(part) + LEAST_PART - 1
            and (whole.startswith(part) or whole.endswith(part))
        )
