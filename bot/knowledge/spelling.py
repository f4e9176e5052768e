"""Typing errors: words that the index does not know become the ones it does, if near enough."""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, runtime_checkable

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.knowledge.words import fillers, stem, surface_words

LEAST_LENGTH = 4
"""Shorter words have too many neighbours."""
LEAST_LENGTH_ELSEWHERE = 6
WORDS_MENDED = 8
"""In one text; a text with more unknown words is in another language, or about something else."""
_LANGUAGES_KEPT = 12
"""Of which the stems of all words are remembered: megabytes each, where the knowledge is large."""


@runtime_checkable
class KnowsWords(Protocol):
    """An encoder that can tell a word of its language from a typing error."""

    def familiar(self, word: str) -> bool: ...


class Spelling:
    """Mends words against a vocabulary, `word -> how often it is used`.

    `familiar` tells which other English words are none to be mended. Of other languages only the
    vocabulary does, so that no more than an obvious slip is mended there.
    """

    def __init__(
        self, vocabulary: dict[str, int], familiar: Callable[[str], bool] = lambda word: False
    ) -> None:
        self._known = vocabulary
        self._familiar = familiar
        self._by_length: dict[int, list[str]] = {}
        for word in vocabulary:
            if word.isalpha():
                self._by_length.setdefault(len(word), []).append(word)
        self.nearest = lru_cache(maxsize=20_000)(self._nearest)
        self._stems = lru_cache(maxsize=_LANGUAGES_KEPT)(self._stems_in)

    def mend(self, text: str, language: str = "en") -> str:
        """The text with unknown words replaced by their nearest known one; case is kept only for
        words that are left alone."""
        words = dict.fromkeys(surface_words(text))
        unknown = [word for word in words if self._is_unknown(word, language)]
        if not unknown or len(unknown) > WORDS_MENDED:
            return text
        mended = text
        for word in unknown:
            if better := self.nearest(word, language):
                mended = _replace(mended, word, better)
        return mended

    def _stems_in(self, language: str) -> frozenset[str]:
        return frozenset(stem(word, language) for word in self._known)

    def _is_unknown(self, word: str, language: str) -> bool:
        return (
            len(word) >= (LEAST_LENGTH if language == "en" else LEAST_LENGTH_ELSEWHERE)
            and word.isalpha()
            and word not in self._known
            and word not in fillers(language)
            and stem(word, language) not in self._stems(language)
            and not self._familiar(word)
        )

    def _nearest(self, word: str, language: str) -> str | None:
        """One edit away, or two for long words; two letters swapped are one edit."""
        allowed = 1 if len(word) < 8 or language != "en" else 2
        candidates = [
            known
            for length in range(len(word) - allowed, len(word) + allowed + 1)
            for known in self._by_length.get(length, ())
            if known[0] == word[0] or len(word) > 5
        ]
        close = process.extract(
            word, candidates, scorer=OSA.distance, score_cutoff=allowed, limit=5
        )
        ranked = sorted((edits, -self._known[known], known) for known, edits, _ in close)
        return ranked[0][2] if ranked else None


def _replace(text: str, word: str, better: str) -> str:
    lowered = text.lower()
    at = lowered.find(word)
    return text[:at] + better + text[at + len(word) :] if at >= 0 else text
