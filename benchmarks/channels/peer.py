"""opsdroid in a virtual environment of its own, made once in `build/opsdroid`."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.desk_process import REPOSITORY, DeskProcess

PACKAGES = ("opsdroid[connector-slack,connector-telegram]==0.31.0", "setuptools<81")
"""It asks setuptools for pkg_resources, which later versions have no more."""
FOLDER = REPOSITORY / "build" / "opsdroid"
_LONGEST_S = 600


class CannotBeCompared(Exception):
    """opsdroid cannot be installed or run here; why, in its own words."""


def python() -> Path:
    """The interpreter of its environment, installed on demand. Raises `CannotBeCompared`."""
    ready = FOLDER / ".ready"
    found = FOLDER / "bin" / "python"
    if not ready.exists():
        _run([sys.executable, "-m", "venv", str(FOLDER)])
        pip = [str(found), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        _run([*pip, *PACKAGES])
        ready.touch()
    return found


@contextmanager
def serving() -> Iterator[tuple[DeskProcess, dict[str, str]]]:
    """Its process, and each channel's path. Raises `CannotBeCompared`."""
    script = str(Path(__file__).with_name("opsdroid_peer.py"))
    try:
        process = DeskProcess([str(python()), "-W", "ignore", script])
    except RuntimeError as error:
        raise CannotBeCompared(_last_line(str(error))) from error
    try:
        paths = dict(re.findall(r"(?m)^path (\S+) (\S+)$", process.output()))
        yield process, paths
    finally:
        process.stop()


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBeCompared(str(error)) from error
    if done.returncode:
        raise CannotBeCompared(_last_line(done.stderr))


def _last_line(told: str) -> str:
    return next((line for line in reversed(told.splitlines()) if line.strip()), "no reason given")
