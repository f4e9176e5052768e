"""A request of a provider's, read within limits, and what is answered to it."""

import hmac
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request

from bot.errors import CustomerError
from connectors.messaging.events import Event
from connectors.requests import body_pieces, declared_length, headers_of

LARGEST_BODY_BYTES = 4 * 1024**2
"""Of one webhook. The largest that a provider documents is Meta's 3 MB."""

REMEMBERED_S = 7 * 24 * 3600
"""So long the desk knows which messages it has had: what is older may be played again, and must be
refused where only its id tells."""


class Hook(msgspec.Struct, frozen=True):
    """One request."""

    body: bytes = b""
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    query: Mapping[str, str] = {}
    method: str = "POST"
    url: str = ""
    """As the provider called it, with its query: under the desk's public address."""
    received_at: float = 0.0
    """Unix time in seconds."""

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises `Malformed`."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed("the body is not JSON") from error
        if not isinstance(found, dict):
            raise Malformed("the body is not a JSON object")
        return found


class Answer(msgspec.Struct, frozen=True):
    """What the provider is told."""

    body: bytes = b""
    media_type: str = "text/plain"
    status: int = 200


class Taken(msgspec.Struct, frozen=True):
    """A request, understood: what happened, and the answer once that is in Redis."""

    events: tuple[Event, ...] = ()
    answer: Answer = Answer()


class Forged(Exception):
    """The request is not the provider's, or an old one played again. Its words are for the log."""


class Malformed(Exception):
    """The request is the provider's and makes no sense."""


async def read_hook(request: Request, public_url: str) -> Hook:
    """The request with its whole body.

    `public_url`: the desk's address as providers know it, without a path. Raises `CustomerError`
    (`body_too_large`, `upload_interrupted`).
    """
    length = declared_length(request)
    body = bytearray()
    if length is not None and length > LARGEST_BODY_BYTES:
        raise _too_large()
    async for piece in body_pieces(request):
        body += piece
        if len(body) > LARGEST_BODY_BYTES:
            raise _too_large()
    query = request.scope["query_string"].decode("latin-1")
    return Hook(
        body=bytes(body),
        headers=headers_of(request.scope),
        query=dict(request.query_params),
        method=request.method,
        url=f"{public_url}{request.scope['path']}{'?' + query if query else ''}",
        received_at=time.time(),
    )


def same(given: str, wanted: str) -> bool:
    """Whether two secrets or signatures are equal, in a time that does not tell where they differ.
    Nothing equals an empty one."""
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())


def _too_large() -> CustomerError:
    return CustomerError("body_too_large", limit_mb=LARGEST_BODY_BYTES / 1024**2)
