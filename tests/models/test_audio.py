"""Recordings are decoded whole, within the limit, or refused with the reason."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.audio import decode, encode_m4a, encode_mp3, encode_ogg_opus
from models.errors import MediaError
from models.media_type import sniff
from models.synthesizer import Speech
from tests.models.media import SOUND_FORMATS, recording, screenshot, tone, video


def code_of(data: bytes, limit_s: float = 60) -> str:
    with pytest.raises(MediaError) as caught:
        decode(data, limit_s=limit_s)
    return caught.value.code


def pitch_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * 16_000 / len(samples))


@pytest.mark.parametrize("media_type", SOUND_FORMATS)
def test_every_format_gives_mono_at_16_khz(media_type: str) -> None:
    samples = decode(recording(media_type, tone(2.0)), limit_s=60)
    assert samples.dtype == np.float32
    assert len(samples) / 16_000 == pytest.approx(2.0, abs=0.1)
    assert pitch_hz(samples) == pytest.approx(440, abs=3)


def test_another_sample_rate_is_another_number_of_samples() -> None:
    samples = decode(recording("audio/flac", tone(1.0)), limit_s=60, sample_rate_hz=8_000)
    assert len(samples) == pytest.approx(8_000, abs=100)


def test_video_gives_its_sound() -> None:
    data = video([screenshot("hello", size=(320, 160))], sound=tone(1.5))
    assert len(decode(data, limit_s=60)) / 16_000 == pytest.approx(1.5, abs=0.1)


def test_video_without_sound_is_refused() -> None:
    assert code_of(video([screenshot("hello", size=(320, 160))])) == "audio_missing"


@pytest.mark.parametrize("media_type", SOUND_FORMATS)
def test_longer_than_the_limit_is_refused(media_type: str) -> None:
    assert code_of(recording(media_type, tone(3.0)), limit_s=2.0) == "audio_too_long"


def test_three_hours_are_refused_from_the_header() -> None:
    seconds = 3 * 3600
    header = recording("audio/wav", tone(0.1))[:44]
    size = struct.pack("<I", seconds * 32_000)
    data = header[:40] + size + bytes(200_000)
    # Only the header says three hours: FFmpeg itself goes by the bytes that are there.
    assert code_of(data) in {"audio_too_long", "media_truncated"}


def test_hours_without_a_duration_are_refused_at_the_limit() -> None:
    second = recording("audio/mpeg", tone(60.0))
    with pytest.raises(MediaError) as caught:
        decode(second * 180, limit_s=90)
    assert caught.value.code == "audio_too_long"
    assert caught.value.params == {"limit_minutes": 2}


@pytest.mark.parametrize("media_type", ["audio/wav", "audio/ogg", "audio/mp4", "audio/flac"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.8])
def test_cut_off_recording_is_refused(media_type: str, kept: float) -> None:
    whole = recording(media_type, tone(5.0))
    assert code_of(whole[: int(len(whole) * kept)]) in {"media_truncated", "media_unreadable"}


def test_empty_file_is_refused() -> None:
    assert code_of(b"") == "upload_empty"


def test_something_else_is_refused() -> None:
    assert code_of(b"#EXTM3U\nhttp://127.0.0.1/a.ts\n") == "media_unreadable"
    assert code_of(b"\x89PNG\r\n\x1a\n") == "media_unreadable"


def test_nine_channels_are_refused() -> None:
    """There is no arrangement of loudspeakers for so many that could be mixed down."""
    file = bytearray(recording("audio/wav", tone(0.5)))
    assert file[22] == 1
    file[22] = 9
    assert code_of(bytes(file)) == "media_truncated"


@settings(max_examples=60, deadline=None)
@given(data=st.data(), media_type=st.sampled_from(sorted(SOUND_FORMATS)))
def test_damage_gives_sound_or_a_reason(data: st.DataObject, media_type: str) -> None:
    file = bytearray(recording(media_type, tone(0.5)))
    for at in data.draw(st.lists(st.integers(0, len(file) - 1), min_size=1, max_size=30)):
        file[at] ^= data.draw(st.integers(1, 255))
    try:
        samples = decode(bytes(file), limit_s=60)
    except MediaError:
        return
    assert samples.ndim == 1


@pytest.mark.parametrize(
    ("encode", "media_type"),
    [(encode_ogg_opus, "audio/ogg"), (encode_m4a, "audio/mp4"), (encode_mp3, "audio/mpeg")],
)
def test_spoken_answer_survives_its_format(encode, media_type: str) -> None:
    data = encode(Speech(tone(2.0), 16_000))
    assert sniff(data[:4096]) == media_type
    samples = decode(data, limit_s=60)
    assert len(samples) / 16_000 == pytest.approx(2.0, abs=0.1)
    assert pitch_hz(samples) == pytest.approx(440, abs=3)


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(1_000, 60_000),
    rate_hz=st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000]),
)
def test_answers_of_any_length_and_rate_are_encoded(length: int, rate_hz: int) -> None:
    speech = Speech(np.full(length, 0.1, np.float32), rate_hz)
    for encode in (encode_ogg_opus, encode_m4a, encode_mp3):
        samples = decode(encode(speech), limit_s=60)
        assert len(samples) / 16_000 == pytest.approx(length / rate_hz, abs=0.1)


@pytest.mark.parametrize(
    ("media_type", "options"),
    [
        ("audio/webm", {"live": "1"}),
        ("audio/mp4", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    ],
)
def test_browser_recording_without_a_length_is_decoded(
    media_type: str, options: dict[str, str]
) -> None:
    data = recording(media_type, tone(3.0), options)
    assert sniff(data[:4096]) == media_type
    assert len(decode(data, limit_s=60)) / 16_000 == pytest.approx(3.0, abs=0.1)
    assert code_of(data, limit_s=2) == "audio_too_long"
