"""`frontdesk train`, `eval`, `versions` and `rollback`, up to what the desk then answers."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from tests.bot.cli.conftest import Frontdesk
from tests.conftest import REPOSITORY
from tests.models.understanding.shop import SAYINGS

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def taught(project: Path) -> Path:
    """A project with three intents."""
    folder = project / "intents"
    folder.mkdir()
    answers = {
        "refund": "Refunds take five days.",
        "login": "Use *Forgot password*.",
        "cancel": "Tap **Cancel**.",
    }
    for name, answer in answers.items():
        declared = {"title": name.title(), "answer": answer, "examples": SAYINGS[name]}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(declared), "utf-8")
    return project


def _version(text: str) -> str:
    found = re.search(r"version (\d{8}-\d{6})", text)
    assert found, text
    return found[1]


def _answer(frontdesk: Frontdesk, project: Path, text: str) -> str:
    return frontdesk("ask", text, "--project", project).stdout


def test_from_examples_to_the_answer_and_back(frontdesk: Frontdesk, taught: Path) -> None:
    assert "five days" not in _answer(frontdesk, taught, "I'd like my money back please")

    first = frontdesk("train", "--project", taught, "--epochs", "10")
    assert first.returncode == 0, first.stderr
    assert "served from now on" in first.stdout
    assert "five days" in _answer(frontdesk, taught, "I'd like my money back please")

    report = taught / ".frontdesk/understanding/versions" / _version(first.stdout) / "report.html"
    assert "refund" in report.read_text("utf-8")

    file = taught / "frontdesk.yaml"
    options = "understanding: {balance: focal, adversarial: 0.2}\n"
    file.write_text(f"{file.read_text('utf-8')}\n{options}", "utf-8")
    second = frontdesk("train", "--project", taught, "--epochs", "10", "--seed", "2")
    card_file = report.parent.parent / _version(second.stdout) / "model.json"
    card = json.loads(card_file.read_text("utf-8"))
    assert (card["settings"]["balance"], card["settings"]["adversarial"]) == ("focal", "0.2")
    assert f"goes back to {_version(first.stdout)}" in second.stdout
    listed = frontdesk("versions", "--project", taught).stdout
    assert listed.index(_version(second.stdout)) < listed.index(_version(first.stdout))
    assert re.search(rf"{_version(second.stdout)}.*served", listed)

    back = frontdesk("rollback", "--project", taught)
    assert back.stdout == f"✓ {_version(first.stdout)} is served\n"
    none_before = frontdesk("rollback", "--project", taught)
    assert none_before.returncode == 2
    assert "no earlier version" in none_before.stderr

    questions = taught / "questions.csv"
    questions.write_text(
        "text,intent\nmoney back now,refund\nlet me in to my account,login\n", "utf-8"
    )
    judged = frontdesk("eval", questions, "--project", taught, "--against", _version(second.stdout))
    assert judged.returncode == 0, judged.stderr
    assert "of 2 examples right" in judged.stdout
    assert (taught.parent / "evaluation.html").is_file()

    explained = json.loads(
        frontdesk(
            "explain",
            re.search(r"con_[\w-]+", _answer(frontdesk, taught, "cancel it, please"))[0],
            "--json",
            "--project",
            taught,
        ).stdout
    )
    assert explained["recognised"]["intents"][0]["name"] == "cancel"
    shares = {word["name"]: word["value"] for word in explained["attribution"]["words"]}
    assert max(shares, key=shares.__getitem__) == "cancel"


def test_mistakes_are_told_before_anything_is_trained(frontdesk: Frontdesk, taught: Path) -> None:
    twice = taught / "intents" / "money.yaml"
    twice.write_text("examples: [I want my money back, cash back]\n", "utf-8")
    ended = frontdesk("train", "--project", taught)
    assert ended.returncode == 2
    assert "money.yaml, line 1" in ended.stderr
    assert "refund.yaml" in ended.stderr
    assert frontdesk("versions", "--project", taught).stdout.startswith("no version yet")


def test_without_intents_there_is_nothing_to_train(frontdesk: Frontdesk, project: Path) -> None:
    ended = frontdesk("train", "--project", project)
    assert ended.returncode == 2
    assert "docs/intents.md" in ended.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("train", "--fusion", "magic"), "--fusion 'magic': it must be one of auto, attention"),
        (("train", "--smaller", "tiny"), "--smaller 'tiny': it must be one of none, pruned"),
        (("train", "--smaller", "pruned"), "→ `--tune full`"),
        (("train", "--tune", "full", "--shard"), "torchrun --nproc-per-node 2 -m bot.cli"),
        (("eval", "questions.csv"), "no version is served yet"),
        (("rollback", "1"), "there is no version '1'"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: tuple[str, ...], problem: str, frontdesk: Frontdesk, taught: Path
) -> None:
    ended = frontdesk(*words, "--project", taught)
    assert ended.returncode == 2
    assert problem in ended.stderr


def test_a_training_is_alone_and_goes_on_after_it_was_stopped(
    frontdesk: Frontdesk, taught: Path
) -> None:
    words = ["train", "--project", str(taught), "--epochs", "5000"]
    checkpoints = taught / ".frontdesk/understanding/training"
    first = subprocess.Popen(
        [sys.executable, "-m", "bot.cli", *words],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        # Where the tests run in the background SIGINT is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        _wait_for(lambda: bool(list(checkpoints.rglob("train.pt"))), first)
        second = frontdesk("train", "--project", taught)
        assert second.returncode == 2
        assert "another training is running" in second.stderr
        first.send_signal(signal.SIGINT)
        said, _ = first.communicate(timeout=60)
    finally:
        first.kill()
    assert first.returncode == 130
    assert "stopped; what is served has not changed. The same command goes on" in said
    assert list(checkpoints.rglob("train.pt"))
    assert frontdesk("versions", "--project", taught).stdout.startswith("no version yet")


def _wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """While the process runs."""
    while not condition():
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
            pytest.fail("it has ended")


_FULL_AT_THE_REPORT = """
import resource, signal, sys
import bot.understanding_report.report as report
from bot.cli import main

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
page, limit = report.page, int(sys.argv.pop(1))

def full(*parts):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return page(*parts)

report.page = full
main()
"""


def _trained_until_full(taught: Path, limit_bytes: int) -> subprocess.CompletedProcess[str]:
    """The system refuses larger files from the moment on that the report is to be written."""
    words = ["train", "--project", str(taught), "--epochs", "2"]
    return subprocess.run(
        [sys.executable, "-c", _FULL_AT_THE_REPORT, str(limit_bytes), *words],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )


def test_a_version_is_served_without_its_report(taught: Path) -> None:
    ended = _trained_until_full(taught, 1000)
    assert ended.returncode == 0, ended.stderr
    assert "the report could not be written: File too large" in ended.stdout
    assert "served from now on" in ended.stdout
    folder = taught / ".frontdesk/understanding/versions" / _version(ended.stdout)
    assert not list(folder.glob("*report*"))


def test_a_version_that_cannot_be_served_is_named(frontdesk: Frontdesk, taught: Path) -> None:
    ended = _trained_until_full(taught, 1)
    assert ended.returncode == 2
    version = _version(ended.stdout)
    assert f"{version} is trained, but is not served: File too large" in ended.stderr
    back = frontdesk("rollback", version, "--project", taught)
    assert back.stdout == f"✓ {version} is served\n"
