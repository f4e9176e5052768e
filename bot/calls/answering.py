"""The desk as a caller waits for it: told what they said, it answers after a while, or fails to.

What becomes of an answer is the session's to decide; how the desk is reached, `talk`'s.
"""

import asyncio
import logging
from collections.abc import Callable

from bot.calls.phrases import Phrases
from bot.calls.playing import Player
from bot.calls.spoken import sentences_of
from bot.calls.talk import Talk
from bot.calls.timeline import Timeline
from bot.errors import CustomerError, TooFast, Unavailable
from bot.messages import Reply

log = logging.getLogger(__name__)

THINKING_S = 2.5
"""After which a caller who waits for an answer, or for more of it, is told that it comes."""
LONGEST_S = 30.0
"""After which they are told that something is wrong. An answer that comes later is given."""
MOST_AHEAD = 3
"""Answers that are begun in the pauses of one turn: each that is dropped has cost the processor's
time, an assistant's tokens, and a speech server's work on one sentence."""
_AGAIN_S = 1.0
"""Before replies that could not be read are asked for again: no loop that turns while Redis is
away, and no pause that the caller notices once it is back."""


class Answering:
    def __init__(
        self,
        talk: Talk,
        phrases: Phrases,
        player: Player,
        timeline: Timeline,
        *,
        missing: Callable[[], None],
    ) -> None:
        """`missing`: no answer comes, and it is about to be said."""
        self._missing = missing
        self._talk = talk
        self._phrases = phrases
        self._player = player
        self._timeline = timeline
        self._timers: list[asyncio.TimerHandle] = []
        """Of a caller who waits."""
        self._prepared = 0
        """Times, in this turn."""

    @property
    def waiting(self) -> bool:
        """Whether the caller waits for an answer."""
        return bool(self._timers)

    def wait(self) -> None:
        """The caller waits from now on."""
        self.stop_waiting()
        later = asyncio.get_running_loop().call_later
        self._timers = [later(THINKING_S, self._ask_for_patience), later(LONGEST_S, self._admit)]

    def stop_waiting(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    def came(self) -> None:
        """The answer has come, or begins to."""
        self.stop_waiting()
        self._timeline.replied(asyncio.get_running_loop().time())

    async def tell(
        self, text: str, from_s: float, to_s: float, *, now_s: float, hear_ms: float
    ) -> None:
        """Said or typed in these seconds of the call; now is second `now_s`. `hear_ms`: for which
        it was written down."""
        now = asyncio.get_running_loop().time()
        self._timeline.caller(text, from_s, to_s, told=now, now_s=now_s, hear_ms=hear_ms)
        self._prepared = 0
        self.wait()
        try:
            await self._talk.tell(text, from_s=from_s, to_s=to_s)
        except (CustomerError, Unavailable) as error:
            log.error("call.turn_refused", extra={"reason": str(error)})
            self.stop_waiting()
            self._phrases.say_code("call_moment" if isinstance(error, TooFast) else "call_trouble")
        else:
            self._phrases.read_back(text)

    def prepare(self, text: str) -> None:
        """The caller may have said all of it: have the answer begun, and the sound of its first
        sentence made as soon as that stands."""
        self._player.forget_ahead()
        if self._prepared < MOST_AHEAD:
            self._prepared += 1
            self._talk.prepare(text, self._sound_ahead)
        else:
            self._talk.drop_prepared()

    def drop_prepared(self) -> None:
        """It was not all."""
        self._player.forget_ahead()
        self._talk.drop_prepared()

    def _sound_ahead(self, markdown: str, locale: str) -> None:
        for text in sentences_of(markdown, locale)[:1]:
            self._player.make_ahead(text, locale)

    async def run(self, answered: Callable[[Reply], None]) -> None:
        """Hand on what the desk answers, in order, until cancelled."""
        told = False
        while True:
            try:
                async for reply in self._talk.replies():
                    told = False
                    answered(reply)
            except Unavailable as error:
                if not told:  # once, however long it lasts
                    told = True
                    log.error("call.replies_unavailable", extra={"reason": str(error)})
                    self._phrases.say_code("call_trouble")
                await asyncio.sleep(_AGAIN_S)

    def _ask_for_patience(self) -> None:
        if not self._player.speaking:
            self._phrases.say_code("call_moment")

    def _admit(self) -> None:
        log.error("call.no_answer", extra={"after_s": LONGEST_S})
        self.stop_waiting()
        self._missing()
        self._phrases.say_code("call_trouble")
