"""What a file is follows from its bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.media_type import DEMUXERS, kind_of, sniff
from tests.models.media import (
    PICTURE_FORMATS,
    SOUND_FORMATS,
    picture,
    recording,
    screenshot,
    tone,
    video,
)


@pytest.mark.parametrize("media_type", SOUND_FORMATS)
def test_recordings_are_told_apart(media_type: str) -> None:
    assert sniff(recording(media_type, tone(0.5))[:4096]) == media_type
    assert kind_of(media_type) == "audio"


@pytest.mark.parametrize("media_type", PICTURE_FORMATS)
def test_pictures_are_told_apart(media_type: str) -> None:
    assert sniff(picture(media_type, screenshot("hello"))[:4096]) == media_type
    assert kind_of(media_type) == "image"


@pytest.mark.parametrize(
    ("container_format", "codec", "media_type"),
    [
        ("mp4", "libx264", "video/mp4"),
        ("mov", "libx264", "video/quicktime"),
        ("webm", "libvpx", "video/webm"),
    ],
)
@pytest.mark.parametrize("with_sound", [True, False])
def test_a_container_with_pictures_is_a_video(
    container_format: str, codec: str, media_type: str, with_sound: bool
) -> None:
    data = video(
        [screenshot("hello", size=(320, 160))],
        sound=tone(1.5) if with_sound else None,
        container_format=container_format,
        codec=codec,
    )
    assert sniff(data[:4096]) == media_type
    assert kind_of(media_type) == "video"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"hello",
        b"MZ\x90\x00",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"#EXTM3U\nhttp://example.org/a.ts",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"\xff\xf1\x50\x80\x00\x1f\xfc",
        b"PK\x03\x04",
        b"\x1aE\xdf\xa3\x93B\x82\x88matroska",
    ],
)
def test_what_the_desk_cannot_read_has_no_type(head: bytes) -> None:
    assert sniff(head) is None


def test_pdf_may_begin_with_other_bytes() -> None:
    assert sniff(b"\r\n%PDF-1.7\n") == "application/pdf"
    assert kind_of("application/pdf") == "file"


@given(st.binary(max_size=200))
def test_any_bytes_have_a_known_type_or_none(head: bytes) -> None:
    found = sniff(head)
    assert found is None or found in {*DEMUXERS, *PICTURE_FORMATS, "application/pdf"}
