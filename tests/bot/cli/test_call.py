"""`frontdesk call`: a real call, heard and spoken by the embedded engines."""

from pathlib import Path

import av
import pytest

from models.audio import SAMPLE_RATE_HZ, encode, resampled
from models.espeak import Espeak
from models.synthesizer import Speech
from tests.bot.cli.conftest import Frontdesk


def saying(text: str, file: Path) -> Path:
    (spoken,) = Espeak("en-us", 160).synthesize(text, "en")
    samples = resampled(spoken.samples, spoken.sample_rate_hz, SAMPLE_RATE_HZ)
    file.write_bytes(encode(Speech(samples, SAMPLE_RATE_HZ), "wav", "pcm_s16le", SAMPLE_RATE_HZ))
    return file


def test_a_question_is_heard_and_answered(
    frontdesk: Frontdesk, project: Path, tmp_path: Path
) -> None:
    question = saying("What are your opening hours?", tmp_path / "question.wav")
    called = frontdesk("call", question, "--project", project, "--recording", "held.wav")
    assert called.returncode == 0, called.stderr
    assert "Hello! This is Corner Shop." in called.stdout
    assert "What are your opening hours?" in called.stdout
    assert "answered after" in called.stdout
    assert "In short" in called.stdout
    with av.open(str(tmp_path / "held.wav")) as recorded:
        assert recorded.streams.audio[0].channels == 2


def test_what_is_no_recording_is_told(frontdesk: Frontdesk, project: Path, tmp_path: Path) -> None:
    (tmp_path / "question.wav").write_text("hello")
    called = frontdesk("call", "question.wav", "--project", project)
    assert called.returncode == 2
    assert "question.wav" in called.stderr
    assert "Traceback" not in called.stderr


def test_a_computer_that_has_no_sound_is_told(frontdesk: Frontdesk, project: Path) -> None:
    """Where PortAudio or a device is missing; a computer that has both would be called from."""
    try:
        import sounddevice

        if sounddevice.query_devices():
            pytest.skip("this computer has a sound card, and would hold a call through it")
    except OSError:
        pass
    called = frontdesk("call", "--microphone", "--project", project)
    assert called.returncode == 2
    assert "microphone" in called.stderr
    assert "install" in called.stderr or "plug" in called.stderr
    assert "Traceback" not in called.stderr


@pytest.mark.parametrize("arguments", [[], ["question.wav", "--microphone"]])
def test_who_calls_is_to_be_said(frontdesk: Frontdesk, project: Path, arguments: list[str]) -> None:
    called = frontdesk("call", *arguments, "--project", project)
    assert called.returncode == 2
    assert "--microphone" in called.stderr
