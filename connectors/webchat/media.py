"""Attachments and spoken answers, at signed addresses that work for a while."""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.channel import Desk
from bot.messages import AttachmentId, AttachmentKind
from connectors.webchat.tokens import MediaAddress, Signer, TokenInvalid

SHOWN = frozenset(
    {
        *("image/png", "image/jpeg", "image/webp", "image/gif", "image/heic", "image/avif"),
        *("audio/ogg", "audio/mp4", "audio/mpeg", "audio/webm", "audio/wav", "audio/flac"),
        *("audio/aac", "audio/amr", "video/mp4", "video/webm"),
    }
)
"""What a browser may show in a page; everything else is saved as a file."""

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


class MediaPages:
    def __init__(self, *, desk: Desk, signer: Signer) -> None:
        self._desk = desk
        self._signer = signer

    async def get(self, request: Request) -> Response:
        """GET /webchat/media/{token}, whole or one range: Safari plays nothing without ranges."""
        try:
            address = self._signer.read(MediaAddress, request.path_params["token"])
        except TokenInvalid:
            return Response(status_code=404)
        return await serve_media(
            self._desk,
            request,
            AttachmentId(address.attachment),
            media_type=address.media_type,
            size_bytes=address.size_bytes,
            name=address.name or f"{address.kind}",
            saved=address.kind is AttachmentKind.FILE,
        )


async def serve_media(
    desk: Desk,
    request: Request,
    attachment: AttachmentId,
    *,
    media_type: str,
    size_bytes: int,
    name: str,
    saved: bool,
) -> Response:
    """The bytes, for a browser that must not run or guess anything in them. `saved`: offer them
    as a file, never in the page."""
    start, end = 0, size_bytes
    asked = requested_range(request.headers.get("range", ""), size_bytes)
    if asked == "unsatisfiable":
        return Response(status_code=416, headers={"content-range": f"bytes */{size_bytes}"})
    if isinstance(asked, tuple):
        start, end = asked
    pieces = desk.open_media(attachment)
    try:
        first = await anext(pieces, b"")
    except KeyError:
        return Response(status_code=404)
    inline = media_type.partition(";")[0] in SHOWN and not saved
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
    if isinstance(asked, tuple):
        headers["content-range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    status = 206 if isinstance(asked, tuple) else 200
    return StreamingResponse(_cut(first, pieces, start, end), status, headers)


def requested_range(header: str, size_bytes: int) -> tuple[int, int] | str | None:
    """First byte and the one after the last (RFC 9110, 14.2); None for the whole, or what we do
    not understand, which then means the whole; "unsatisfiable" if it begins after the end."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        length = int(last)
        return (max(0, size_bytes - length), size_bytes) if length else "unsatisfiable"
    start = int(first)
    if start >= size_bytes:
        return "unsatisfiable"
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
