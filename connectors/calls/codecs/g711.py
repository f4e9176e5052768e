"""G.711, the telephone's own: a logarithmic byte a sample, μ-law in America and Japan, A-law in the
rest of the world.

A byte holds a sign, a segment (the power of two) and a step within it; tables of all values are as
fast as it gets. Source: https://www.itu.int/rec/T-REC-G.711.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from connectors.calls.codecs.codec import Samples, from_int16, to_int16

_BIAS = 33 << 2
"""Of μ-law, on 16 bits: the first segment begins there."""


class _G711:
    sample_rate_hz = 8_000

    def __init__(self, decoded: NDArray[np.int16]) -> None:
        self._decoded = decoded
        self._encoded = _nearest(decoded)

    def encode(self, samples: Samples) -> bytes:
        return self._encoded[to_int16(samples).astype(np.int32) + 32_768].tobytes()

    def decode(self, data: bytes) -> Samples:
        return from_int16(self._decoded[np.frombuffer(data, np.uint8)])


class MuLaw(_G711):
    def __init__(self) -> None:
        super().__init__(_mu_law())


class ALaw(_G711):
    def __init__(self) -> None:
        super().__init__(_a_law())


@cache
def _mu_law() -> NDArray[np.int16]:
    """What each byte stands for, on 16 bits."""
    code = ~np.arange(256, dtype=np.uint8)
    segment, step = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = ((step << 3) + _BIAS << segment) - _BIAS
    return np.where(code & 0x80, -size, size).astype(np.int16)


@cache
def _a_law() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment, step = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = np.where(
        segment == 0, (step << 4) + 8, (step << 4) + 0x108 << np.maximum(segment - 1, 0)
    )
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _nearest(decoded: NDArray[np.int16]) -> NDArray[np.uint8]:
    """For each of the 65 536 samples, the byte that stands for the nearest."""
    # Two bytes of μ-law stand for silence; the later one, 0xFF, is what lines send.
    order = np.argsort(decoded, kind="stable")
    values = decoded[order].astype(np.int32)
    middles = (values[1:] + values[:-1] + 1) // 2
    return order[np.searchsorted(middles, np.arange(-32_768, 32_768), side="right")].astype(
        np.uint8
    )
