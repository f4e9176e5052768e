"""What a line needs of a codec, whichever it is."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono, -1 to 1."""


class Codec(Protocol):
    """One direction of one call at a time: a codec may remember what came before."""

    sample_rate_hz: int
    """Of the samples on this side."""

    def encode(self, samples: Samples) -> bytes:
        """Louder than 1 is cut off at 1."""

    def decode(self, data: bytes) -> Samples:
        """Raises `NotThisCodec` for bytes that it cannot have written."""


class NotThisCodec(Exception):
    """What came over a line is not what was agreed."""


def to_int16(samples: Samples) -> NDArray[np.int16]:
    """Full scale is 32 768, so that both ways give the same sample back."""
    return np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype(np.int16)


def from_int16(samples: NDArray[np.int16]) -> Samples:
    return samples.astype(np.float32) / np.float32(32_768)
