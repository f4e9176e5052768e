"""All calls of this process: how many there may be, what they share, and what is kept of each."""

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from bot.calls.hearing import Hearing
from bot.calls.manner import Manner
from bot.calls.playing import Mouth
from bot.calls.recording import Recording
from bot.calls.recordings import Recordings
from bot.calls.session import CallSession
from bot.calls.speaking import Speaking
from bot.calls.summaries import Summaries
from bot.calls.talk import CallDesk, DeskTalk
from bot.calls.timeline import Timeline
from bot.calls.transport import Call, EndReason, Sound, Transport
from bot.errors import OperatorError, TooFast, Unavailable
from bot.messages import CallSummary
from bot.speech import Speaker
from bot.texts import languages, say
from models.errors import EngineMissing
from models.transcriber import Transcriber
from models.voice_activity import PIECE, SpeechDetector

log = logging.getLogger(__name__)

_BUSY_RETRY_S = 60.0
_TURN_S = 0.0005
"""For which a thread keeps the interpreter from another that waits for it. Python's 5 ms are a
quarter of a frame of sound, and would be waited several times in each while others transcribe."""
_FIXED = (
    "call_recorded", "call_still_there", "call_silent_goodbye", "call_moment", "call_anew",
    "call_trouble", "call_unclear", "call_language", "call_no_transfer",
)  # fmt: skip


class CallLimits(msgspec.Struct, frozen=True):
    at_once: int = 20
    """Calls that this process holds at the same time."""
    hearing_threads: int = 2
    """Turns of different calls that are written down at the same time."""


class Held(msgspec.Struct, frozen=True):
    """A call that is over."""

    call: Call
    reason: EndReason
    timeline: Timeline
    summary: CallSummary | None = None
    """None where nothing was wanted, or nobody sums up."""


class Watch(Protocol):
    """Whoever wants to know what becomes of calls."""

    async def reached(self, call: Call) -> None:
        """Somebody, and no machine, has taken a call that the desk makes. Raises `Unavailable`."""

    async def over(self, call: Call, reason: EndReason, timeline: Timeline) -> None:
        """It has ended. Raises `Unavailable`."""


