"""Finds the files of a knowledge folder and refuses what leads out of it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

from bot.errors import OperatorError
from bot.knowledge.documents import READERS

FILE_LIMIT_BYTES = 20_000_000


class SourceFile(msgspec.Struct, frozen=True):
    path: PurePosixPath
    """Relative to the folder."""
    data: bytes
    digest: str
    """SHA-256 of `data`, in hexadecimal."""


class Skipped(msgspec.Struct, frozen=True):
    """A file that was not read, and why."""

    path: str
    reason: str


def files_of(folder: Path) -> Iterator[SourceFile | Skipped]:
    """Every file below `folder`, in a stable order. Hidden files are passed over in silence.

    Raises `OperatorError` if the folder cannot be used.
    """
    if ".." in folder.parts:
        raise OperatorError(
            f"the knowledge folder {folder} contains `..`", remedy="write its path without `..`"
        )
    if not folder.is_dir():
        raise OperatorError(
            f"the knowledge folder {folder} is not there",
            remedy="create it, or set `knowledge.folder` in frontdesk.yaml",
        )
    yield from _walk(folder, folder)


def _walk(root: Path, folder: Path) -> Iterator[SourceFile | Skipped]:
    for path in sorted(folder.iterdir()):
        name = path.relative_to(root).as_posix()
        if path.name.startswith("."):
            continue
        if path.is_symlink():
            yield Skipped(name, "a symbolic link: links are not followed; copy the file instead")
        elif path.is_dir():
            yield from _walk(root, path)
        elif not path.is_file():
            yield Skipped(name, "not a regular file")
        elif path.suffix.lower() not in READERS:
            yield Skipped(name, f"only {', '.join(sorted(READERS))} are read")
        elif (size := path.stat().st_size) > FILE_LIMIT_BYTES:
            yield Skipped(name, f"{size / 1e6:.0f} MB; at most {FILE_LIMIT_BYTES / 1e6:.0f} MB")
        else:
            yield _read(path, name)


def _read(path: Path, name: str) -> SourceFile | Skipped:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Skipped(name, f"cannot be opened: {error.strerror}")
    return SourceFile(PurePosixPath(name), data, hashlib.sha256(data).hexdigest())
