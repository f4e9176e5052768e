"""`frontdesk ask`, `chat` and `explain`, with the whole desk behind them."""

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from models.audio import encode_ogg_opus
from models.espeak import Espeak
from models.synthesizer import Speech
from tests.bot.cli.conftest import Frontdesk


@pytest.fixture
def screenshot(tmp_path: Path) -> Path:
    """A picture with a question in it."""
    image = Image.new("RGB", (640, 160), "white")
    font = ImageFont.load_default(32)
    ImageDraw.Draw(image).text((20, 60), "When are you open on weekends?", "black", font)
    image.save(tmp_path / "question.png")
    return tmp_path / "question.png"


@pytest.fixture
def voice_note(tmp_path: Path) -> Path:
    """The question, spoken."""
    import numpy as np

    spoken = list(Espeak().synthesize("When are you open?", "en"))
    samples = np.concatenate([part.samples for part in spoken])
    file = tmp_path / "question.ogg"
    file.write_bytes(encode_ogg_opus(Speech(samples, spoken[0].sample_rate_hz)))
    return file


def test_a_question_is_answered_with_its_source(frontdesk: Frontdesk, project: Path) -> None:
    ended = frontdesk("ask", "When are you open?", "-p", project)
    assert ended.returncode == 0, ended.stderr
    assert "Monday to Friday" in ended.stdout
    assert "source: Opening hours and contact" in ended.stdout


def test_an_answer_can_be_explained_afterwards(frontdesk: Frontdesk, project: Path) -> None:
    reply = json.loads(frontdesk("ask", "--json", "When are you open?", "-p", project).stdout)
    ended = frontdesk("explain", reply["conversation"], "-p", project)
    assert ended.returncode == 0, ended.stderr
    for part in ("Received", "Understood", "Searched", "Decided answer", "total", " ms"):
        assert part in ended.stdout
    whole = json.loads(
        frontdesk("explain", "--json", reply["conversation"], reply["turn"], "-p", project).stdout
    )
    assert whole["decision"]["articles"] == ["opening-hours"]
    missing = frontdesk("explain", reply["conversation"], "99", "-p", project)
    assert missing.returncode == 2
    assert f"its turns: {reply['turn']}" in missing.stderr


def test_a_screenshot_and_a_voice_note_are_understood(
    frontdesk: Frontdesk, project: Path, screenshot: Path, voice_note: Path
) -> None:
    shown = frontdesk("ask", "--image", screenshot, "-p", project)
    assert "Monday to Friday" in shown.stdout, shown.stderr
    said = json.loads(frontdesk("ask", "--audio", voice_note, "--json", "-p", project).stdout)
    assert "Monday to Friday" in said["text"]
    assert "open" in " ".join(said["transcripts"].values()).lower()
    assert said["speech"]


def test_what_the_desk_refuses_is_said_in_the_customers_language(
    frontdesk: Frontdesk, project: Path
) -> None:
    ended = frontdesk("ask", "", "-p", project, LC_ALL="de_AT.UTF-8")
    assert ended.returncode == 1
    assert "Diese Nachricht ist leer" in ended.stderr


def test_a_file_that_is_not_there_is_named(frontdesk: Frontdesk, project: Path) -> None:
    ended = frontdesk("ask", "--image", "nowhere.png", "-p", project)
    assert ended.returncode == 2
    assert "nowhere.png cannot be read" in ended.stderr


def test_an_unknown_conversation_is_told(frontdesk: Frontdesk, project: Path) -> None:
    ended = frontdesk("explain", "con_unknown", "-p", project)
    assert ended.returncode == 2
    assert "con_unknown" in ended.stderr


def test_a_chat_greets_answers_and_takes_suggestions(frontdesk: Frontdesk, project: Path) -> None:
    ended = frontdesk(
        "chat", "-p", project, given="hello\n1\n/help\n/send nowhere.png\n/send 'open\n/quit\n"
    )
    assert ended.returncode == 0, ended.stderr
    assert "Corner Shop" in ended.stdout
    assert "1 When are you open?" in ended.stdout
    assert "Monday to Friday" in ended.stdout
    assert "/send FILE [words]" in ended.stdout
    assert "nowhere.png cannot be read" in ended.stdout


def test_the_end_of_the_input_ends_a_chat(frontdesk: Frontdesk, project: Path) -> None:
    assert frontdesk("chat", "-p", project, given="").returncode == 0


def test_a_language_model_that_fails_is_told_beside_the_answer(
    frontdesk: Frontdesk, project: Path
) -> None:
    file = project / "frontdesk.yaml"
    lines = "assistant: {model: 'ollama:qwen3', base_url: 'http://127.0.0.1:9'}\n"
    file.write_text(file.read_text("utf-8") + lines, "utf-8")
    ended = frontdesk("ask", "When are you open?", "-p", project)
    assert "Monday to Friday" in ended.stdout
    assert "assistant.failed why=down reason=ollama:qwen3 cannot be reached" in ended.stderr
