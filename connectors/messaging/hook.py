"""A request of a provider's, read within limits, and what is answered to it."""

import asyncio
import hmac
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope

from bot.errors import CustomerError
from connectors import requests
from connectors.messaging.events import Event
from connectors.requests import headers_of

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

    def form(self, most_fields: int) -> list[tuple[str, str]]:
        """The body as the fields of a form, in their order. Raises `Malformed`."""
        try:
            return parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=most_fields)
        except ValueError as error:
            raise Malformed("the body is not a form") from error


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


async def read_hook(scope: Scope, receive: Receive, public_url: str) -> Hook:
    """An ASGI request with its whole body.

    `public_url`: the desk's address as providers know it, without a path. Raises `CustomerError`
    (`body_too_large`, `upload_interrupted`).
    """
    headers = headers_of(scope)
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:16]) > LARGEST_BODY_BYTES:
        raise _too_large()
    body = await _body(receive)
    query = scope["query_string"].decode("latin-1")
    return Hook(
        body=body,
        headers=headers,
        query=dict(parse_qsl(query, keep_blank_values=True)) if query else {},
        method=scope["method"],
        url=f"{public_url}{scope['path']}{'?' + query if query else ''}",
        received_at=time.time(),
    )


async def _body(receive: Receive) -> bytes:
    body: bytes = b""
    clock = asyncio.get_running_loop().time
    end = clock() + requests.LONGEST_BODY_S
    try:
        while True:
            async with asyncio.timeout_at(min(clock() + requests.LONGEST_PAUSE_S, end)):
                event = await receive()
            if event["type"] == "http.disconnect":
                raise CustomerError("upload_interrupted")
            body += event.get("body", b"")
            if len(body) > LARGEST_BODY_BYTES:
                raise _too_large()
            if not event.get("more_body"):
                return body
    except TimeoutError as error:
        raise CustomerError("upload_interrupted") from error


def same(given: str, wanted: str) -> bool:
    """Whether two secrets or signatures are equal, in a time that does not tell where they differ.
    Nothing equals an empty one."""
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())


def _too_large() -> CustomerError:
    return CustomerError("body_too_large", limit_mb=LARGEST_BODY_BYTES / 1024**2)
