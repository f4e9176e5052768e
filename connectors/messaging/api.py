"""Calls to providers over HTTP: one session for all, bounded in time and size, errors told apart.

Addresses may hold tokens (Telegram's do): they are in no error and in no log line.
"""

import email.utils
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec

from bot.errors import DeliveryFailed, OperatorError, Unavailable

TIMEOUT_S = 20.0
"""Of one call, uploads included."""
LARGEST_ANSWER_BYTES = 4 * 1024**2
_LONGEST_WAIT_S = 3600.0
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


class Reply(msgspec.Struct, frozen=True):
    """What a provider answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none: what fails answers in any form."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class Throttled(DeliveryFailed):
    """Too many requests. `reply` may tell more: whether all requests are meant, or some."""

    def __init__(self, what: str, reply: Reply) -> None:
        self.reply = reply
        super().__init__(f"{what}: too many requests", retry_after_s=retry_after_s(reply))


class Api:
    """Use as an asynchronous context manager."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Api":
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._timeout_s, connect=5),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def call(self, method: str, url: str, *, what: str, **request: Any) -> Reply:
        """One request; redirects are not followed. `what` names it in errors (`sendMessage`).
        `request`: aiohttp's `json`, `data`, `headers`, `params`, `auth`.

        Gives whatever is answered below 500 but "too many requests": what a provider means by its
        refusals the channel knows. Raises `Throttled`, and `DeliveryFailed` for the rest, which
        passes, and lasts only for an address that is none.
        """
        assert self._session, "the session is not open"
        try:
            async with self._session.request(
                method, url, allow_redirects=False, **request
            ) as response:
                reply = Reply(
                    response.status,
                    {name.lower(): value for name, value in response.headers.items()},
                    await _body(response, what),
                )
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise DeliveryFailed(f"{what}: not an address", permanent=True) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            # aiohttp's words may hold the address, and the address a token.
            raise DeliveryFailed(f"{what}: {type(error).__name__}") from None
        if reply.status == 429:
            raise Throttled(what, reply)
        if reply.status >= 500:
            raise DeliveryFailed(f"{what}: HTTP {reply.status}", retry_after_s=retry_after_s(reply))
        return reply


async def _body(response: aiohttp.ClientResponse, what: str) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > LARGEST_ANSWER_BYTES:
            raise DeliveryFailed(f"{what}: an answer of more than {LARGEST_ANSWER_BYTES} bytes")
    return bytes(body)


def retry_after_s(reply: Reply) -> float | None:
    """The Retry-After header (RFC 9110, 10.2.3), or what providers write into the body instead;
    None if they do not say. At most an hour."""
    given = reply.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(given):
        return min(float(given), _LONGEST_WAIT_S)
    with suppress(ValueError, OverflowError):
        moment = email.utils.parsedate_to_datetime(given).timestamp()
        return min(max(0.0, moment - time.time()), _LONGEST_WAIT_S)
    body = reply.json()
    parameters = body.get("parameters")
    for where in (body, parameters if isinstance(parameters, dict) else {}):
        value = where.get("retry_after")
        if isinstance(value, int | float) and value >= 0:
            return float(min(value, _LONGEST_WAIT_S))
    return None


def refused(what: str, reply: Reply, reason: str) -> DeliveryFailed:
    """A refusal that trying again does not mend. `reason`: the provider's words."""
    return DeliveryFailed(f"{what}: HTTP {reply.status}: {reason[:300]}", permanent=True)


def wrong_credentials(channel: str, reason: str, remedy: str) -> OperatorError:
    return OperatorError(f"{channel} refuses the credentials: {reason[:300]}", remedy=remedy)


def asks_back(error: DeliveryFailed) -> Unavailable:
    """A call that failed outside of a delivery."""
    return Unavailable(str(error))
