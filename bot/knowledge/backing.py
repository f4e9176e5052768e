"""What passages have to say about a sentence that somebody else made of them."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import numpy as np

from bot.knowledge.article import Passage
from bot.knowledge.index import Floats
from bot.knowledge.quote import choose
from bot.knowledge.words import terms


class Support(msgspec.Struct, frozen=True):
    """What of a passage is nearest to a sentence."""

    quote: str
    """Markdown."""
    likeness: float
    """In meaning: the cosine of its best part, at most 1."""


class Backing:
    """Some passages, ready to be compared with sentences."""

    def __init__(
        self,
        passages: Sequence[Passage],
        units: Sequence[Floats],
        wholes: Floats,
        encode: Callable[[str], Awaitable[Floats]],
    ) -> None:
        """`units`: of each passage, as `quote.choose` takes them; `wholes` (n, d): each passage as
        a whole."""
        self._passages = passages
        self._units = units
        self._wholes = wholes
        self._encode = encode

    async def of(self, sentence: str) -> list[Support]:
        """What each passage has to say, in their order."""
        vector = await self._encode(sentence)
        return [
            self._of(sentence, vector, *each)
            for each in zip(self._passages, self._units, self._wholes, strict=True)
        ]

    def _of(
        self, sentence: str, vector: Floats, passage: Passage, units: Floats, whole: Floats
    ) -> Support:
        language = passage.language or "en"
        words = dict.fromkeys(terms(sentence, language), 1.0)
        quote = choose(passage.text, units, vector[None], words, language)
        return Support(quote, float((np.vstack([units, whole]) @ vector).max()))
