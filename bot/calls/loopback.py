"""A line without a telephone: recordings are the caller, and wait politely for their turn.

For `frontdesk call`, for tests and for measuring; sound goes both ways in frames of 20 ms, as on a
line that paces it out.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

import numpy as np

from bot.calls.transport import (
    Caption,
    Ended,
    EndReason,
    Heard,
    LineEvent,
    Played,
    Sound,
)

FRAME_S = 0.02


class Loopback:
    """Implements `bot.calls.transport.Transport`.

    Each recording is said once the desk has spoken and has been silent for `polite_s`; after the
    last one the caller hears the answer and hangs up. A desk that does not answer within
    `patient_s` is not waited for.
    """

    def __init__(
        self,
        sayings: Sequence[Sound],
        sample_rate_hz: int,
        *,
        polite_s: float = 0.8,
        patient_s: float = 12.0,
    ) -> None:
        self._rate = sample_rate_hz
        self._frame = round(sample_rate_hz * FRAME_S)
        self._sayings = deque(sayings)
        self._saying = np.zeros(0, np.float32)
        self._polite_s = polite_s
        self._patient_s = patient_s
        self._queue: deque[Sound] = deque()
        self._played = 0
        self._silent_s = 0.0
        self._answered = False
        """The desk has spoken since the last saying."""
        self._ended: EndReason | None = None
        self.captions: list[Caption] = []

    @property
    def sample_rate_hz(self) -> int:
        return self._rate

    async def events(self) -> AsyncIterator[LineEvent]:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._ended is None:
            yield Heard(self._next_frame())
            if out := self._play_frame():
                self._played += out
                yield Played(self._played)
            due += FRAME_S
            # Never less than once through the loop: whoever is late catches up frame by frame.
            await asyncio.sleep(max(0.0, due - loop.time()))
        yield Ended(self._ended)

    async def answer(self) -> None:
        """Nothing to do."""

    async def play(self, samples: Sound) -> None:
        if self._ended is None:
            self._queue.append(samples)

    async def clear(self) -> int:
        self._queue.clear()
        return self._played

    async def hang_up(self) -> None:
        self._ended = self._ended or EndReason.DESK

    async def transfer(self, target: str) -> bool:
        return False

    def caption(self, caption: Caption) -> None:
        self.captions.append(caption)

    def _next_frame(self) -> Sound:
        if not len(self._saying):
            self._take_turn()
        frame, self._saying = self._saying[: self._frame], self._saying[self._frame :]
        return np.pad(frame, (0, self._frame - len(frame)))

    def _take_turn(self) -> None:
        ready = self._answered and self._silent_s >= self._polite_s
        if not ready and self._silent_s < self._patient_s:
            return
        if not self._sayings:
            self._ended = self._ended or EndReason.CALLER
            return
        self._saying = self._sayings.popleft()
        self._answered, self._silent_s = False, 0.0

    def _play_frame(self) -> int:
        """How many samples of a frame the desk had to say."""
        left = self._frame
        while left and self._queue:
            piece = self._queue[0]
            taken = min(left, len(piece))
            left -= taken
            if taken == len(piece):
                self._queue.popleft()
            else:
                self._queue[0] = piece[taken:]
        out = self._frame - left
        if out:
            self._answered, self._silent_s = True, 0.0
        elif not len(self._saying):
            self._silent_s += FRAME_S
        return out
