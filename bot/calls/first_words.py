"""Who says the first words: the desk when it is called, the other side when it calls; by what they
say a machine is told from a person."""

import asyncio
from collections.abc import Callable

from bot.calls.leaving import Leaving
from bot.calls.phrases import Phrases
from bot.calls.timeline import VOICEMAIL, Timeline
from bot.calls.transport import Call
from bot.calls.turn_taking import TurnTaking
from bot.calls.voicemail import is_voicemail

OTHER_SIDE_S = 2.5
"""How long somebody whom the desk calls may take to say hello."""


class FirstWords:
    def __init__(
        self,
        call: Call,
        phrases: Phrases,
        leaving: Leaving,
        taking: TurnTaking,
        timeline: Timeline,
        *,
        speaks: Callable[[], bool],
        reached: Callable[[], None],
    ) -> None:
        """`speaks`: whether the other side is saying something. `reached`: is told when somebody,
        and no machine, has taken a call that the desk makes."""
        self._call = call
        self._phrases = phrases
        self._leaving = leaving
        self._taking = taking
        self._timeline = timeline
        self._speaks = speaks
        self._tell_reached = reached
        self._waiting: asyncio.TimerHandle | None = None
        self.over = not call.outgoing
        """What the caller says is for the desk to answer."""

    def begin(self) -> None:
        """The call has been taken."""
        if self.over:
            self._greet()
        else:
            later = asyncio.get_running_loop().call_later
            self._waiting = later(OTHER_SIDE_S, self._open)

    def heard(self, text: str, seconds: float) -> None:
        """The other side has said something for so long."""
        self._taking.desk_listens()
        if is_voicemail(text, seconds):
            self._timeline.note(self._taking.now_s, VOICEMAIL)
            self._phrases.leave_message()
            self._leaving.hang_up_soon()
            self.over = True
        else:
            self._greet()

    def close(self) -> None:
        """The call is over."""
        if self._waiting:
            self._waiting.cancel()

    def _open(self) -> None:
        """Nobody has said anything yet."""
        if not (self.over or self._speaks()):
            self._greet()

    def _greet(self) -> None:
        self.over = True
        if self._call.outgoing:
            self._tell_reached()
        self._phrases.greet()
        if self._call.connects:
            self._leaving.transfer_soon()
