"""Sound at another sample rate while it comes in, piece by piece, by soxr.

What is resampled block by block without a memory clicks at every edge; here the pieces together
are what the whole would have been.
"""

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class Resampler:
    """One stream of mono sound; `to_hz / from_hz` times as many samples come out in the end."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = (
            None
            if from_hz == to_hz
            else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
        )

    def feed(self, samples: Samples, *, last: bool = False) -> Samples:
        """What has become ready with these samples, shape (length,); the filter holds a few
        milliseconds back, which come with the `last` piece. After that one, nothing is fed."""
        samples = np.ascontiguousarray(samples, np.float32)
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(samples, last=last), np.float32)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """A whole sound."""
    return Resampler(from_hz, to_hz).feed(samples, last=True)
