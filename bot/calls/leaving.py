"""How a call is left: once all has been said the desk hangs up, or connects the caller with a
person."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from bot.calls.manner import Manner
from bot.calls.phrases import Phrases
from bot.calls.talk import Talk
from bot.calls.timeline import Timeline
from bot.calls.transport import Transport
from bot.calls.turn_taking import TurnTaking
from bot.errors import Unavailable

log = logging.getLogger(__name__)


class Leaving:
    def __init__(
        self,
        line: Transport,
        talk: Talk,
        manner: Manner,
        phrases: Phrases,
        taking: TurnTaking,
        timeline: Timeline,
        group: asyncio.TaskGroup,
    ) -> None:
        """`group`: in which the call is left."""
        self._line = line
        self._talk = talk
        self._manner = manner
        self._phrases = phrases
        self._taking = taking
        self._timeline = timeline
        self._group = group
        self._next: Callable[[], Coroutine[Any, Any, None]] | None = None

    def hang_up_soon(self) -> None:
        """Once all has been said."""
        self._next = self._line.hang_up

    def transfer_soon(self) -> None:
        """The same, where a person is there to talk with."""
        if self._manner.person_there():
            self._next = self._transfer

    def stay(self) -> None:
        """The call goes on after all."""
        self._next = None

    def leave(self) -> bool:
        """All has been said. False: the call goes on."""
        leave, self._next = self._next, None
        if leave is not None:
            self._group.create_task(leave(), name="call end")
        return leave is not None

    async def _transfer(self) -> None:
        self._timeline.note(self._taking.now_s, "transfer")
        if await self._line.transfer(self._manner.transfer_to):
            return
        try:
            offered = await self._talk.nobody_reached(self._phrases.locale)
        except Unavailable as error:
            log.error("call.nothing_offered", extra={"reason": str(error)})
            offered = False
        if not offered:
            self._phrases.say_code("call_no_transfer")
