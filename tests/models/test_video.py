"""Videos give their sound and the few pictures that differ."""

import pytest

from models.errors import MediaError
from models.video import open_video
from tests.models.media import recording, screenshot, tone, video

SMALL = (320, 160)
FIRST = screenshot("Settings", size=SMALL)
DIALOG = screenshot("Settings", "Payment declined", size=SMALL)
LAST = screenshot("Thank you", size=SMALL, dark=True)


def code_of(data: bytes, limit_s: float = 60) -> str:
    with pytest.raises(MediaError) as caught:
        open_video(data, limit_s=limit_s)
    return caught.value.code


@pytest.mark.parametrize(
    ("container_format", "codec"), [("mp4", "libx264"), ("mov", "libx264"), ("webm", "libvpx")]
)
def test_each_screen_is_kept_once(container_format: str, codec: str) -> None:
    seen = open_video(
        video([FIRST, DIALOG, LAST], container_format=container_format, codec=codec), limit_s=60
    )
    assert [round(frame.at_s) for frame in seen.frames] == [1, 3, 4]
    assert seen.sound is None
    assert seen.duration_s == pytest.approx(4.5, abs=0.3)


def test_screen_that_comes_back_is_kept_once() -> None:
    seen = open_video(video([FIRST, DIALOG, FIRST, DIALOG]), limit_s=60)
    assert len(seen.frames) == 2


def test_no_more_pictures_than_asked_for() -> None:
    screens = [screenshot(f"Step {step} " * 3, size=SMALL, font_px=40) for step in range(16)]
    seen = open_video(video(screens, seconds_each=0.5), limit_s=60, limit_frames=3)
    assert len(seen.frames) == 3


def test_sound_comes_along() -> None:
    seen = open_video(video([FIRST, LAST], sound=tone(3.0)), limit_s=60)
    assert seen.sound is not None
    assert len(seen.sound) / 16_000 == pytest.approx(3.0, abs=0.1)


def test_sound_may_end_before_the_pictures() -> None:
    seen = open_video(video([FIRST, LAST], sound=tone(1.0)), limit_s=60)
    assert seen.sound is not None
    assert seen.duration_s == pytest.approx(3.0, abs=0.3)


def test_container_of_sound_alone_has_no_pictures() -> None:
    seen = open_video(recording("audio/webm", tone(2.0)), limit_s=60)
    assert seen.frames == []
    assert seen.sound is not None


def test_too_long_is_refused() -> None:
    assert code_of(video([FIRST, LAST]), limit_s=2) == "video_too_long"


def test_cut_off_is_refused() -> None:
    whole = video([FIRST, LAST], sound=tone(3.0))
    assert code_of(whole[: len(whole) // 2]) == "media_truncated"


def test_empty_and_foreign_files_are_refused() -> None:
    assert code_of(b"") == "upload_empty"
    assert code_of(b"RIFF\x00\x00\x00\x00AVI LIST") == "media_unreadable"


def test_browser_recording_without_a_length_is_seen_whole() -> None:
    """MediaRecorder writes as it goes: no duration, and key frames only now and then."""
    data = video([FIRST, DIALOG, LAST], container_format="webm", codec="libvpx", live=True)
    assert len(open_video(data, limit_s=60).frames) == 3


def test_browser_recording_that_is_too_long_is_noticed_while_decoding() -> None:
    data = video([FIRST, DIALOG, LAST], container_format="webm", codec="libvpx", live=True)
    assert code_of(data, limit_s=2) == "video_too_long"
