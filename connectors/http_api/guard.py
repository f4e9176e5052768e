"""What stands before the HTTP API: no body is read before its sender's key and its size."""

import asyncio
import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.errors import CustomerError, FrontdeskError, Unavailable
from connectors.http_api.keys import ApiKeys
from connectors.http_api.problems import problem
from connectors.limiter import Limiter, Rate
from connectors.requests import (
    LONGEST_PAUSE_S,
    client_of,
    declared_length,
    end_after,
    preferred_locale,
)

log = logging.getLogger(__name__)

LARGEST_JSON_BYTES = 1_536 * 1024
REQUESTS = Rate(per_minute=6_000, burst=500)
"""Of one key."""
WRONG_KEYS = Rate(per_minute=20, burst=20)
"""From one network address."""


class BodyRefused(HTTPException):
    """Raised out of the reading of a body; FastAPI lets this kind of exception through."""

    def __init__(self, status: int, error: CustomerError) -> None:
        self.error = error
        super().__init__(status)


class ApiGuard:
    """ASGI middleware for `/v1/`."""

    def __init__(self, app: ASGIApp, *, keys: ApiKeys, limiter: Limiter, upload_bytes: int) -> None:
        self._app = app
        self._keys = keys
        self._limiter = limiter
        self._upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            integrator = await self._integrator(request)
            limit_bytes = self._upload_bytes if scope["path"] == "/v1/media" else LARGEST_JSON_BYTES
            length = declared_length(request)
            if length is not None and length > limit_bytes:
                raise _too_large(limit_bytes)
        except (CustomerError, Unavailable) as error:
            await self._refuse(error, request, scope, receive, send)
            return
        scope.setdefault("state", {})["integrator"] = integrator
        await self._app(scope, _bounded(receive, limit_bytes), send)

    async def _integrator(self, request: Request) -> str:
        integrator = self._keys.who(request.headers.get("authorization", ""))
        if integrator is None:
            await self._limiter.allow("api-key", client_of(request.scope), WRONG_KEYS)
            raise CustomerError("api_key_missing")
        await self._limiter.allow("api", integrator, REQUESTS)
        return integrator

    async def _refuse(
        self, error: FrontdeskError, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        locale = preferred_locale(request.headers.get("accept-language", ""))
        answer = end_after(problem(error, locale), request)
        log.info("api.refused", extra={"status": answer.status_code, "client": client_of(scope)})
        await answer(scope, receive, send)


def _too_large(limit_bytes: int) -> CustomerError:
    return CustomerError("body_too_large", limit_mb=limit_bytes / 1024**2)


def _bounded(receive: Receive, limit_bytes: int) -> Receive:
    """A body that ends the request when it grows too large, or stops coming."""
    seen_bytes = 0
    complete = False

    async def bounded() -> Message:
        nonlocal seen_bytes, complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout(LONGEST_PAUSE_S):
                message = await receive()
        except TimeoutError as error:
            raise BodyRefused(408, CustomerError("upload_interrupted")) from error
        seen_bytes += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if seen_bytes > limit_bytes:
            raise BodyRefused(413, _too_large(limit_bytes))
        return message

    return bounded