class Switchboard:
    """Implements `bot.calls.transport.Calls`."""

    def __init__(
        self,
        desk: CallDesk,
        *,
        transcriber: Callable[[], Transcriber],
        complete: Callable[[Sound], float] | None = None,
        speaker: Speaker,
        manner: Manner,
        limits: CallLimits | None = None,
        recordings: Recordings | None = None,
        summaries: Summaries | None = None,
        watches: Sequence[Watch] = (),
    ) -> None:
        """`complete`: see `bot.calls.hearing.Caught`. `recordings`: where calls are recorded;
        None: they are not. `summaries`: keeps what each call was about. `watches`: are told what
        becomes of calls."""
        self._desk = desk
        self._manner = msgspec.structs.replace(manner, recorded=recordings is not None)
        self._limits = limits or CallLimits()
        self._recordings = recordings
        self._summaries = summaries
        self._watches = tuple(watches)
        self._telling: dict[str, list[asyncio.Task[None]]] = {}
        """That calls of these ids were reached."""
        self._ears = Hearing(transcriber, threads=self._limits.hearing_threads, complete=complete)
        self._mouth = Speaking(speaker, listener="calls")
        self._held = 0

    @property
    def room(self) -> bool:
        """For one more call."""
        return self._held < self._limits.at_once

    @property
    def held(self) -> int:
        """Calls that are going on."""
        return self._held

    @property
    def mouth(self) -> Mouth:
        return self._mouth

    async def warm_up(self) -> None:
        """Make what calls need, so that the first caller is greeted at once: the engines, and the
        sound of the fixed sentences. What is missing is logged."""
        SpeechDetector().hear(np.zeros(PIECE, np.float32))
        manner = self._manner
        fixed = [say(code, manner.language, business=manner.business) for code in _FIXED]
        greeting = manner.greeting or say("greeting", manner.language, business=manner.business)
        try:
            await asyncio.gather(
                self._ears.warm_up(), self._mouth.keep([greeting, *fixed], manner.language)
            )
            for language in languages():
                trouble = say("call_trouble", language)
                await self._mouth.keep([trouble], language)
        except (EngineMissing, OperatorError) as error:
            log.error("call.engine_missing", extra={"reason": str(error)})

    async def hold(self, call: Call, transport: Transport) -> None:
        await self.talk(call, transport)

    async def talk(self, call: Call, transport: Transport, recording: Path | None = None) -> Held:
        """As `hold`; `recording`: a file for this call, where not the usual one. Raises
        `TooFast`."""
        if not self.room:
            if call.outgoing:  # somebody took the last place while it was dialled
                await transport.hang_up()
                await self._tell_over(call, EndReason.DESK, Timeline())
            raise TooFast(_BUSY_RETRY_S)
        self._held += 1
        sys.setswitchinterval(_TURN_S)
        talk = None
        began_at, reason, timeline = time.time(), EndReason.LOST, Timeline()
        try:
            talk = await DeskTalk.open(self._desk, call)
            session = self._session(call, transport, talk, recording)
            timeline = session.timeline
            log.info("call.began", extra={"call": call.id, "channel": call.channel})
            reason = await session.run()
        finally:
            self._held -= 1
            if talk is not None:
                _log_end(call, reason, timeline)
                await self._tell(talk.leave(), call)
                await self._tell_over(call, reason, timeline)
                summary = await self._sum_up(call, talk, began_at, reason)
        return Held(call, reason, timeline, summary)

    def _session(
        self, call: Call, transport: Transport, talk: DeskTalk, recording: Path | None
    ) -> CallSession:
        return CallSession(
            call,
            transport,
            ears=self._ears,
            mouth=self._mouth,
            talk=talk,
            manner=self._manner,
            recording=self._record(call, transport, recording),
            reached=lambda: self._tell_reached(call),
        )

    def _tell_reached(self, call: Call) -> None:
        self._telling[call.id] = [
            asyncio.create_task(self._tell(watch.reached(call), call)) for watch in self._watches
        ]

    async def _tell_over(self, call: Call, reason: EndReason, timeline: Timeline) -> None:
        await asyncio.gather(*self._telling.pop(call.id, ()))
        for watch in self._watches:
            await self._tell(watch.over(call, reason, timeline), call)

    async def _tell(self, telling: Coroutine[Any, Any, None], call: Call) -> None:
        try:
            await telling
        except Unavailable as error:
            log.error("call.end_not_kept", extra={"call": call.id, "reason": str(error)})

    async def _sum_up(
        self, call: Call, talk: DeskTalk, began_at: float, reason: EndReason
    ) -> CallSummary | None:
        """A call that is over; what it was about is worth no trouble to whoever waits for it."""
        if self._summaries is None:
            return None
        # Whoever stops the desk does not wait for a language model.
        stopping = bool((task := asyncio.current_task()) and task.cancelling())
        try:
            return await self._summaries.sum_up(
                talk.conversation,
                talk.began_after,
                call=call.id,
                began_at=began_at,
                seconds=time.time() - began_at,
                ended=reason,
                worded=not stopping,
            )
        except Unavailable as error:
            log.error("call.not_summed_up", extra={"call": call.id, "reason": str(error)})
            return None

    def _record(self, call: Call, transport: Transport, path: Path | None) -> Recording | None:
        if path is None and self._recordings is None:
            return None
        if path is None:
            assert self._recordings
            path = self._recordings.path(call.id)
        try:
            return Recording(path, transport.sample_rate_hz)
        except OSError as error:
            log.error("call.not_recorded", extra={"call": call.id, "reason": str(error)})
            return None

    def close(self) -> None:
        self._ears.close()


def _log_end(call: Call, reason: EndReason, timeline: Timeline) -> None:
    log.info(
        "call.ended",
        extra={
            "call": call.id,
            "reason": reason,
            "turns": len(timeline.answers),
            "milliseconds": [round(answer.total_ms) for answer in timeline.answers],
            "wait_ms": [round(answer.wait_ms) for answer in timeline.answers],
            "hear_ms": [round(answer.hear_ms) for answer in timeline.answers],
            "answer_ms": [round(answer.answer_ms) for answer in timeline.answers],
            "sound_ms": [round(answer.sound_ms) for answer in timeline.answers],
        },
    )
