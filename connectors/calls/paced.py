"""Sound that goes out as it is to be heard: a frame every 20 ms, for lines that play what comes at
once."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import numpy as np

from bot.calls.transport import Sound

FRAME_S = 0.02
MOST_QUEUED_S = 60.0
"""More waits in `play`."""
AHEAD_S = 0.04
"""How early a frame may be sent, for the other side to have something while this one is late."""
LATEST_S = 0.5
"""A pacer that is later than this goes on from now, instead of sending all that is missing."""


class PacedSound:
    """One direction of one call."""

    def __init__(self, sample_rate_hz: int, tell: Callable[[int], None]) -> None:
        """`tell`: is told what has been played so far, after each frame that held something."""
        self.sample_rate_hz = sample_rate_hz
        self.frame = int(sample_rate_hz * FRAME_S)
        """Samples in one."""
        self._tell = tell
        self._queue: deque[Sound] = deque()
        self._queued = 0
        self._room = asyncio.Event()
        self._room.set()
        self._there = asyncio.Event()
        self.played = 0

    @property
    def empty(self) -> bool:
        return not self._queued

    async def play(self, samples: Sound) -> None:
        await self._room.wait()
        if not len(samples):
            return
        self._queue.append(samples)
        self._queued += len(samples)
        self._there.set()
        if self._queued > MOST_QUEUED_S * self.sample_rate_hz:
            self._room.clear()

    def clear(self) -> int:
        self._queue.clear()
        self._queued = 0
        self._room.set()
        return self.played

    def next_frame(self) -> Sound:
        """The next 20 ms; silence where nothing is queued, and behind the last of it."""
        frame = np.zeros(self.frame, np.float32)
        filled = 0
        while self._queue and filled < self.frame:
            piece = self._queue.popleft()
            part, rest = piece[: self.frame - filled], piece[self.frame - filled :]
            frame[filled : filled + len(part)] = part
            filled += len(part)
            if len(rest):
                self._queue.appendleft(rest)
        if filled:
            self._queued -= filled
            self.played += filled
            self._tell(self.played)
            if self._queued <= MOST_QUEUED_S * self.sample_rate_hz:
                self._room.set()
        return frame

    async def run(self, send: Callable[[Sound], Awaitable[None]]) -> None:
        """Send frames while there is something to play, until cancelled."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            if self.empty:
                self._there.clear()
                await self._there.wait()
                due = max(due, clock())
            wait_s = due - AHEAD_S - clock()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                if self.empty:
                    continue
            elif wait_s < -LATEST_S:
                due = clock()
            await send(self.next_frame())
            due += FRAME_S
