"""The desk as a caller waits for it: told what they said, it answers after a while, or fails to.

What becomes of an answer is the session's to decide; how the desk is reached, `talk`'s.
"""

import asyncio
import logging
from collections.abc import Callable

from bot.calls.phrases import Phrases
from bot.calls.playing import Player
from bot.calls.talk import Talk
from bot.calls.timeline import Timeline
from bot.errors import CustomerError, TooFast, Unavailable
from bot.messages import Reply

log = logging.getLogger(__name__)

THINKING_S = 2.5
"""After which a caller who waits for an answer is told that it comes."""
_AGAIN_S = 1.0
"""Before replies that could not be read are asked for again: no loop that turns while Redis is
away, and no pause that the caller notices once it is back."""


class Answering:
    def __init__(self, talk: Talk, phrases: Phrases, player: Player, timeline: Timeline) -> None:
        self._talk = talk
        self._phrases = phrases
        self._player = player
        self._timeline = timeline
        self._told: float | None = None
        """Loop time at which the desk was told what it has not answered yet."""

    @property
    def waiting(self) -> bool:
        """Whether the caller waits for an answer."""
        return self._told is not None

    def stop_waiting(self) -> None:
        self._told = None

    async def tell(
        self, text: str, from_s: float, to_s: float, *, now_s: float, hear_ms: float
    ) -> None:
        """Said or typed in these seconds of the call; now is second `now_s`. `hear_ms`: for which
        it was written down."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timeline.caller(text, from_s, to_s, told=now, now_s=now_s, hear_ms=hear_ms)
        self._told = now
        loop.call_later(THINKING_S, self._ask_for_patience, now)
        try:
            await self._talk.tell(text, from_s=from_s, to_s=to_s)
        except (CustomerError, Unavailable) as error:
            log.error("call.turn_refused", extra={"reason": str(error)})
            self.stop_waiting()
            self._phrases.say_code("call_moment" if isinstance(error, TooFast) else "call_trouble")
        else:
            self._phrases.read_back(text)

    async def run(self, answered: Callable[[Reply], None]) -> None:
        """Hand on what the desk answers, in order, until cancelled."""
        while True:
            try:
                async for reply in self._talk.replies():
                    self.stop_waiting()
                    self._timeline.replied(asyncio.get_running_loop().time())
                    answered(reply)
            except Unavailable as error:
                log.error("call.replies_unavailable", extra={"reason": str(error)})
                self._phrases.say_code("call_trouble")
                await asyncio.sleep(_AGAIN_S)

    def _ask_for_patience(self, told: float) -> None:
        if self._told == told and not self._player.speaking:
            self._phrases.say_code("call_moment")
