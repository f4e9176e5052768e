"""What a call's ears are made of: the sound so far, and the transcriber in threads of its own.

Recordings that customers upload are heard elsewhere (`bot/perception.py`): a voice note of ten
minutes must not keep a caller waiting.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.calls.transport import Sound
from bot.errors import Unavailable
from models.errors import ModelError
from models.melody import Melody, melody_of
from models.transcriber import Listener, Transcriber, Transcript

SAMPLE_RATE_HZ = 16_000
"""Of all that is heard here."""
LONGEST_WAIT_S = 6.0
"""For the transcriber."""
_BLOCK_S = 0.25
"""Of sound that is handed to a thread at once."""
_PIECES_KEPT = 36
"""Of such sound, some 9 s."""


class Voice(Protocol):
    """Tells voice from all other sound; `models.voice_activity.SpeechDetector` does."""

    def hear(self, samples: Sound) -> NDArray[np.float32]:
        """How likely somebody speaks, for each 32 ms that these samples complete."""


class Caught(msgspec.Struct, frozen=True):
    """What was heard of a turn up to a pause."""

    transcript: Transcript
    melody: Melody | None = None
    """How the voice ends."""
    complete: float | None = None
    """Probability that the turn is complete, by its sound; None where nothing listens for that."""


class Ear(Protocol):
    """Hears one turn while it is spoken."""

    def hear(self, samples: Sound) -> None:
        """The next piece, at 16 kHz. Returns at once."""

    async def finish(self) -> Caught:
        """What all of it up to now says. More may be heard afterwards. Whoever is cancelled while
        waiting leaves the queue. Raises `Unavailable` if nothing came in time."""


class Ears(Protocol):
    """Writes down what is said in calls."""

    def listen(self, partial: Callable[[str], None]) -> Ear:
        """For a turn that begins. `partial` is told what has been understood so far."""


class Hearing:
    """`Ears` with a transcriber, for all calls of this process."""

    def __init__(
        self,
        make: Callable[[], Transcriber],
        *,
        threads: int,
        complete: Callable[[Sound], float] | None = None,
        wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        """`make` gives the transcriber; it is called in a thread when it is first needed.
        `complete`: see `Caught.complete`."""
        self.make = make
        self.complete = complete
        self.wait_s = wait_s
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="call hearing")

    def listen(self, partial: Callable[[str], None]) -> Ear:
        return _TurnEar(self, partial)

    async def warm_up(self) -> None:
        """Make the engine, so that the first caller does not wait for it. Raises
        `EngineMissing`."""
        await asyncio.get_running_loop().run_in_executor(self.threads, self._try)

    def close(self) -> None:
        """Hear nothing new."""
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _try(self) -> None:
        silence = np.zeros(SAMPLE_RATE_HZ, np.float32)
        self.make().transcribe(silence)
        if self.complete:
            self.complete(silence)


class _TurnEar:
    """A listener of the transcriber, in one thread at a time."""

    def __init__(self, hearing: Hearing, partial: Callable[[str], None]) -> None:
        self._hearing = hearing
        self._partial = partial
        self._loop = asyncio.get_running_loop()
        self._listener: Listener | None = None
        self._waiting: list[Sound] = []
        self._length = 0
        self._end: deque[Sound] = deque(maxlen=_PIECES_KEPT)
        """For the melody, which is that of the last seconds."""
        self._lock = Lock()

    def hear(self, samples: Sound) -> None:
        self._waiting.append(samples)
        self._length += len(samples)
        if self._length >= _BLOCK_S * SAMPLE_RATE_HZ:
            self._hearing.threads.submit(self._drafted, self._taken())

    async def finish(self) -> Caught:
        heard = self._loop.run_in_executor(self._hearing.threads, self._finished, self._taken())
        try:
            async with asyncio.timeout(self._hearing.wait_s):
                return await heard
        except TimeoutError as error:
            wait_s = self._hearing.wait_s
            raise Unavailable(f"the transcriber gave nothing in {wait_s:g} s") from error
        except ModelError as error:
            raise Unavailable(str(error).partition("\n")[0]) from error

    def _taken(self) -> list[Sound]:
        taken, self._waiting, self._length = self._waiting, [], 0
        return taken

    def _drafted(self, pieces: list[Sound]) -> None:
        with self._lock:
            text = self._heard(pieces)
        if text:
            self._loop.call_soon_threadsafe(self._partial, text)

    def _finished(self, pieces: list[Sound]) -> Caught:
        with self._lock:
            self._heard(pieces)
            assert self._listener
            transcript = self._listener.finish()
            recent = np.concatenate([np.zeros(0, np.float32), *self._end])
            complete = self._hearing.complete(recent) if self._hearing.complete else None
            return Caught(transcript, melody_of(recent), complete)

    def _heard(self, pieces: list[Sound]) -> str:
        if self._listener is None:
            self._listener = self._hearing.make().listen()
        samples = np.concatenate([np.zeros(0, np.float32), *pieces])
        self._end.append(samples)
        return self._listener.hear(samples).text


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
