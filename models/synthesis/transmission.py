"""What happens to a voice on its way: a telephone line, the codecs of phones and messengers.

Functions of mono sound: float32 from -1 to 1, shape (length,), with its sample rate in Hz.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from models.audio import Samples, decode, encode, resampled
from models.synthesizer import Speech

Codec = Literal["none", "opus", "aac", "amr"]

PHONE_RATE_HZ = 8_000
PHONE_BAND_HZ = (300, 3_400)
"""What a telephone line lets through: ITU-T G.120."""
_TAPS = 401
"""Of the band's filter: its slopes are some 80 Hz wide."""
_LIMIT_S = 600.0


@dataclass(frozen=True)
class _Format:
    """How a codec's files are written, by FFmpeg's names."""

    container: str
    codec: str
    rate_hz: int
    bits_per_second: int | None
    suffix: str


_FORMATS: Mapping[Codec, _Format] = {
    "none": _Format("wav", "pcm_s16le", 16_000, None, ".wav"),
    "opus": _Format("ogg", "libopus", 48_000, 12_000, ".ogg"),
    "aac": _Format("ipod", "aac", 16_000, 24_000, ".m4a"),
    "amr": _Format("amr", "libopencore_amrnb", 8_000, 12_200, ".amr"),
}
_SMALLEST = _Format("ogg", "libopus", 48_000, 6_000, ".ogg")
_MU_LAW = _Format("wav", "pcm_mulaw", PHONE_RATE_HZ, None, ".wav")
CODECS: tuple[Codec, ...] = tuple(_FORMATS)


def phone_band(samples: Samples, rate_hz: int) -> tuple[Samples, int]:
    """As it comes out of a telephone: 300 to 3400 Hz, at 8 kHz, in the 8 bits of G.711 mu-law
    (ITU-T G.711) and back."""
    if not len(samples):
        return samples, PHONE_RATE_HZ
    narrow = resampled(samples, rate_hz, PHONE_RATE_HZ)
    # The whole convolution, without the filter's delay of half its length at both ends.
    filtered = np.convolve(narrow, _band_filter())[_TAPS // 2 : _TAPS // 2 + len(narrow)]
    loudest = float(np.abs(filtered).max())
    filtered /= max(1.0, loudest)
    return _there_and_back(filtered.astype(np.float32), PHONE_RATE_HZ, _MU_LAW)


def through_codec(samples: Samples, rate_hz: int, codec: Codec) -> tuple[Samples, int]:
    """What is left after a codec at a low bit rate: Opus as messengers send it, AAC as phones
    record, AMR-NB (8 kHz) as old ones do. The sample rate is the codec's, for Opus and `none` the
    one before."""
    if codec == "none" or not len(samples):
        return samples, rate_hz
    heard, coded_hz = _there_and_back(samples, rate_hz, _FORMATS[codec])
    return (resampled(heard, coded_hz, rate_hz), rate_hz) if codec == "opus" else (heard, coded_hz)


def encoded(
    samples: Samples, rate_hz: int, codec: Codec, most_bytes: int | None = None
) -> tuple[bytes, str]:
    """The file that a phone would send, and its suffix (`.ogg`, `.m4a`, `.amr`; `.wav` for
    `none`, 16 bits at 16 kHz). To decode it gives what `through_codec` does.

    Where it would be larger than `most_bytes`, it is Opus, at half the bit rate if need be: three
    minutes are 140 kB then.
    """
    for how in (_FORMATS[codec], _FORMATS["opus"]):
        data = _file(samples, rate_hz, how)
        if most_bytes is None or len(data) <= most_bytes:
            return data, how.suffix
    return _file(samples, rate_hz, _SMALLEST), _SMALLEST.suffix


def _file(samples: Samples, rate_hz: int, how: _Format) -> bytes:
    speech = Speech(samples, rate_hz)
    return encode(speech, how.container, how.codec, how.rate_hz, how.bits_per_second)


def _there_and_back(samples: Samples, rate_hz: int, how: _Format) -> tuple[Samples, int]:
    data = _file(samples, rate_hz, how)
    return decode(data, limit_s=_LIMIT_S, sample_rate_hz=how.rate_hz), how.rate_hz


@cache
def _band_filter() -> Samples:
    """A linear-phase band-pass for 8 kHz: the difference of two low-passes, each a sinc in a
    Blackman window. Shape (taps,)."""
    at = np.arange(_TAPS) - _TAPS // 2
    low, high = (2 * hertz / PHONE_RATE_HZ for hertz in PHONE_BAND_HZ)
    taps = (high * np.sinc(high * at) - low * np.sinc(low * at)) * np.blackman(_TAPS)
    return np.asarray(taps, np.float32)
