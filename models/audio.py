"""Recordings to samples and spoken answers to files, by PyAV (FFmpeg's libraries).

Decoding stops at the limit: a recording of hours is refused from its header, or as soon as more
than the limit has come out of it.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from models.errors import MediaError
from models.media_type import DEMUXERS, HEAD_BYTES, sniff

if TYPE_CHECKING:
    from models.synthesizer import Speech

Samples = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
"""What the speech models take."""
OPUS_RATE_HZ = 48_000
OPUS_BITS_PER_SECOND = 32_000
AAC_RATE_HZ = 44_100
AAC_BITS_PER_SECOND = 64_000
MP3_RATE_HZ = 44_100
MP3_BITS_PER_SECOND = 64_000
WAV_PLACEHOLDER = 0x7FFF0000
LEAST_WHOLE = 0.9
"""A file that holds a smaller part of the duration in its header has been cut off."""


def decode(data: bytes, *, limit_s: float, sample_rate_hz: int = SAMPLE_RATE_HZ) -> Samples:
    """The sound of a recording, or of a video: mono, -1 to 1.

    Raises `MediaError`: `upload_empty` (no bytes), `media_unreadable` (not a recording),
    `media_truncated` (cut off or damaged), `audio_too_long` (`limit_minutes`), `audio_missing`
    (a video without sound).
    """
    with open_container(data) as container:
        refuse_longer(container, limit_s, "audio_too_long")
        if not container.streams.audio:
            raise MediaError("audio_missing")
        samples = _decode_stream(container, limit_s, sample_rate_hz)
        _refuse_cut_off(container, data, len(samples) / sample_rate_hz)
    return samples


@contextmanager
def open_container(data: bytes) -> Iterator[InputContainer]:
    """A recording or a video, open for decoding.

    Raises `MediaError`: `upload_empty`, `media_unreadable`, `media_truncated`.
    """
    if not data:
        raise MediaError("upload_empty")
    demuxer = DEMUXERS.get(sniff(data[:HEAD_BYTES]) or "")
    if demuxer is None:
        raise MediaError("media_unreadable")
    try:
        container = av.open(io.BytesIO(data), format=demuxer)
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError("media_truncated") from error
    assert isinstance(container, InputContainer)
    with container:
        yield container


def refuse_longer(container: InputContainer, limit_s: float, code: str) -> None:
    """Raises `MediaError(code)` if the header announces more than `limit_s`."""
    announced_s = _announced_s(container)
    if announced_s is not None and announced_s > limit_s:
        raise _too_long(limit_s, code)


def _too_long(limit_s: float, code: str = "audio_too_long") -> MediaError:
    return MediaError(code, limit_minutes=max(1, round(limit_s / 60)))


def _announced_s(container: InputContainer) -> float | None:
    return None if container.duration is None else container.duration / av.time_base


def _sound_s(container: InputContainer) -> float | None:
    """What the header announces for the sound; a video's pictures may go on for longer."""
    stream = container.streams.audio[0]
    if stream.duration is None or stream.time_base is None:
        return _announced_s(container)
    return float(stream.duration * stream.time_base)


def _refuse_cut_off(container: InputContainer, data: bytes, decoded_s: float) -> None:
    demuxer = container.format.name
    cut = decoded_s == 0
    if demuxer == "ogg":
        cut = cut or _last_page_is_cut(data)
    elif demuxer == "wav":
        cut = cut or _wav_is_cut(data)
    elif demuxer == "flac" or demuxer.startswith("mov"):
        # The others' headers carry no duration, or FFmpeg estimates it from the size.
        announced_s = _sound_s(container)
        cut = cut or (announced_s is not None and decoded_s < LEAST_WHOLE * announced_s - 0.5)
    if cut:
        raise MediaError("media_truncated")


