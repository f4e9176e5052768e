"""The lines that the operator has configured, wired to the desk and running."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bot.calls.transport import Call, Calls
from bot.errors import CustomerError, DeliveryFailed, TooFast, Unavailable
from connectors.calls.line import DIALLED, Holding, Line, LineServices
from connectors.calls.stream_socket import StreamSocket
from connectors.messaging.api import Api
from connectors.messaging.hook import Answer, Forged, Malformed, read_hook
from connectors.requests import client_of

log = logging.getLogger(__name__)

PATH = "/calls/"
LINES = {
    "browser": "connectors.calls.browser",
    "twilio": "connectors.calls.twilio",
    "audiosocket": "connectors.calls.audiosocket",
}
"""Section below `calls.lines` → the module that has the line."""


class CallFront:
    """The way in for all lines: an ASGI application for what is below `/calls/`."""

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self.lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, _, rest = scope["path"].removeprefix(PATH).partition("/")
        line = self.lines.get(name)
        if scope["type"] == "websocket":
            socket = StreamSocket(scope, receive, send)
            await (socket.refuse() if line is None else line.stream(socket, rest))
        elif line is None:
            await Response(status_code=404)(scope, receive, send)
        else:
            await (await _answer(line, rest, scope, receive))(scope, receive, send)

    async def run(self) -> None:
        """Serve the lines that have a server of their own, until cancelled. Raises
        `OperatorError`."""
        tasks = [
            asyncio.create_task(line.run(), name=f"line {line.name}")
            for line in self.lines.values()
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def dial(self, call: Call) -> None:
        """Call a customer at `call.address`: a line's name, a colon, and a number. Raises
        `DeliveryFailed`."""
        name, _, number = call.address.partition(":")
        line = self.lines.get(name)
        if line is None or not DIALLED.fullmatch(number):
            raise DeliveryFailed("there is no line to call this customer on", permanent=True)
        await line.dial(call, number)


@asynccontextmanager
async def open_lines(
    configured: Mapping[str, Any], *, calls: Calls, public_url: str = ""
) -> AsyncIterator[CallFront]:
    """`configured`: name → settings. `public_url`: the desk's address as providers know it."""
    holding = Holding(calls)
    async with Api() as api:
        services = LineServices(api=api, holding=holding, public_url=public_url)
        lines = {
            name: import_module(LINES[name]).line(settings, services)
            for name, settings in configured.items()
        }
        try:
            yield CallFront(lines)
        finally:
            # Hanging up needs the provider's API, which closes after this.
            await holding.close()


async def _answer(line: Line, rest: str, scope: Scope, receive: Receive) -> Response:
    try:
        hook = await read_hook(scope, receive, line.services.public_url)
        answer: Answer = await line.webhook(hook, rest)
    except Forged as error:
        return _refused(line, scope, "forged", str(error), 401)
    except Malformed as error:
        return _refused(line, scope, "malformed", str(error), 400)
    except TooFast as error:
        wait_s = str(math.ceil(error.retry_after_s))
        return Response(status_code=429, headers={"retry-after": wait_s})
    except CustomerError as error:
        return _refused(line, scope, "refused", error.code, 413)
    except Unavailable as error:
        log.warning("calls.unavailable", extra={"line": line.name, "reason": str(error)})
        return Response(status_code=503, headers={"retry-after": "5"})
    return Response(answer.body, answer.status, media_type=answer.media_type)


def _refused(line: Line, scope: Scope, how: str, reason: str, status: int) -> Response:
    log.warning(
        f"calls.{how}",
        extra={"line": line.name, "client": client_of(scope), "reason": reason[:200]},
    )
    return Response(status_code=status)
