"""A caller who measures: says prepared sentences, and notes when the desk is heard and when not."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np

from bot.calls.transport import Caption, Ended, EndReason, Heard, LineEvent, Played, Sound

RATE_HZ = 16_000
FRAME_S = 0.02
_FRAME = round(RATE_HZ * FRAME_S)
_AUDIBLE = 0.005
_POLITE_S = 0.6
_SHORT_S = 1.5
"""Of silence after an answer that is too short to be spoken over."""
_PATIENT_S = 12.0


@dataclass
class Saying:
    """Something to be said, and what became of it. Times are seconds of sound in the call."""

    text: str
    sound: Sound
    over_desk_s: float | None = None
    """Said so many seconds after the desk began to speak; None: once the desk is silent."""
    from_s: float = 0.0
    to_s: float = 0.0
    answered_s: float | None = None
    """When the desk was first heard after the end."""
    silent_s: float | None = None
    """When the desk fell silent after the beginning, for what is said over it."""


@dataclass
class MeasuringLine:
    """Implements `bot.calls.transport.Transport`, in real time."""

    sayings: list[Saying]
    sample_rate_hz: int = RATE_HZ
    late_s: list[float] = field(default_factory=list)
    """Of each frame that the desk's sound was in: how much too late it was."""

    def __post_init__(self) -> None:
        self._queue: deque[Sound] = deque()
        self._played = 0
        self._ended: EndReason | None = None
        self._left = deque(self.sayings)
        self._now: Saying | None = None
        self._sound = np.zeros(0, np.float32)
        self._spoke_s = 0.0
        """For how long the desk has been speaking."""
        self._quiet_s = 0.0
        self._heard_since = False
        self.now_s = 0.0

    async def events(self) -> AsyncIterator[LineEvent]:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._ended is None:
            yield Heard(self._frame())
            frame = self._take()
            audible = bool(len(frame)) and float(np.abs(frame).max()) > _AUDIBLE
            self._note(audible)
            if len(frame):
                self.late_s.append(loop.time() - due)
                self._played += len(frame)
                yield Played(self._played)
            self.now_s += FRAME_S
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - loop.time()))
        yield Ended(self._ended)

    def _note(self, audible: bool) -> None:
        if audible:
            self._spoke_s += FRAME_S
            self._quiet_s = 0.0
            self._heard_since = True
        else:
            self._quiet_s += FRAME_S
            if self._quiet_s > 0.3:
                self._spoke_s = 0.0
        last = self._now
        if last is None:
            return
        talking = len(self._sound) > 0
        if audible and not talking and last.answered_s is None:
            last.answered_s = self.now_s
        if last.over_desk_s is not None and last.silent_s is None and self._quiet_s >= 0.1:
            last.silent_s = self.now_s - 0.1

    def _frame(self) -> Sound:
        if not len(self._sound):
            self._next()
        frame, self._sound = self._sound[:_FRAME], self._sound[_FRAME:]
        if self._now and len(frame) and not len(self._sound):
            self._now.to_s = self.now_s + len(frame) / RATE_HZ
            self._heard_since = False
        return np.pad(frame, (0, _FRAME - len(frame)))

    def _next(self) -> None:
        if not self._left:
            if (self._heard_since and self._quiet_s > _POLITE_S) or self._quiet_s > _PATIENT_S:
                self._ended = self._ended or EndReason.CALLER
            return
        following = self._left[0]
        if following.over_desk_s is not None:
            ready = self._spoke_s >= following.over_desk_s or self._quiet_s >= _SHORT_S
            ready = ready and self._heard_since
        else:
            ready = self._heard_since and self._quiet_s >= _POLITE_S
        if ready or self._quiet_s > _PATIENT_S:
            self._now = self._left.popleft()
            self._now.from_s = self.now_s
            self._sound = self._now.sound
            self._quiet_s = 0.0

    def _take(self) -> Sound:
        parts: list[Sound] = []
        left = _FRAME
        while left and self._queue:
            piece = self._queue.popleft()
            parts.append(piece[:left])
            if len(piece) > left:
                self._queue.appendleft(piece[left:])
            left -= len(parts[-1])
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    async def answer(self) -> None:
        """It has been."""

    async def play(self, samples: Sound) -> None:
        self._queue.append(samples)

    async def clear(self) -> int:
        self._queue.clear()
        return self._played

    async def hang_up(self) -> None:
        self._ended = self._ended or EndReason.DESK

    async def transfer(self, target: str) -> bool:
        return False

    def caption(self, caption: Caption) -> None:
        """Nobody reads it."""
