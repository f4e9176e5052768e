"""The versions of a trained model, which of them is served, and the way back.

Under the folder lie `versions/NAME/` and `current`, a file with the name of the one served and,
below it, those that were served before; `training/` holds the checkpoints of a training. A version
is written beside the others under a name that nothing looks at and renamed when it is whole, and
`current` is replaced in one step: a kill, or a disk that fills up, leaves what was served before.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from models.errors import ModelError
from models.understanding.predictor import Card, read_card

KEPT = 10
_NAME = re.compile(r"[0-9a-z][0-9a-z.-]{0,60}")


class Versions:
    def __init__(self, folder: Path) -> None:
        """`folder` need not be there yet."""
        self.folder = folder

    def names(self) -> list[str]:
        """Oldest first."""
        place = self.folder / "versions"
        if not place.is_dir():
            return []
        return sorted(each.name for each in place.iterdir() if _NAME.fullmatch(each.name))

    def card(self, name: str) -> Card:
        """Raises `ModelError` if there is no such version or it is damaged."""
        return read_card(self.path(name))

    def path(self, name: str) -> Path:
        """Raises `ModelError` if there is no such version."""
        if not _NAME.fullmatch(name) or not (self.folder / "versions" / name).is_dir():
            known = ", ".join(self.names()) or "none"
            raise ModelError(f"there is no version {name!r}; there are: {known}")
        return self.folder / "versions" / name

    @property
    def current(self) -> str | None:
        """The version that is served, if any."""
        return next(iter(self._served()), None)

    @contextmanager
    def training(self) -> Iterator[None]:
        """While it lasts, no other process trains here. What killed trainings left half written is
        removed at its beginning; at its end, if that is a good one, all checkpoints are.

        Raises `ModelError` if another process is training.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "training.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise ModelError(
                f"another training is running in {self.folder}; wait until it has ended"
            ) from error
        try:
            for left in (self.folder / "versions").glob(".*"):
                shutil.rmtree(left, ignore_errors=True)
            yield
            shutil.rmtree(self.folder / "training", ignore_errors=True)
        finally:
            lock.release()

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A folder to write a version into; it becomes the version when the block ends well."""
        place = self.folder / "versions"
        fresh = place / f".{name}.{os.getpid()}"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        try:
            yield fresh
            os.rename(fresh, place / name)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def serve(self, name: str) -> None:
        """Have this version served from now on. Raises `ModelError` if it is damaged."""
        self.card(name)
        self._write([name, *(each for each in self._served() if each != name)])
        self._forget_oldest()

    def roll_back(self) -> str:
        """Serve the version that was served before; its name. The one left stays on disk.

        Raises `ModelError` if there was none before.
        """
        before = self._served()[1:]
        if not before:
            raise ModelError("there is no earlier version to go back to")
        self.card(before[0])
        self._write(before)
        return before[0]

    def stop(self) -> None:
        """Serve none."""
        (self.folder / "current").unlink(missing_ok=True)

    def _served(self) -> list[str]:
        try:
            lines = (self.folder / "current").read_text("utf-8").split()
        except FileNotFoundError:
            return []
        known = set(self.names())
        return [line for line in lines if line in known]

    def _write(self, names: list[str]) -> None:
        fresh = self.folder / f".current.{os.getpid()}"
        try:
            fresh.write_text("\n".join(names[:KEPT]) + "\n", "utf-8")
            os.replace(fresh, self.folder / "current")
        finally:
            fresh.unlink(missing_ok=True)

    def _forget_oldest(self) -> None:
        for name in self.names()[:-KEPT]:
            if name != self.current:
                shutil.rmtree(self.folder / "versions" / name)
