"""The way in over HTTP: verified, parsed, in Redis, acknowledged; nothing else happens before."""

import logging
import math
import traceback

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bot.errors import CustomerError, TooFast, Unavailable
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, Taken, read_hook
from connectors.messaging.intake import Intake
from connectors.messaging.provider import Provider
from connectors.requests import client_of, end_after

log = logging.getLogger(__name__)

_RETRY_S = "5"
_TRIPPED = (
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
    msgspec.MsgspecError,
)


class Webhook:
    """`POST` and `GET /channels/NAME`: an ASGI application, for of what a framework does for a
    request nothing is needed here, and it would cost as much as all the rest."""

    def __init__(self, provider: Provider, intake: Intake, *, public_url: str = "") -> None:
        self._provider = provider
        self._intake = intake
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = await self._answered(scope, receive)
        if isinstance(answered, Response):
            await answered(scope, receive, send)
            return
        headers = [(b"content-length", str(len(answered.body)).encode())]
        if answered.body:
            headers.append((b"content-type", answered.media_type.encode()))
        start = {"type": "http.response.start", "status": answered.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": answered.body})

    async def _answered(self, scope: Scope, receive: Receive) -> Response | Answer:
        channel = self._provider.channel
        try:
            taken = await self._receive(await read_hook(scope, receive, self._public_url))
            for event in taken.events:
                await self._intake.take(event)
        except Forged as error:
            self._refused(scope, "forged", str(error))
            return Response(status_code=401)
        except Malformed as error:
            self._refused(scope, "malformed", str(error))
            return Response(status_code=400)
        except TooFast as error:
            wait_s = str(math.ceil(error.retry_after_s))
            return Response(status_code=429, headers={"retry-after": wait_s})
        except CustomerError as error:
            self._refused(scope, "refused", error.code)
            interrupted = error.code == "upload_interrupted"
            response = Response(status_code=408 if interrupted else 413)
            return end_after(response, Request(scope))
        except Unavailable as error:
            log.warning("webhook.unavailable", extra={"channel": channel, "reason": str(error)})
            return Response(status_code=503, headers={"retry-after": _RETRY_S})
        return taken.answer

    async def _receive(self, hook: Hook) -> Taken:
        try:
            return await self._provider.receive(hook)
        except _TRIPPED as error:
            # A parser that trips over what it did not expect. Its words may be the customer's.
            where = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"{type(error).__name__} in {where.name}, line {where.lineno}"
            log.error(
                "webhook.not_understood",
                extra={"channel": self._provider.channel, "reason": reason},
            )
            raise Malformed(reason) from None

    def _refused(self, scope: Scope, how: str, reason: str) -> None:
        log.warning(
            f"webhook.{how}",
            extra={
                "channel": self._provider.channel,
                "client": client_of(scope),
                "reason": reason[:200],
            },
        )
