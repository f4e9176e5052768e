"""An attachment as an HTTP answer: whole or a range of it, and harmless in a browser."""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.channel import Desk
from bot.messages import Attachment

SHOWN = frozenset(
    {
        *("image/png", "image/jpeg", "image/webp", "image/gif", "image/heic", "image/avif"),
        *("audio/ogg", "audio/mp4", "audio/mpeg", "audio/webm", "audio/wav", "audio/flac"),
        *("audio/aac", "audio/amr", "video/mp4", "video/webm"),
    }
)
"""What a browser may show in a page; everything else is saved as a file."""

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


async def serve_media(desk: Desk, request: Request, attachment: Attachment) -> Response:
    """The bytes, for a browser that must not run or guess anything in them. Ranges are served
    because Safari plays nothing without them. Raises `Unavailable`."""
    size_bytes, media_type = attachment.size_bytes, attachment.media_type
    try:
        asked = requested_range(request.headers.get("range", ""), size_bytes)
    except RangeNotSatisfiable:
        return Response(status_code=416, headers={"content-range": f"bytes */{size_bytes}"})
    start, end = asked or (0, size_bytes)
    pieces = desk.open_media(attachment.id)
    try:
        first = await anext(pieces, b"")
    except KeyError:
        return Response(status_code=404)
    inline = media_type.partition(";")[0] in SHOWN
    name = attachment.name or str(attachment.kind)
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=600, immutable",
        "content-disposition": f"{'inline' if inline else 'attachment'}; "
        f"filename*=UTF-8''{quote(name, safe='')}",
        "content-length": str(end - start),
        "content-security-policy": "default-src 'none'; sandbox",
        "content-type": media_type if inline else "application/octet-stream",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
    }
    if asked:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    return StreamingResponse(_cut(first, pieces, start, end), 206 if asked else 200, headers)


class RangeNotSatisfiable(Exception):
    """The range begins after the end."""


def requested_range(header: str, size_bytes: int) -> tuple[int, int] | None:
    """First byte and the one after the last (RFC 9110, 14.2); None for the whole, which is also
    what a header asks for that we do not understand. Raises `RangeNotSatisfiable`."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        length = int(last)
        if not length:
            raise RangeNotSatisfiable
        return max(0, size_bytes - length), size_bytes
    start = int(first)
    if start >= size_bytes:
        raise RangeNotSatisfiable
    end = min(int(last) + 1, size_bytes) if last else size_bytes
    return (start, end) if end > start else None


async def _cut(
    first: bytes, rest: AsyncIterator[bytes], start: int, end: int
) -> AsyncIterator[bytes]:
    """The bytes from `start` up to `end` of a stream."""
    at = 0
    piece: bytes | None = first
    while piece is not None and at < end:
        wanted = piece[max(0, start - at) : end - at]
        at += len(piece)
        if wanted:
            yield wanted
        piece = await anext(rest, None)
