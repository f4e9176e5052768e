"""Sound at another sample rate while it comes in, piece by piece, by FFmpeg's libswresample.

What is resampled block by block without a memory clicks at every edge; here the pieces together
are what the whole would have been. The filter holds back 2 ms of a telephone's sound. (soxr's
streams hold back whole blocks, 60 to 115 ms of it, and a caller waits for those twice: before they
are heard to have ended, and before the desk falls silent for them.)
"""

import numpy as np
from av import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class Resampler:
    """One stream of mono sound; `to_hz / from_hz` times as many samples come out in the end."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz = from_hz
        self._stream = None if from_hz == to_hz else AudioResampler("flt", "mono", to_hz)

    def feed(self, samples: Samples, *, last: bool = False) -> Samples:
        """What has become ready with these samples, shape (length,); the filter holds a little
        back, which comes with the `last` piece. After that one, nothing is fed."""
        samples = np.ascontiguousarray(samples, np.float32)
        if self._stream is None:
            return samples
        ready: list[Samples] = [np.zeros(0, np.float32)]
        if len(samples):
            frame = AudioFrame.from_ndarray(samples[np.newaxis], "flt", "mono")
            frame.sample_rate = self._from_hz
            ready += [piece.to_ndarray()[0] for piece in self._stream.resample(frame)]
        if last:
            ready += [piece.to_ndarray()[0] for piece in self._stream.resample(None)]
        return np.concatenate(ready)
