"""The way in over HTTP: verified, parsed, in Redis, acknowledged; nothing else happens before."""

import logging
import math
import traceback

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bot.errors import CustomerError, TooFast, Unavailable
from connectors.messaging.hook import Forged, Hook, Malformed, Taken, read_hook
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
    """`POST` and `GET /channels/NAME`."""

    def __init__(self, provider: Provider, intake: Intake, *, public_url: str = "") -> None:
        self._provider = provider
        self._intake = intake
        self._public_url = public_url

    async def __call__(self, request: Request) -> Response:
        channel = self._provider.channel
        try:
            taken = await self._receive(await read_hook(request, self._public_url))
            for event in taken.events:
                await self._intake.take(event)
        except Forged as error:
            self._refused(request, "forged", str(error))
            return Response(status_code=401)
        except Malformed as error:
            self._refused(request, "malformed", str(error))
            return Response(status_code=400)
        except TooFast as error:
            wait_s = str(math.ceil(error.retry_after_s))
            return Response(status_code=429, headers={"retry-after": wait_s})
        except CustomerError as error:
            self._refused(request, "refused", error.code)
            interrupted = error.code == "upload_interrupted"
            return end_after(Response(status_code=408 if interrupted else 413), request)
        except Unavailable as error:
            log.warning("webhook.unavailable", extra={"channel": channel, "reason": str(error)})
            return Response(status_code=503, headers={"retry-after": _RETRY_S})
        answer = taken.answer
        return Response(answer.body, answer.status, media_type=answer.media_type)

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

    def _refused(self, request: Request, how: str, reason: str) -> None:
        log.warning(
            f"webhook.{how}",
            extra={
                "channel": self._provider.channel,
                "client": client_of(request.scope),
                "reason": reason[:200],
            },
        )
