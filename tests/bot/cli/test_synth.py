"""`frontdesk synth`, from templates to a trained model."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from bot.intents.folder import read_intents
from bot.intents.intent import IntentSet
from models.images import open_image
from models.ppocr import PaddleTextReader
from models.text_reader import lines_of
from tests.bot.cli.conftest import Frontdesk
from tests.conftest import REPOSITORY
from tests.models.understanding.shop import SAYINGS

pytestmark = pytest.mark.timeout(300)

PAGE = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<style>body { font: 22px sans-serif; margin: 20px }</style>
<h2>Payment declined</h2><p>Code {{code=51|54|05}}</p><p>Order {{order}}, {{name}}</p>"""
DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 600">
<rect width="400" height="600" fill="#fff"/>
<text x="30" y="90" font-size="30" font-family="sans-serif">Card refused: {{code=61|65}}</text>
</svg>"""


@pytest.fixture
def taught(project: Path) -> Path:
    """A project with three intents, and templates of screens for one of them."""
    (project / "intents").mkdir()
    for name in ("refund", "login", "cancel"):
        declared = {"title": name.title(), "answer": name, "examples": SAYINGS[name]}
        (project / "intents" / f"{name}.yaml").write_text(yaml.safe_dump(declared), "utf-8")
    (project / "page.html").write_text(PAGE, "utf-8")
    (project / "drawing.svg").write_text(DRAWING, "utf-8")
    return project


def made(project: Path) -> IntentSet:
    return read_intents(project / "intents")


def leftovers(project: Path) -> list[Path]:
    return list((project / "intents" / "synthesized").glob(".*"))


@pytest.mark.usefixtures("chromium")
def test_from_templates_to_a_trained_model(frontdesk: Frontdesk, taught: Path) -> None:
    words = (
        "synth", "login", "--screen", taught / "page.html", "--screen", taught / "drawing.svg",
        "--text", "what is {{code}}?", "--text", "my card, see picture", "--spoken",
    )  # fmt: skip
    ended = frontdesk(*words, "--count", 5, "--project", taught)
    assert ended.returncode == 0, ended.stderr
    assert "5 examples of login with 3 screens and 3 recordings in " in ended.stdout
    assert "to undo it, delete desk/intents/synthesized/login.yaml and the folder" in ended.stdout
    assert "`frontdesk train` comes next" in ended.stdout

    examples = made(taught).by_name["login"].examples[len(SAYINGS["login"]) :]
    assert [(bool(e.text), bool(e.image), bool(e.recording)) for e in examples] == [
        (True, True, False),
        (False, False, True),
        (True, True, False),
        (False, False, True),
        (False, True, True),
    ]
    reader = PaddleTextReader()
    read = [
        lines_of(reader.read(open_image(example.image.path.read_bytes())))
        for example in examples
        if example.image
    ]
    assert any("declined" in text or "refused" in text for text in read)

    trained = frontdesk("train", "--project", taught, "--epochs", "3")
    assert trained.returncode == 0, trained.stderr
    # A recording alone in which the desk hears no words teaches nothing: there are two.
    taken = re.search(r"from (\d+) examples of 3 intents", trained.stdout)
    assert taken
    assert len(made(taught).examples) - 2 <= int(taken[1]) <= len(made(taught).examples)
    perceived = list((taught / ".frontdesk/understanding/perceived").rglob("*.msgpack"))
    assert len(perceived) == 6

    fewer = frontdesk("synth", "login", "--spoken", "--count", 2, "--project", taught)
    assert "2 examples of login with 2 recordings" in fewer.stdout
    assert len(made(taught).by_name["login"].examples) == len(SAYINGS["login"]) + 2
    assert len(list((taught / "intents" / "synthesized" / "login").iterdir())) == 2
    assert leftovers(taught) == []


def test_a_run_that_is_killed_leaves_the_old_examples(frontdesk: Frontdesk, taught: Path) -> None:
    assert frontdesk("synth", "refund", "--spoken", "--count", 2, "-p", taught).returncode == 0
    before = made(taught).digest
    words = ["synth", "refund", "--spoken", "--count", "2000", "--seed", "2", "-p", str(taught)]
    running = subprocess.Popen(
        [sys.executable, "-c", "from bot.cli import main; main()", *words],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    begun = taught / "intents" / "synthesized" / ".refund.new"
    until = time.monotonic() + 60
    while not list(begun.glob("0*")):
        assert running.poll() is None
        assert time.monotonic() < until
        os.sched_yield()
    running.send_signal(signal.SIGKILL)
    running.wait(30)
    assert leftovers(taught)
    assert made(taught).digest == before
    assert frontdesk("synth", "refund", "--spoken", "--count", 3, "-p", taught).returncode == 0
    assert leftovers(taught) == []
    assert len(made(taught).by_name["refund"].examples) == len(SAYINGS["refund"]) + 3


@pytest.mark.parametrize(
    ("words", "problem", "remedy"),
    [
        (("login",), "nothing to make of the texts", "--screen FILE"),
        (("logn", "--spoken"), "no intent `logn`", "did you mean `login`?"),
        (("login", "--screen", "no.html"), "no.html cannot be read", ""),
        (("login", "--screen", "desk/frontdesk.yaml"), "a screen is one of", "docs/synth.md"),
        (("login", "--spoken", "--text", "{{nmae}}"), "no slot `nmae`; known are", "name"),
        (("login", "--spoken", "--text", "{{|}}"), "is empty once", "leave no choice empty"),
        (
            ("login", "--spoken", "--text", "…"),
            "nothing in “…” can be spoken",
            "write it in words",
        ),
    ],
)
def test_what_cannot_be_made_is_said(
    words: tuple[str, ...], problem: str, remedy: str, frontdesk: Frontdesk, taught: Path
) -> None:
    ended = frontdesk("synth", *words, "--project", taught)
    assert ended.returncode == 2
    assert problem in ended.stderr
    assert remedy in ended.stderr
    assert not (taught / "intents" / "synthesized").exists() or not any(
        (taught / "intents" / "synthesized").iterdir()
    )


def test_a_missing_browser_is_said(frontdesk: Frontdesk, taught: Path) -> None:
    words = ("synth", "login", "--screen", taught / "page.html", "--project", taught)
    ended = frontdesk(*words, CHROMIUM="/nowhere/chromium")
    assert ended.returncode == 2
    assert "CHROMIUM is /nowhere/chromium" in ended.stderr
    assert "apt install chromium" in ended.stderr
    assert not leftovers(taught)


def test_without_playwright_the_line_that_installs_it_is_said(
    frontdesk: Frontdesk, taught: Path, tmp_path: Path
) -> None:
    # Stands before the installed one, and cannot be imported.
    (tmp_path / "playwright.py").write_text("raise ImportError('absent')\n", "utf-8")
    ended = frontdesk(
        *("synth", "login", "--screen", taught / "page.html", "--project", taught),
        PYTHONPATH=f"{tmp_path}{os.pathsep}{REPOSITORY}",
    )
    assert ended.returncode == 2
    assert "Playwright, which is not installed" in ended.stderr
    assert "pip install 'frontdesk[synth]'" in ended.stderr


def test_voices_do_not_speak_languages_that_they_do_not_know(
    frontdesk: Frontdesk, taught: Path
) -> None:
    file = taught / "frontdesk.yaml"
    file.write_text(file.read_text("utf-8") + "\nunderstanding: {languages: [de]}\n", "utf-8")
    german = "Ich habe mein Passwort vergessen und komme nicht in mein Konto"
    ended = frontdesk("synth", "login", "--spoken", "--text", german, "--project", taught)
    assert ended.returncode == 2
    assert "none of the texts is in English" in ended.stderr
