"""What any webhook costs: a Starlette route that verifies a signature and says yes.

`python -m benchmarks.channels.bare`; served by the same server with the same settings as the desk.
It reads nothing of the body but what the signature needs, and keeps nothing.
"""

import asyncio
import hashlib
import hmac
import signal
import time
from collections.abc import Awaitable, Callable

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot import garbage
from connectors.server import Server
from tests.connectors.signers import SIGNERS

NOWHERE = "http://127.0.0.1:9"
Endpoint = Callable[[Request], Awaitable[Response]]
_REPLAYED_S = 300


def telegram(secret: str) -> Endpoint:
    async def take(request: Request) -> Response:
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        await request.body()
        return _answer(hmac.compare_digest(given.encode(), secret.encode()))

    return take


def slack(secret: str) -> Endpoint:
    async def take(request: Request) -> Response:
        sent_at = request.headers.get("x-slack-request-timestamp", "0")
        signed = b"v0:" + sent_at.encode() + b":" + await request.body()
        wanted = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        given = request.headers.get("x-slack-signature", "")
        fresh = abs(time.time() - int(sent_at)) <= _REPLAYED_S
        return _answer(fresh and hmac.compare_digest(given, wanted))

    return take


def _answer(believed: bool) -> Response:
    return Response(status_code=200 if believed else 401)


async def _ready(_: Request) -> Response:
    return Response()


VERIFIED: dict[str, tuple[str, Callable[[str], Endpoint]]] = {
    "telegram": ("secret", telegram),
    "slack": ("signing_secret", slack),
}
"""Channel → the setting that its requests are signed with, and what verifies them."""


def endpoint(channel: str) -> Endpoint:
    setting, verifying = VERIFIED[channel]
    settings = SIGNERS[channel].settings(NOWHERE)
    return verifying(getattr(settings, setting).get_secret_value())


def ready(url: str) -> None:
    garbage.settle()  # as the desk does
    print(url, flush=True)


async def serve() -> None:
    routes = [
        Route(f"/channels/{channel}", endpoint(channel), methods=["POST"])
        for channel in VERIFIED
        if channel in SIGNERS
    ]
    server = Server(
        Starlette(routes=[Route("/readyz", _ready), *routes]),
        host="127.0.0.1",
        port=0,
        on_ready=ready,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()


if __name__ == "__main__":
    uvloop.run(serve())
