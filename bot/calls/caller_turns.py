"""What the caller says and types in a call, each turn written down, in order.

When a turn begins and ends is decided elsewhere (`turn_taking`). It is written down in each pause
already, so that nothing is left to do when the pause turns out to be the end.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.calls.hearing import SAMPLE_RATE_HZ, Caught, Ear, Ears, SoundMemory
from bot.calls.keypad import Keypad
from bot.calls.transport import Call, Sound
from bot.errors import Unavailable
from models.resampling import Resampler
from models.transcriber import Transcript

log = logging.getLogger(__name__)

LEAD_S = 0.4
"""Sound before a voice that is written down with it: a soft first consonant."""
_MEMORY_S = 2.0
"""Of sound, from which the beginning of a turn is taken."""
_MOST_WAITING = 32
"""Turns that the desk has not been told yet."""


@dataclass
class Turn:
    """What the caller is saying, or has just said, in seconds of the call."""

    began_s: float
    ear: Ear
    ended_s: float = 0.0
    """Of the last voice; known from the first pause on."""
    written: "asyncio.Task[Transcript] | None" = None
    """All of it up to the pause that is going on; None while the caller speaks."""
    hear_ms: float = 0.0
    """Milliseconds for which it was written down."""

    async def heard(self) -> Transcript:
        """All of it, once it is over."""
        assert self.written
        return await self.written


class CallerTurns:
    def __init__(
        self,
        call: Call,
        ears: Ears,
        sample_rate_hz: int,
        group: asyncio.TaskGroup,
        *,
        partial: Callable[[str], None],
        paused: Callable[[Turn, Caught], Awaitable[None]],
    ) -> None:
        """`sample_rate_hz`: of the line. `group`: in which turns are written down. `partial` is
        told what has been understood so far; `paused` what was heard up to a pause, which may have
        ended the turn by then."""
        self._call = call
        self._ears = ears
        self._group = group
        self._partial = partial
        self._paused = paused
        self._resampler = Resampler(sample_rate_hz, SAMPLE_RATE_HZ)
        self._memory = SoundMemory(_MEMORY_S)
        self._keypad = Keypad()
        self._over: asyncio.Queue[Turn | str | None] = asyncio.Queue()
        self.turn: Turn | None = None
        """The one that is going on."""

    def hear(self, samples: Sound) -> Sound:
        """The next sound of the line; gives it at 16 kHz."""
        samples = self._resampler.feed(samples)
        self._memory.add(samples)
        if self.turn:
            self.turn.ear.hear(samples)
        return samples

    def begin(self, began_s: float) -> None:
        ear = self._ears.listen(self._partial)
        ear.hear(self._memory.since(began_s - LEAD_S))
        self.turn = Turn(began_s, ear)

    def pause(self, ended_s: float) -> None:
        """The voice has ended, perhaps for good: write down what was said."""
        if self.turn:
            self._write(self.turn, ended_s)

    def go_on(self) -> None:
        """The pause was none: what was written down will not be all."""
        if self.turn and self.turn.written:
            self.turn.written.cancel()
            self.turn.written = None

    def drop(self) -> None:
        """It was no turn."""
        self.go_on()
        self.turn = None

    def end(self, ended_s: float) -> bool:
        """The turn is over, whether or not it has paused before; False where there is none.
        `ended_s`: of the voice, where it has not paused."""
        turn, self.turn = self.turn, None
        if turn is None:
            return False
        if turn.written is None:
            self._write(turn, ended_s)
        self._offer(turn)
        return True

    def press(self, digit: str, now_s: float) -> None:
        """A key of the telephone; several are typed as one answer."""
        if typed := self._keypad.press(digit, now_s):
            self._offer(typed)

    def passed(self, now_s: float) -> None:
        """Time has passed, and may have ended what is being typed."""
        if typed := self._keypad.passed(now_s):
            self._offer(typed)

    def close(self) -> None:
        """There will be no more."""
        self._over.put_nowait(None)

    async def next(self) -> Turn | str | None:
        """The next turn that is over, or what was typed; None: there will be no more."""
        return await self._over.get()

    def _offer(self, what: Turn | str) -> None:
        if self._over.qsize() < _MOST_WAITING:
            self._over.put_nowait(what)
        else:
            log.warning("call.turn_dropped", extra={"call": self._call.id})

    def _write(self, turn: Turn, ended_s: float) -> None:
        turn.ended_s = ended_s
        turn.written = self._group.create_task(self._written(turn), name="call hearing")

    async def _written(self, turn: Turn) -> Transcript:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            caught = await turn.ear.finish()
        except Unavailable as error:
            log.error("call.transcriber_failed", extra={"reason": str(error)})
            caught = Caught(Transcript("", "", 0.0, 0.0, "call_trouble"))
        turn.hear_ms = (clock() - started) * 1000
        await self._paused(turn, caught)
        return caught.transcript
