"""What a request tells about who sent it, and its body in bounded pieces."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from ipaddress import IPv6Address, ip_address
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bot.errors import CustomerError

MOST_THROWN_AWAY_BYTES = 100 * 1024**2
LONGEST_PAUSE_S = 30.0
"""How long a sender may be silent in the middle of a body."""
LONGEST_BODY_S = 600.0


def headers_of(scope: MutableMapping[str, Any]) -> dict[str, str]:
    """An ASGI scope's headers; names in lower case, the last of several."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def client_of(scope: MutableMapping[str, Any]) -> str:
    """The sender's network, for limits: an IPv4 address, or the /64 that one IPv6 household has."""
    host = (scope.get("client") or ("unknown",))[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"


def preferred_locale(accept_language: str) -> str:
    """The tag with the highest weight in an Accept-Language header (RFC 9110, 12.5.4); empty if
    there is none."""
    best, best_weight = "", 0.0
    for choice in accept_language[:500].split(","):
        tag, _, weight = choice.strip().partition(";q=")
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            continue
        if value > best_weight and tag and tag != "*" and len(tag) <= 35:
            best, best_weight = tag, value
    return best


def declared_length(request: Request) -> int | None:
    """The Content-Length; None if the sender does not say."""
    value = request.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None


def end_after(response: Response, request: Request) -> Response:
    """A refusal of a request whose body has not been read.

    The server throws a body away as it comes, so that the sender gets to read the answer; closing
    at once would reset the connection under them. Of a very large one, nothing more is taken.
    """
    length = declared_length(request)
    if length is not None and length > MOST_THROWN_AWAY_BYTES:
        response.headers["connection"] = "close"
    return response


async def body_pieces(request: Request) -> AsyncIterator[bytes]:
    """A body as it comes. Raises `CustomerError("upload_interrupted")` if it stops, or takes
    all too long."""
    pieces = request.stream()
    clock = asyncio.get_running_loop().time
    end = clock() + LONGEST_BODY_S
    try:
        while True:
            async with asyncio.timeout_at(min(clock() + LONGEST_PAUSE_S, end)):
                piece = await anext(pieces, None)
            if piece is None:
                return
            if piece:
                yield piece
    except (TimeoutError, ClientDisconnect) as error:
        raise CustomerError("upload_interrupted") from error
