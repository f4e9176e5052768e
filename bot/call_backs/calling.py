"""Makes the call-backs that are due, once each: taken from the book, called on the operator's line,
tried again where nobody answers, and told to the customer where nobody ever does.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, tzinfo

import msgspec

from bot.call_backs.book import Book, CallBack, State
from bot.calls.talk import CALL
from bot.calls.timeline import VOICEMAIL, Timeline
from bot.calls.transport import Call, EndReason
from bot.errors import DeliveryFailed, Unavailable
from bot.messages import Reply, ReplyId, ReplyKind, TurnId
from bot.office_hours import OfficeHours
from bot.texts import say

log = logging.getLogger(__name__)

Dial = Callable[[Call], Awaitable[None]]
"""Calls somebody; returns once it rings there, and the desk holds the call then. Raises
`DeliveryFailed`."""
_LOOK_EVERY_S = 1.0
_AFTER_TROUBLE_S = 5.0
_BUSY_S = 30.0
"""Until it is tried again where the desk holds as many calls as it may."""
_RINGING_S = 180.0
"""Allowed beside the longest that a call may last, before its caller is taken to have died."""


class Manners(msgspec.Struct, frozen=True, kw_only=True):
    """How call-backs are made."""

    line: str
    """Section below `calls.lines`."""
    business: str
    hours: OfficeHours
    zone: tzinfo | None
    """Of the hours; None: this machine's, and moments are naive."""
    attempts: int = 3
    again_s: float = 900.0
    """Between two attempts."""
    longest_s: float = 1800.0
    """Of one call."""


class Calling:
    """Implements `bot.calls.switchboard.Watch`, by which it hears what becomes of its calls."""

    def __init__(
        self,
        book: Book,
        manners: Manners,
        *,
        allowed: Callable[[str], bool],
        person_there: Callable[[], bool],
        room: Callable[[], bool],
        tell: Callable[[Reply], Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`allowed`: whether a number may be called, asked anew at each call. `person_there`:
        whether who is called can be connected with a person. `room`: for one more call. `tell`:
        brings a reply to its conversation. `clock`: Unix time in seconds."""
        self._book = book
        self._manners = manners
        self._allowed = allowed
        self._person_there = person_there
        self._room = room
        self._tell = tell
        self._clock = clock
        self._calls: dict[str, CallBack] = {}
        """Those that are being made here, by the call's id."""
        self._answered: set[str] = set()
        """Those of them that somebody has taken."""

    async def run(self, dial: Dial) -> None:
        """Call whoever is due, until cancelled."""
        while True:
            try:
                pause_s = 0.0 if await self.call_next(dial) else _LOOK_EVERY_S
            except Unavailable as error:
                log.error("call_back.unavailable", extra={"reason": str(error)})
                pause_s = _AFTER_TROUBLE_S
            except Exception:
                # One call-back's trouble is not the others': it is due again when its time is over.
                log.exception("call_back.failed")
                pause_s = _AFTER_TROUBLE_S
            await asyncio.sleep(pause_s)

    async def call_next(self, dial: Dial) -> bool:
        """Call whoever is due first; False where nobody is. Raises `Unavailable`."""
        now, manners = self._clock(), self._manners
        due = await self._book.claim(now, now + manners.longest_s + _RINGING_S)
        if due is None:
            return False
        moment = datetime.fromtimestamp(now, manners.zone)
        if not manners.hours.open_at(moment):
            await self._book.put_off(due, manners.hours.next_open(moment).timestamp())
        elif not self._room():
            await self._book.put_off(due, now + _BUSY_S)
        elif due.attempts > manners.attempts:  # its caller died the last time
            await self._give_up(due, State.MISSED)
        elif not self._allowed(due.number):
            log.warning("call_back.not_allowed", extra={"call_back": due.id})
            await self._give_up(due, State.FAILED, "the number may not be called any more")
        else:
            await self._call(due, dial)
        return True

    async def _call(self, due: CallBack, dial: Dial) -> None:
        connects = self._person_there()
        code = "callback_connecting" if connects else "callback_opening"
        call = Call(
            id=f"{due.id}_{due.attempts}",
            channel=CALL,
            customer=due.customer,
            # It goes on in the call that arranged it; an app's chat is not filled with it.
            conversation=due.conversation if due.channel == CALL else None,
            address=f"{self._manners.line}:{due.number}",
            locale=due.locale,
            outgoing=True,
            opening=say(code, due.locale, business=self._manners.business),
            message=say("callback_voicemail", due.locale, business=self._manners.business),
            connects=connects,
        )
        self._calls[call.id] = due
        log.info("call_back.calls", extra={"call_back": due.id, "attempt": due.attempts})
        try:
            await dial(call)
        except DeliveryFailed as error:
            self._calls.pop(call.id, None)
            log.warning("call_back.not_called", extra={"call_back": due.id, "reason": str(error)})
            if error.permanent:
                await self._give_up(due, State.FAILED, str(error)[:200])
            else:
                await self._try_again(due)
        except Exception:
            self._calls.pop(call.id, None)
            raise

    async def reached(self, call: Call) -> None:
        """Somebody has answered: whatever happens now, they are not called again."""
        if due := self._calls.get(call.id):
            self._answered.add(call.id)
            await self._book.end(due, State.REACHED)

    async def over(self, call: Call, reason: EndReason, timeline: Timeline) -> None:
        due = self._calls.pop(call.id, None)
        if due is None:
            return
        if call.id in self._answered:
            self._answered.discard(call.id)
            await self._book.end(due, State.REACHED)  # again, for Redis may have been away
            return
        machine = any(what == VOICEMAIL for _, what in timeline.moves)
        log.info(
            "call_back.missed",
            extra={"call_back": due.id, "reason": "voicemail" if machine else reason},
        )
        await self._try_again(due)

    async def _try_again(self, due: CallBack) -> None:
        if due.attempts >= self._manners.attempts:
            await self._give_up(due, State.MISSED)
        else:
            await self._book.again(due, self._clock() + self._manners.again_s)

    async def _give_up(self, due: CallBack, state: State, reason: str = "") -> None:
        """The customer is told first: whoever takes over from a process that dies in between tells
        it once more, and that is the same reply."""
        if await self._book.find(due.id):  # nobody has cancelled it meanwhile
            await self._tell_customer(due, state)
            await self._book.end(due, state, reason)

    async def _tell_customer(self, due: CallBack, state: State) -> None:
        code = "callback_missed" if state is State.MISSED else "callback_failed"
        await self._tell(
            Reply(
                id=ReplyId(f"rep_{due.id}_missed"),
                channel=due.channel,
                conversation=due.conversation,
                customer=due.customer,
                turn=TurnId(""),
                kind=ReplyKind.NOTICE,
                text=say(code, due.locale),
                locale=due.locale,
                created_at=self._clock(),
            )
        )
