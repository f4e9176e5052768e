"""A line without a telephone: this computer's microphone and loudspeaker, through PortAudio.

For `frontdesk call --microphone`. Nothing takes the desk's own voice out of what the microphone
hears, so the caller is to wear headphones. Each has a stream of its own: in one for both, through
PulseAudio, the microphone is deaf for two seconds each time that the loudspeaker runs dry.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.calls.transport import (
    Caption,
    Ended,
    EndReason,
    Heard,
    LineEvent,
    Played,
    Sound,
)
from bot.errors import OperatorError

log = logging.getLogger(__name__)

RATE_HZ = 16_000
FRAME_S = 0.02
_LATENCY_S = 0.1
"""Of sound that PortAudio holds ready. What it takes by default, some 0.05 s, runs dry while all
cores are busy."""
_MOST_WAITING = 500
"""Events that the desk has not taken: 5 s. Of more, the oldest are dropped."""
_INSTALL = "pip install 'frontdesk[microphone]'"


class Microphone:
    """Implements `bot.calls.transport.Transport`."""

    sample_rate_hz = RATE_HZ

    def __init__(self, show: Callable[[Caption], None] = lambda caption: None) -> None:
        """`show` is told what is said. Raises `OperatorError` where there is no sound here."""
        self._show = show
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[LineEvent] = deque(maxlen=_MOST_WAITING)
        self._there = asyncio.Event()
        self._lock = Lock()
        """Between the loop and PortAudio's thread."""
        self._queue: deque[Sound] = deque()
        self._played = 0
        self._ended: EndReason | None = None
        self._streams = _opened(_sounddevice(), self._hear, self._sound)

    async def events(self) -> AsyncIterator[LineEvent]:
        while self._ended is None or self._waiting:
            while self._waiting:
                yield self._waiting.popleft()
            if self._ended is None:
                self._there.clear()
                await self._there.wait()
        yield Ended(self._ended)

    async def answer(self) -> None:
        await asyncio.to_thread(self._start)

    async def play(self, samples: Sound) -> None:
        if self._ended is None:
            with self._lock:
                self._queue.append(samples)

    async def clear(self) -> int:
        with self._lock:
            self._queue.clear()
            return self._played

    async def hang_up(self) -> None:
        await self._end(EndReason.DESK)

    async def leave(self) -> None:
        """The caller hangs up."""
        await self._end(EndReason.CALLER)

    async def transfer(self, target: str) -> bool:
        return False

    def caption(self, caption: Caption) -> None:
        self._show(caption)

    async def _end(self, reason: EndReason) -> None:
        if self._ended is None:
            self._ended = reason
            self._there.set()
            await asyncio.to_thread(self._close)

    def _start(self) -> None:
        for stream in self._streams:
            stream.start()

    def _close(self) -> None:
        for stream in self._streams:
            stream.close()

    # Called by PortAudio for every frame, of shape (samples, 1), each in a thread of its own. They
    # must not wait long.

    def _hear(self, heard: NDArray[np.float32], _: int, __: Any, status: Any) -> None:
        self._check(status)
        self._loop.call_soon_threadsafe(self._tell, Heard(heard[:, 0].copy()))

    def _sound(self, out: NDArray[np.float32], _: int, __: Any, status: Any) -> None:
        self._check(status)
        with self._lock:
            length = self._take(out[:, 0])
            self._played += length
            played = self._played
        if length:
            self._loop.call_soon_threadsafe(self._tell, Played(played))

    def _check(self, status: Any) -> None:
        if status:
            log.warning("call.sound_card_late", extra={"reason": str(status)})

    def _take(self, out: Sound) -> int:
        """Fill a frame with what is queued, and silence; gives how much was queued."""
        filled = 0
        while self._queue and filled < len(out):
            piece = self._queue.popleft()
            part, rest = piece[: len(out) - filled], piece[len(out) - filled :]
            out[filled : filled + len(part)] = part
            filled += len(part)
            if len(rest):
                self._queue.appendleft(rest)
        out[filled:] = 0
        return filled

    def _tell(self, event: LineEvent) -> None:
        if self._ended is None:
            self._waiting.append(event)
            self._there.set()


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ImportError as error:
        raise OperatorError(
            "the microphone needs the package `sounddevice`", remedy=f"install it: `{_INSTALL}`"
        ) from error
    except OSError as error:  # the package is there, and the library that it stands on is not
        raise OperatorError(
            "the microphone needs PortAudio, which is not on this computer",
            remedy="install it: `apt install libportaudio2`, `dnf install portaudio`, or "
            "`brew install portaudio`",
        ) from error
    module: ModuleType = sounddevice
    return module


def _opened(
    sounddevice: ModuleType, hear: Callable[..., None], sound: Callable[..., None]
) -> list[Any]:
    """The microphone and the loudspeaker."""
    ways = ((sounddevice.InputStream, hear), (sounddevice.OutputStream, sound))
    opened: list[Any] = []
    try:
        for way, callback in ways:
            opened.append(
                way(
                    samplerate=RATE_HZ,
                    blocksize=round(RATE_HZ * FRAME_S),
                    channels=1,
                    dtype="float32",
                    latency=_LATENCY_S,
                    callback=callback,
                )
            )
    except (sounddevice.PortAudioError, ValueError) as error:
        for stream in opened:
            stream.close()
        raise OperatorError(
            f"there is no microphone and loudspeaker that can be used: {error}",
            remedy="plug them in, or let this program use them; `python -m sounddevice` lists what "
            "there is",
        ) from error
    return opened
