"""What happens on one line, from whoever reads its socket to the desk: in order, bounded, and sound
without gaps."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator

import numpy as np

from bot.calls.transport import (
    Dropped,
    Ended,
    EndReason,
    Heard,
    Key,
    LineEvent,
    Played,
    Resumed,
    Sound,
)

log = logging.getLogger(__name__)

KEYS = frozenset("0123456789*#ABCD")
MOST_WAITING_S = 10.0
"""Of sound that the desk has not taken; of more, the oldest is dropped."""
QUIET_S = 0.1
"""How long a line that is up may give nothing until silence is heard on it."""
LONGEST_GAP_S = 5.0
"""A gap that timestamps tell of; what is longer is a jump of the sender's clock."""
_FRAME_S = 0.02


class LineEvents:
    """One call's. One side puts in, the other takes `events` once."""

    def __init__(self, sample_rate_hz: int, call: str) -> None:
        """`call`: its id, for the log."""
        self._rate = sample_rate_hz
        self._call = call
        self._waiting: deque[LineEvent] = deque()
        self._waiting_samples = 0
        self._there = asyncio.Event()
        self._up = False
        self._ended = False
        self._heard_at = 0.0
        self._position = 0
        """Where the sender's clock stands, in samples, as far as sound has come."""
        self._filled = 0
        """Silence that was heard since the sender last said where it is."""
        self._overrun = False

    @property
    def ended(self) -> bool:
        return self._ended

    def up(self) -> None:
        """From now on the line carries sound, if only silence."""
        self._up = True
        self._heard_at = asyncio.get_running_loop().time()
        self._there.set()

    def hear(self, samples: Sound, at: int | None = None) -> None:
        """The next piece. `at`: where it begins by the sender's clock, in samples; what is missing
        before it becomes silence, and what has been heard already is left out."""
        if self._ended or not self._up:
            return
        if at is not None:
            gap = at - self._position
            if 0 < gap < LONGEST_GAP_S * self._rate:
                self._put_sound(np.zeros(max(0, gap - self._filled), np.float32))
            elif -LONGEST_GAP_S * self._rate < gap < 0:
                samples = samples[-gap:]
                at = self._position
            self._position = at + len(samples)
            self._filled = 0
        self._put_sound(samples)
        self._heard_at = asyncio.get_running_loop().time()

    def press(self, digit: str) -> None:
        """What is no key of a telephone is not passed on."""
        if digit in KEYS:
            self._put(Key(digit))

    def played(self, samples: int) -> None:
        self._put(Played(samples))

    def drop(self, played: int) -> None:
        self._up = False
        self._put(Dropped(played))

    def resume(self) -> None:
        self._position = self._filled = 0
        self._put(Resumed())
        self.up()

    def end(self, reason: EndReason) -> None:
        """The last event; later ones are none."""
        self._put(Ended(reason))
        self._ended = True

    async def events(self) -> AsyncIterator[LineEvent]:
        while True:
            while not self._waiting:
                self._there.clear()
                await self._something()
            event = self._waiting.popleft()
            if isinstance(event, Heard):
                self._waiting_samples -= len(event.samples)
            yield event
            if isinstance(event, Ended):
                return

    async def _something(self) -> None:
        """Wait for an event. Silence on a line that is up becomes one."""
        if not self._up:
            await self._there.wait()
            return
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(self._heard_at + QUIET_S):
                await self._there.wait()
        except TimeoutError:
            now = clock()
            if self._up and not self._waiting:
                missing = round((now - self._heard_at) * self._rate)
                self._filled += missing
                self._put_sound(np.zeros(missing, np.float32))
                self._heard_at = now

    def _put_sound(self, samples: Sound) -> None:
        """In pieces of 20 ms, however it came."""
        frame = int(self._rate * _FRAME_S)
        for start in range(0, len(samples), frame):
            piece = samples[start : start + frame]
            self._waiting_samples += len(piece)
            self._put(Heard(piece))
        if self._waiting_samples > MOST_WAITING_S * self._rate:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        if not self._overrun:
            self._overrun = True
            log.warning("call.too_slow", extra={"call": self._call})
        kept: deque[LineEvent] = deque()
        while self._waiting and self._waiting_samples > MOST_WAITING_S * self._rate:
            event = self._waiting.popleft()
            if isinstance(event, Heard):
                self._waiting_samples -= len(event.samples)
            else:
                kept.append(event)
        self._waiting.extendleft(reversed(kept))

    def _put(self, event: LineEvent) -> None:
        if not self._ended:
            self._waiting.append(event)
            self._there.set()