def _last_page_is_cut(data: bytes) -> bool:
    """An OGG page says in its header how long it is: https://www.rfc-editor.org/rfc/rfc3533"""
    page = data[data.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _wav_is_cut(data: bytes) -> bool:
    chunk = data.find(b"data", 12, HEAD_BYTES)
    if chunk < 0 or len(data) < chunk + 8:
        return True
    announced = int.from_bytes(data[chunk + 4 : chunk + 8], "little")
    # Who writes into a pipe does not know the length and puts a placeholder.
    known = 0 < announced < WAV_PLACEHOLDER
    return known and len(data) - chunk - 8 < LEAST_WHOLE * announced


def _decode_stream(container: InputContainer, limit_s: float, sample_rate_hz: int) -> Samples:
    limit = round(limit_s * sample_rate_hz)
    pieces: list[Samples] = []
    length = good = bad = 0
    resampler, setup = None, None
    for frame in _frames(container):
        if frame is None:
            bad += 1
            continue
        # A chained file may change its sample rate or channels half-way.
        if setup != (frame.format.name, frame.layout.name, frame.sample_rate):
            setup = (frame.format.name, frame.layout.name, frame.sample_rate)
            pieces += _resampled(resampler, None)
            resampler = AudioResampler("flt", "mono", sample_rate_hz)
        try:
            new = _resampled(resampler, frame)
        except av.error.FFmpegError:  # more channels than there are names for, as damage writes
            resampler, setup = None, None
            bad += 1
            continue
        good += 1
        pieces += new
        length += sum(map(len, new))
        if length > limit:
            raise _too_long(limit_s)
    pieces += _resampled(resampler, None)
    if bad > good:
        raise MediaError("media_truncated")
    return np.concatenate(pieces) if pieces else np.empty(0, np.float32)


def _frames(container: InputContainer) -> Iterator[AudioFrame | None]:
    """The frames of the first sound stream; None in place of what is damaged."""
    packets = container.demux(container.streams.audio[0])
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            # The file ends within a packet: what came before it counts.
            return
        if packet is None:
            return
        try:
            for frame in packet.decode():
                assert isinstance(frame, AudioFrame)
                yield frame
        except av.error.FFmpegError:
            yield None


def _resampled(resampler: AudioResampler | None, frame: AudioFrame | None) -> list[Samples]:
    """What comes out for a frame; for None, what the resampler still held."""
    if resampler is None:
        return []
    return [piece.to_ndarray()[0] for piece in resampler.resample(frame)]


def resampled(samples: Samples, rate_hz: int, to_hz: int) -> Samples:
    """Mono sound at another sample rate; what lies above half of it is filtered out."""
    if rate_hz == to_hz or not len(samples):
        return samples
    frame = AudioFrame.from_ndarray(
        np.ascontiguousarray(samples, np.float32).reshape(1, -1), format="flt", layout="mono"
    )
    frame.sample_rate = rate_hz
    resampler = AudioResampler("flt", "mono", to_hz)
    return np.concatenate([*_resampled(resampler, frame), *_resampled(resampler, None)])


def encode_ogg_opus(speech: "Speech") -> bytes:
    """OGG with Opus: what Chrome, Firefox and Android play, and messaging apps send."""
    return encode(speech, "ogg", "libopus", OPUS_RATE_HZ, OPUS_BITS_PER_SECOND)


def encode_m4a(speech: "Speech") -> bytes:
    """MP4 with AAC: what iOS and Safari play."""
    return encode(speech, "ipod", "aac", AAC_RATE_HZ, AAC_BITS_PER_SECOND)


def encode_mp3(speech: "Speech") -> bytes:
    """MP3: what WeChat plays."""
    return encode(speech, "mp3", "libmp3lame", MP3_RATE_HZ, MP3_BITS_PER_SECOND)


def encode(
    speech: "Speech",
    container_format: str,
    codec: str,
    rate_hz: int,
    bits_per_second: int | None = None,
) -> bytes:
    """A recording as a file, by FFmpeg's names of containers and codecs; resampled to `rate_hz`.
    Without `bits_per_second` the codec chooses."""
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="mono")
        assert isinstance(stream, AudioStream)
        if bits_per_second:
            stream.bit_rate = bits_per_second
        samples = np.ascontiguousarray(speech.samples, np.float32).reshape(1, -1)
        frame = AudioFrame.from_ndarray(samples, format="flt", layout="mono")
        frame.sample_rate = speech.sample_rate_hz
        resampler = AudioResampler(
            stream.codec_context.format, "mono", rate_hz, stream.codec_context.frame_size or None
        )
        position = 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            # Counted here: the resampler's own time stamps overlap at its last piece.
            piece.pts, piece.time_base = position, Fraction(1, rate_hz)
            position += piece.samples
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()
