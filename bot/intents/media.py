"""Pictures and recordings that examples name: only files of the right kind, below one folder."""

import hashlib
from pathlib import Path
from typing import Literal

from bot.errors import OperatorError
from bot.intents.intent import Medium
from models.media_type import HEAD_BYTES, kind_of, sniff

LARGEST_BYTES = 25 * 1024 * 1024

Wanted = Literal["image", "recording"]

_TAKEN = {"image": ("image",), "recording": ("audio", "video")}
"""Kinds of file. Of a video, the sound counts: some phones write voice notes as MP4."""
_NAMES = {
    "image": "a picture",
    "audio": "a recording",
    "video": "a video",
    "file": "a document",
    "recording": "a recording",
}


class MediaFolder:
    """The files below one folder, each read once."""

    def __init__(self, folder: Path) -> None:
        self._root = folder.resolve()
        self._name = folder.name
        self._known: dict[Path, tuple[str, str]] = {}

    def medium(self, written: str, beside: Path, wanted: Wanted) -> Medium:
        """`written`: a path relative to the folder `beside`.

        Raises `OperatorError`, without a place, if it leads out of the folder or holds no such
        thing.
        """
        try:
            path = (beside / written).resolve()
            if not path.is_relative_to(self._root):
                raise OperatorError(
                    f"`{written}` is outside the folder {self._name}; copy the file into it"
                )
            if path not in self._known:
                self._known[path] = _looked_at(path, written)
        except (OSError, RuntimeError, ValueError) as error:
            # A name too long, a circle of links, a null character.
            reason = error.strerror if isinstance(error, OSError) else error
            raise OperatorError(f"`{written}` cannot be read: {reason}") from error
        kind, digest = self._known[path]
        if kind not in _TAKEN[wanted]:
            is_what = _NAMES.get(kind, "of a kind that the desk cannot read")
            raise OperatorError(f"`{written}` is {is_what}, not {_NAMES[wanted]}")
        return Medium(path, digest)


def _looked_at(path: Path, written: str) -> tuple[str, str]:
    """Kind of file, empty if it is not known, and SHA-256 of its bytes."""
    if not path.exists():
        raise OperatorError(f"the file `{written}` is not there")
    if not path.is_file():
        raise OperatorError(f"`{written}` is not a file")
    size = path.stat().st_size
    if size == 0:
        raise OperatorError(f"the file `{written}` is empty")
    if size > LARGEST_BYTES:
        raise OperatorError(
            f"the file `{written}` has {size / 2**20:.0f} MiB; at most "
            f"{LARGEST_BYTES // 2**20} MiB are allowed"
        )
    data = path.read_bytes()
    media_type = sniff(data[:HEAD_BYTES])
    return kind_of(media_type) if media_type else "", hashlib.sha256(data).hexdigest()
