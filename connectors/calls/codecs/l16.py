"""Linear PCM of 16 bits. Big-endian is L16 as the internet writes it (RFC 3551, 4.5.11);
little-endian is what Vonage, Asterisk's AudioSocket and browsers send."""

from typing import Literal

import numpy as np

from connectors.calls.codecs.codec import NotThisCodec, Samples, from_int16, to_int16


class L16:
    def __init__(self, sample_rate_hz: int, *, order: Literal["big", "little"]) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._type = np.dtype(np.int16).newbyteorder(order)

    def encode(self, samples: Samples) -> bytes:
        return to_int16(samples).astype(self._type).tobytes()

    def decode(self, data: bytes) -> Samples:
        if len(data) % 2:
            raise NotThisCodec(f"{len(data)} bytes are no whole samples of 16 bits")
        return from_int16(np.frombuffer(data, self._type).astype(np.int16))
