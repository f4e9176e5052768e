"""One file from the web: taken up where an earlier try broke off, and believed by its checksum.

What has come so far lies beside the file as `….part`. The Hub's own client begins anew in each
process and compares sizes alone; of it, only the HTTP session is used.
"""

import errno
import hashlib
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

import google_crc32c
from filelock import FileLock

from models.errors import EngineMissing

log = logging.getLogger(__name__)

Tell = Callable[[int], None]
"""Called with how many bytes more there are; fewer than 0 where some had to be given up."""

_READ_BYTES = 1 << 20
_GIT_SHA1, _CRC32C = 40, 8
"""Characters; a SHA-256 has 64."""
_TRIES = 3
"""Without a byte in between."""
_PAUSE_S = 0.5
"""Before the next try, longer each time: a server that broke off wants to be left alone a while."""
AGAIN = "try again; if it stays so, the server gives another file than its authors published"


def fetched(
    url: str,
    path: Path,
    *,
    checksum: str,
    size_bytes: int | None = None,
    headers: Mapping[str, str] | None = None,
    tell: Tell = lambda more: None,
) -> Path:
    """`path`, once the file that `url` gives lies there, whole. Other processes wait meanwhile.

    `checksum`: its SHA-256 in hexadecimal digits, the SHA-1 that git knows it by, or its CRC-32C,
    which finds damage and no forgery. A proxy is taken from the environment. Raises `EngineMissing`
    if the file is not the one that is wanted or the disk has no room for it, and what
    `huggingface_hub` and its client raise.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with FileLock(f"{path}.lock"):
        if path.is_file():
            tell(_size(path))
        else:
            _fetch(url, part, size_bytes, headers or {}, tell)
            _verify(part, checksum, url)
            part.replace(path)
    return path


def checksum_of(path: Path, like: str) -> str:
    """A file's checksum, of the kind that `like` is one of."""
    seen: hashlib._Hash | google_crc32c.Checksum = hashlib.sha256()
    if len(like) == _GIT_SHA1:
        # What git hashes is the content behind its kind and length.
        seen = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    elif len(like) == _CRC32C:
        seen = google_crc32c.Checksum()
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            seen.update(data)
    # One of them gives its digits as bytes.
    digits = seen.hexdigest()
    return digits if isinstance(digits, str) else digits.decode()


def _fetch(
    url: str, part: Path, size_bytes: int | None, headers: Mapping[str, str], tell: Tell
) -> None:
    """Bring the part up to the whole, however often the connection breaks, as long as something
    comes."""
    from httpx2 import ConnectError, TransportError

    there, tries = _size(part), _TRIES
    if size_bytes is not None and there > size_bytes:
        part.unlink()
        there = 0
    _require_room(part, (size_bytes or 0) - there)
    tell(there)
    while there != size_bytes:
        try:
            _append(url, part, headers, tell)
        except ConnectError:
            raise
        except TransportError as error:
            tries = tries - 1 if _size(part) <= there else _TRIES
            if not tries:
                raise
            log.info("weights.broke_off", extra={"reason": str(error)})
            time.sleep(_PAUSE_S * (_TRIES - tries))  # a server that has just failed is let be
            there = _size(part)
        else:
            return


def _append(url: str, part: Path, headers: Mapping[str, str], tell: Tell) -> None:
    """What comes in one response, after what is there."""
    from huggingface_hub.constants import HF_HUB_DOWNLOAD_TIMEOUT
    from huggingface_hub.utils import get_session, hf_raise_for_status

    there = _size(part)
    # Compressed, a part could not be asked for.
    asked = {**headers, "accept-encoding": "identity"}
    if there:
        asked["range"] = f"bytes={there}-"
    with get_session().stream(
        "GET", url, headers=asked, timeout=HF_HUB_DOWNLOAD_TIMEOUT, follow_redirects=True
    ) as response:
        hf_raise_for_status(response)
        goes_on = response.status_code == HTTPStatus.PARTIAL_CONTENT
        with part.open("ab" if goes_on else "wb") as file:
            if there and not goes_on:
                tell(-there)
            for data in response.iter_raw():
                file.write(data)
                tell(len(data))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _verify(part: Path, checksum: str, url: str) -> None:
    found = checksum_of(part, checksum)
    if found != checksum:
        part.unlink()
        raise EngineMissing(
            f"{url} gave a file that is damaged or another: its checksum is {found}, "
            f"not {checksum}",
            remedy=AGAIN,
        )


def _require_room(part: Path, missing_bytes: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if missing_bytes > free:
        raise EngineMissing(
            f"{missing_bytes / 1e9:.1f} GB are still to come, and {part.parent} has room for "
            f"{free / 1e9:.1f} GB",
            remedy="free some, or set FRONTDESK_CACHE to a folder on a larger disk",
        ) from OSError(errno.ENOSPC, "No space left on device")
