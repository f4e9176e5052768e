"""opsdroid in a virtual environment of its own, made once in `build/opsdroid`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.desk_process import REPOSITORY, DeskProcess
from benchmarks.peer_environment import CannotBeCompared, last_line, python_of

PACKAGES = ("opsdroid[connector-slack,connector-telegram]==0.31.0", "setuptools<81")
"""It asks setuptools for pkg_resources, which later versions have no more."""
FOLDER = REPOSITORY / "build" / "opsdroid"


@contextmanager
def serving() -> Iterator[tuple[DeskProcess, dict[str, str]]]:
    """Its process, and each channel's path. Raises `CannotBeCompared`."""
    script = str(Path(__file__).with_name("opsdroid_peer.py"))
    try:
        process = DeskProcess([str(python_of(FOLDER, PACKAGES)), "-W", "ignore", script])
    except RuntimeError as error:
        raise CannotBeCompared(last_line(str(error))) from error
    try:
        paths = dict(re.findall(r"(?m)^path (\S+) (\S+)$", process.output()))
        yield process, paths
    finally:
        process.stop()
