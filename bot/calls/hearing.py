"""What a call's ears are made of: the sound so far, and the transcriber in threads of its own.

Recordings that customers upload are heard elsewhere (`bot/perception.py`): a voice note of ten
minutes must not keep a caller waiting.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from bot.calls.transport import Sound
from bot.errors import Unavailable
from models.transcriber import Transcriber, Transcript

SAMPLE_RATE_HZ = 16_000
"""Of all that is heard here."""
LONGEST_WAIT_S = 6.0
"""For the transcriber."""


class Ears(Protocol):
    """Writes down what is said in a call."""

    async def hear(self, samples: Sound) -> Transcript:
        """Sound at 16 kHz. Whoever is cancelled while waiting leaves the queue. Raises
        `Unavailable` if nothing came in time."""


class Hearing:
    """`Ears` with a transcriber, for all calls of this process."""

    def __init__(
        self, make: Callable[[], Transcriber], *, threads: int, wait_s: float = LONGEST_WAIT_S
    ) -> None:
        """`make` gives the transcriber; it is called in a thread when it is first needed."""
        self._make = make
        self._wait_s = wait_s
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="call hearing")

    async def hear(self, samples: Sound) -> Transcript:
        loop = asyncio.get_running_loop()
        heard = loop.run_in_executor(self._threads, self._transcribe, samples)
        try:
            async with asyncio.timeout(self._wait_s):
                return await heard
        except TimeoutError as error:
            raise Unavailable(f"the transcriber gave nothing in {self._wait_s:g} s") from error

    async def warm_up(self) -> None:
        """Make the engine, so that the first caller does not wait for it. Raises
        `EngineMissing`."""
        await self.hear(np.zeros(SAMPLE_RATE_HZ, np.float32))

    def close(self) -> None:
        """Hear nothing new."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _transcribe(self, samples: Sound) -> Transcript:
        return self._make().transcribe(samples)


class SoundMemory:
    """The sound of the turn that is going on, and a little before it; never without bound."""

    def __init__(self, keep_s: float) -> None:
        """`keep_s`: how much is kept at most."""
        self._pieces: deque[Sound] = deque()
        self._first = 0
        """Number of the first sample that is kept, of all that were heard."""
        self._end = 0
        self._keep = round(keep_s * SAMPLE_RATE_HZ)

    def add(self, samples: Sound) -> None:
        self._pieces.append(samples)
        self._end += len(samples)
        self.forget_before((self._end - self._keep) / SAMPLE_RATE_HZ)

    def since(self, second: float) -> Sound:
        """All from that second of the call on, as far as it is kept."""
        if not self._pieces:
            return np.zeros(0, np.float32)
        first = max(0, round(second * SAMPLE_RATE_HZ) - self._first)
        return np.concatenate(self._pieces)[first:]

    def forget_before(self, second: float) -> None:
        limit = round(second * SAMPLE_RATE_HZ)
        while self._pieces and self._first + len(self._pieces[0]) <= limit:
            self._first += len(self._pieces.popleft())
