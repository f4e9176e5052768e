"""A virtual environment for software that is compared with: made once, below `build/`."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_LONGEST_S = 900


class CannotBeCompared(Exception):
    """What is to be compared with cannot be installed or run here; why, in its own words."""


def python_of(folder: Path, packages: Sequence[str]) -> Path:
    """The interpreter of the environment in `folder`, installed on demand. Raises
    `CannotBeCompared`."""
    ready = folder / ".ready"
    found = folder / "bin" / "python"
    if not ready.exists():
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(found), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        _run([*pip, *packages])
        ready.touch()
    return found


def last_line(told: str) -> str:
    return next((line for line in reversed(told.splitlines()) if line.strip()), "no reason given")


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBeCompared(str(error)) from error
    if done.returncode:
        raise CannotBeCompared(last_line(done.stderr))
