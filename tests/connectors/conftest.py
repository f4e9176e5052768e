"""A desk on a real socket for each test, and a widget that talks to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from connectors.http_api import ApiKeys, HttpApi, digest_of
from connectors.server import Server
from connectors.web import build_app
from connectors.webchat import (
    Business,
    Identity,
    Limits,
    Origins,
    Signer,
    WebchatConnector,
    WebchatSettings,
)
from tests.connectors.echo_desk import EchoDesk, OpenLimiter

API_KEY = "fd_a-key-of-a-program"
OTHER_KEY = "fd_a-key-of-another-program"
SITE_SECRET = "the-secret-that-shop-and-desk-share"


class Site:
    """A running desk with its channels."""

    def __init__(self) -> None:
        self.desk = EchoDesk()
        self.limiter = OpenLimiter()
        self.signer = Signer(b"s" * 32)
        self.webchat: WebchatConnector
        self.url = ""

    @asynccontextmanager
    async def open(
        self,
        *,
        origins: tuple[str, ...] = (),
        article: Callable[[str], Any] | None = None,
        check: Callable[[], Any] | None = None,
        folder: Path | None = None,
        trusted_proxies: tuple[str, ...] = (),
        **settings: Any,
    ) -> AsyncIterator["Site"]:
        settings.setdefault("limits", Limits(upload_bytes=1024**2))
        self.webchat = WebchatConnector(
            desk=self.desk,
            signer=self.signer,
            identity=Identity({"shop": SITE_SECRET}),
            origins=Origins(origins),
            limiter=self.limiter,
            settings=WebchatSettings(
                Business("Voltaro", suggestions={"en": ("Where is my order?",)}), **settings
            ),
        )
        self.desk.connect(self.webchat)
        keys = ApiKeys({"program": digest_of(API_KEY), "other": digest_of(OTHER_KEY)})
        api = HttpApi(desk=self.desk, keys=keys, limiter=self.limiter, upload_bytes=1024**2)
        app = build_app(
            webchat=self.webchat, api=api.app, article=article, check=check, site=folder
        )
        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        server = Server(
            app,
            host="127.0.0.1",
            port=0,
            trusted_proxies=trusted_proxies,
            on_ready=started.set_result,
        )
        serving = asyncio.create_task(server.serve())
        self.url = await started
        try:
            yield self
        finally:
            server.stop()
            await serving

    @asynccontextmanager
    async def socket(self, **headers: str) -> AsyncIterator[ClientConnection]:
        """A connection that has not said hello."""
        headers.setdefault("Origin", self.url)
        address = self.url.replace("http", "ws", 1) + "/webchat/socket"
        async with connect(address, additional_headers=headers, max_size=None) as socket:
            yield socket

    @asynccontextmanager
    async def widget(self, **hello: Any) -> AsyncIterator["Widget"]:
        """A widget that has been welcomed."""
        async with self.socket() as socket:
            widget = Widget(socket)
            await widget.send("hello", **{"protocol": 1, "locale": "en"} | hello)
            widget.welcome = await widget.next("welcome")
            yield widget

    def http(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False)

    def api(self, key: str = API_KEY) -> httpx.AsyncClient:
        return self.http(Authorization=f"Bearer {key}")


class Widget:
    """Speaks the protocol."""

    welcome: dict[str, Any]

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind} | fields))

    async def next(self, kind: str) -> dict[str, Any]:
        """The next frame, which must be of this kind."""
        async with asyncio.timeout(10):
            frame: dict[str, Any] = json.loads(await self.socket.recv())
        assert frame["type"] == kind, frame
        return frame

    async def say(self, name: str, text: str = "Hello", **fields: Any) -> dict[str, Any]:
        """Send a message; gives its acknowledgement."""
        await self.send("message", id=name, text=text, **fields)
        return await self.next("ack")

    async def upload(self, client: httpx.AsyncClient, data: bytes) -> dict[str, Any]:
        """Send a file; gives the attachment."""
        await self.send(
            "upload", id="u", name="a.png", media_type="image/png", size_bytes=len(data)
        )
        ready = await self.next("upload_ready")
        answer = await client.put(ready["url"], content=data)
        assert answer.status_code == 201, answer.text
        attachment: dict[str, Any] = answer.json()["attachment"]
        return attachment

    async def closed(self) -> int | None:
        """Wait until the desk has closed the connection; gives the code."""
        async with asyncio.timeout(10):
            await self.socket.wait_closed()
        return self.socket.close_code


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site().open() as site:
        yield site
