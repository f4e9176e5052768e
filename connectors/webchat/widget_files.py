"""The widget's files as they travel: without comments, gzipped, with an ETag. Sources stay as they
are, and there is no build step: a changed file is read anew at its next request."""

import gzip
import hashlib
import re
from email.utils import formatdate
from pathlib import Path

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_JSDOC = re.compile(r"/\*\* @[^*]*\*/ ?")
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


class _Loaded(msgspec.Struct, frozen=True):
    changed_ns: int
    plain: bytes
    gzipped: bytes
    headers: dict[str, str]


class WidgetFiles:
    """ASGI application for a folder of ES modules and style sheets; the rest of it stays there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._loaded: dict[Path, _Loaded] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"allow": "GET, HEAD"})
        file = self._load(scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/"))
        if request.headers.get("if-none-match", "").removeprefix("W/") == file.headers["etag"]:
            response = Response(status_code=304, headers=file.headers)
        elif "gzip" in request.headers.get("accept-encoding", ""):
            response = Response(file.gzipped, headers=file.headers | {"content-encoding": "gzip"})
        else:
            response = Response(file.plain, headers=file.headers)
        await response(scope, receive, send)

    def _load(self, name: str) -> _Loaded:
        path = (self._folder / name).resolve()
        if path.suffix not in _TYPES or not path.is_relative_to(self._folder):
            raise HTTPException(404)
        try:
            changed_ns = path.stat().st_mtime_ns
            loaded = self._loaded.get(path)
            if loaded is None or loaded.changed_ns != changed_ns:
                loaded = self._loaded[path] = _read(path, changed_ns)
        except OSError as error:
            raise HTTPException(404) from error
        return loaded


def as_served(source: str) -> str:
    """JavaScript or CSS without its indentation, its JSDoc, and the lines that are comments alone.

    Other comments beside code stay, so that no string and no pattern has to be recognised; none
    of the widget's strings spans lines or looks like JSDoc.
    """
    kept = []
    inside = False
    for line in source.splitlines():
        words = line.strip()
        begins = words.startswith("/*") and (words.endswith("*/") or "*/" not in words)
        if inside or begins:
            inside = not words.endswith("*/")
        elif words and not words.startswith("//"):
            kept.append(_JSDOC.sub("", words))
    return "\n".join(kept) + "\n"


def gzipped(source: str) -> bytes:
    return gzip.compress(as_served(source).encode(), 9, mtime=0)


def _read(path: Path, changed_ns: int) -> _Loaded:
    source = path.read_text("utf-8")
    plain = as_served(source).encode()
    headers = {
        "content-type": _TYPES[path.suffix],
        # Asked for each time: an update shows at once, and an unchanged file costs a 304.
        "cache-control": "public, max-age=0, must-revalidate",
        "etag": f'"{hashlib.sha256(plain).hexdigest()[:24]}"',
        "last-modified": formatdate(changed_ns / 1e9, usegmt=True),
        "vary": "Accept-Encoding, Origin",
    }
    return _Loaded(changed_ns, plain, gzipped(source), headers)
