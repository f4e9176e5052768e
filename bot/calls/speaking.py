"""A call's mouth: sentences are spoken by the desk's synthesizer, fixed ones once for all calls.

What a caller hears first and what they hear when something fails must not wait for an engine.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing

from bot.errors import Unavailable
from bot.speech import Speaker, joined
from bot.texts import say
from models.synthesizer import LanguageUnspoken, Speech

log = logging.getLogger(__name__)

TROUBLE = "call_trouble"
_MOST_KEPT = 200
"""Sentences that are kept as sound: the fixed ones in the languages that are spoken."""


class Speaking:
    """`bot.calls.playing.Mouth` for all calls of this process, in one voice."""

    def __init__(self, speaker: Speaker, *, listener: str = "") -> None:
        """`listener`: see `Speaker.stream`."""
        self._speaker = speaker
        self._listener = listener
        self._kept: dict[tuple[str, str], Speech] = {}

    async def speak(self, text: str, locale: str) -> Speech | None:
        if kept := self._kept.get((text, locale)):
            return kept
        return await self._made(text, locale)

    def trouble(self, locale: str) -> tuple[str, Speech] | None:
        text = say(TROUBLE, locale)
        kept = self._kept.get((text, locale))
        return (text, kept) if kept else None

    async def keep(self, texts: Sequence[str], locale: str) -> None:
        """Make these sentences now, and keep their sound."""
        made = await asyncio.gather(*(self._made(text, locale) for text in texts))
        for text, speech in zip(texts, made, strict=True):
            if speech and len(self._kept) < _MOST_KEPT:
                self._kept[text, locale] = speech

    async def _made(self, text: str, locale: str) -> Speech | None:
        try:
            async with aclosing(self._speaker.stream(text, locale, self._listener)) as pieces:
                return joined([piece async for piece in pieces])
        except LanguageUnspoken as error:
            log.warning("speech.no_voice", extra={"language": error.language})
        except Unavailable as error:
            log.error("call.synthesizer_failed", extra={"reason": str(error)})
        return None
