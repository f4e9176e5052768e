"""opsdroid's Telegram and Slack connectors on its own web server; runs in a virtual environment of
its own (see `peer.py`). Prints the URL when it is ready, and before it the path of each connector.

Nothing of it is changed but its calls to Telegram and Slack, which are answered here. It runs no
skill: a message is parsed, found to be for nobody, and dropped.
"""

import asyncio
import builtins
import logging
import signal
import socket

builtins._ = str  # its texts are translated by a function that its command line installs
logging.disable(logging.CRITICAL)

from aiohttp import web
from opsdroid.connector.slack import ConnectorSlack
from opsdroid.connector.telegram import ConnectorTelegram
from opsdroid.core import OpsDroid
from opsdroid.web import Web
from slack_sdk.web.async_client import AsyncWebClient


class Told(dict):
    """What Slack would answer."""

    @property
    def data(self) -> dict:
        return self


async def answered(client: object, method: str, **request: object) -> Told:
    """In place of Slack's Web API."""
    person = {"name": "ann", "profile": {"bot_id": "B1"}}
    return Told(ok=True, user_id="U1", user=person, channels=[], bot={"name": "b"})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


async def ready(_: web.Request) -> web.Response:
    return web.Response()


async def serve() -> None:
    AsyncWebClient.api_call = answered
    port = free_port()
    config = {"web": {"host": "127.0.0.1", "port": port}, "connectors": {}, "skills": []}
    opsdroid = OpsDroid(config=config)
    opsdroid.eventloop = asyncio.get_running_loop()
    opsdroid.web_server = Web(opsdroid)
    opsdroid.web_server.web_app.router.add_get("/readyz", ready)
    telegram = ConnectorTelegram({"token": "123456:a-token"}, opsdroid=opsdroid)
    slack = ConnectorSlack({"bot-token": "xoxb-1", "socket-mode": False}, opsdroid=opsdroid)
    await telegram.connect()
    await slack.connect()
    await opsdroid.web_server.start()
    print(f"path telegram {telegram.webhook_endpoint}")
    print(f"path slack /connector/{slack.name}")
    print(f"http://127.0.0.1:{port}", flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve())
