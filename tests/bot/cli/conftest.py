"""The command line as its users run it: in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

Frontdesk = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def frontdesk(tmp_path: Path) -> Frontdesk:
    """Runs `frontdesk WORDS` in an empty folder."""

    def run(
        *words: object, given: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from bot.cli import main; main()", *map(str, words)],
            cwd=tmp_path,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "120"} | environment,
        )

    return run


@pytest.fixture
def project(tmp_path: Path, frontdesk: Frontdesk) -> Path:
    """A project as `frontdesk init` makes it, on any free port."""
    made = frontdesk("init", "desk", "--name", "Corner Shop")
    assert made.returncode == 0, made.stderr
    file = tmp_path / "desk" / "frontdesk.yaml"
    file.write_text(file.read_text("utf-8") + "\nserver: {port: 0}\n", "utf-8")
    return file.parent
