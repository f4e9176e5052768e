"""The picture of a recording that Discord shows with a voice message.

Discord wants one byte for each tenth of a second, at most 256 of them. They are read off the sizes
of the Opus packets: in a stream of variable bit rate, loud speech takes many bytes and silence few.
Sources: https://docs.discord.com/developers/resources/message#voice-messages,
RFC 3533 (Ogg pages), RFC 7845 (Opus in Ogg)
"""

import base64
from collections.abc import Iterator

_PAGE_HEADER = 27
_HEADERS = 2
"""Packets that tell about the stream."""
_PACKETS = 5
"""Of 20 ms, in a tenth of a second."""
_MOST = 256


def waveform(ogg: bytes) -> str:
    """The picture of an Ogg/Opus recording, in base64; a flat line for what is none."""
    sizes = list(_packet_sizes(ogg))[_HEADERS:]
    step = max(_PACKETS, -(-len(sizes) // _MOST))
    means = [sum(part) / len(part) for part in _parts(sizes, step)] or [0.0]
    low, high = min(means), max(means)
    span = (high - low) or 1.0
    return base64.b64encode(bytes(round(255 * (each - low) / span) for each in means)).decode()


def _parts(sizes: list[int], step: int) -> Iterator[list[int]]:
    for start in range(0, len(sizes), step):
        yield sizes[start : start + step]


def _packet_sizes(ogg: bytes) -> Iterator[int]:
    at, size = 0, 0
    while ogg[at : at + 4] == b"OggS" and at + _PAGE_HEADER <= len(ogg):
        segments = ogg[at + _PAGE_HEADER : at + _PAGE_HEADER + ogg[at + 26]]
        for length in segments:
            size += length
            if length < 255:
                yield size
                size = 0
        at += _PAGE_HEADER + len(segments) + sum(segments)
