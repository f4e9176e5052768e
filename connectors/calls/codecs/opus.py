"""Opus, as browsers and WhatsApp send it (RFC 7587): one packet at a time, by FFmpeg's libopus.

Whoever talks with `aiortc` writes Opus through it; what comes is read here, so that a lost packet
costs its own 20 ms and nothing else.
"""

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from connectors.calls.codecs.codec import NotThisCodec, Samples

RATE_HZ = 48_000
"""Opus counts time in this rate, whatever is inside."""


class OpusDecoder:
    """One stream; it remembers what came before."""

    def __init__(self) -> None:
        context = av.CodecContext.create("libopus", "r")
        assert isinstance(context, AudioCodecContext)
        context.sample_rate = RATE_HZ
        context.layout = "mono"
        self._context = context

    def decode(self, packet: bytes) -> Samples:
        """Raises `NotThisCodec`."""
        try:
            frames = self._context.decode(av.Packet(packet))
        except (av.error.FFmpegError, ValueError) as error:
            raise NotThisCodec(f"not Opus: {type(error).__name__}") from error
        pieces = [_mono(frame.to_ndarray(), len(frame.layout.channels)) for frame in frames]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def _mono(sound: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]", channels: int) -> Samples:
    """From what FFmpeg gives, planar or not, 16 bits or float."""
    scale = np.float32(32_768) if sound.dtype == np.int16 else np.float32(1)
    shaped = sound if sound.shape[0] == channels else sound.reshape(-1, channels).T
    return np.asarray(shaped.astype(np.float32).mean(axis=0) / scale, np.float32)
