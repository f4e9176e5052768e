"""A call's recording: the caller left, the desk right, written to the disk as it comes.

What is held in memory is a second of sound; an hour of Opus is about 20 MB.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

from bot.calls.transport import Sound

log = logging.getLogger(__name__)

_CODECS = {".ogg": ("libopus", 48_000), ".wav": ("pcm_s16le", 0)}
_OPUS_BITS_PER_SECOND = 48_000
_BLOCK_S = 1.0


class Recording:
    """One file; closed with `close`. The suffix says how it is written: `.ogg` or `.wav`. A disk
    that fails while it is written ends the recording, and not the call."""

    def __init__(self, path: Path, sample_rate_hz: int) -> None:
        """`sample_rate_hz`: of what is written. Raises `OSError`."""
        self._rate = sample_rate_hz
        self._path = path
        codec, rate = _CODECS[path.suffix]
        # One thread: what is written stays in order, and waits for no disk on the event loop.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="call recording")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(path), "w")
        stream = self._container.add_stream(codec, rate=rate or sample_rate_hz, layout="stereo")
        assert isinstance(stream, AudioStream)
        if path.suffix == ".ogg":
            stream.bit_rate = _OPUS_BITS_PER_SECOND
        self._stream = stream
        self._resampler = AudioResampler(
            stream.codec_context.format,
            "stereo",
            rate or sample_rate_hz,
            stream.codec_context.frame_size or None,
        )
        self._written = 0
        self._broken = False
        self._left: list[Sound] = []
        self._right: list[Sound] = []
        self._length = 0
        self._desk: deque[Sound] = deque()

    def desk(self, samples: Sound) -> None:
        """What the desk said, as it went out."""
        self._desk.append(samples)

    def caller(self, samples: Sound) -> None:
        """What the caller said; as much time has passed."""
        self._left.append(samples)
        self._right.append(self._take(len(samples)))
        self._length += len(samples)
        if self._length >= _BLOCK_S * self._rate:
            self._flush()

    async def close(self) -> None:
        """Write what is left, and close the file."""
        while self._desk:  # its last words, played after the caller's last sound
            self.caller(np.zeros(len(self._desk[0]), np.float32))
        self._flush()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._try, self._finish)
        self._thread.shutdown(wait=False)

    def _take(self, length: int) -> Sound:
        taken = np.zeros(length, np.float32)
        at = 0
        while at < length and self._desk:
            piece = self._desk.popleft()
            part = piece[: length - at]
            taken[at : at + len(part)] = part
            at += len(part)
            if len(part) < len(piece):
                self._desk.appendleft(piece[len(part) :])
        return taken

    def _flush(self) -> None:
        if not self._length:
            return
        both = np.stack([np.concatenate(self._left), np.concatenate(self._right)])
        self._left, self._right, self._length = [], [], 0
        self._thread.submit(self._try, self._write, both)

    def _try(self, write: Callable[..., None], *given: Sound) -> None:
        if self._broken:
            return
        try:
            write(*given)
        except OSError as error:  # av's errors of the disk are such, too
            self._broken = True
            facts = {"file": self._path.name, "reason": error.strerror}
            log.error("call.recording_broken", extra=facts)

    def _write(self, both: Sound) -> None:
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(both, np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate = self._rate
        self._encode(frame)

    def _encode(self, frame: AudioFrame | None) -> None:
        rate = self._stream.codec_context.sample_rate
        for piece in self._resampler.resample(frame):
            piece.pts, piece.time_base = self._written, Fraction(1, rate)
            self._written += piece.samples
            self._container.mux(self._stream.encode(piece))

    def _finish(self) -> None:
        self._encode(None)
        self._container.mux(self._stream.encode(None))
        self._container.close()
