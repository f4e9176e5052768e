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

from bot.desk import FrontDesk
from bot.inbox import InboxLimits
from bot.limiter import RedisLimiter
from bot.store import Store
from connectors.calls.browser import BrowserCalls
from connectors.calls.front import CallFront
from connectors.http_api import ApiKeys, HttpApi, digest_of
from connectors.limiter import Rate
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
from tests.bot.conftest import redis_url, store
from tests.builders import EchoPolicy, build_desk, running
from tests.connectors.messaging.site import ChannelSite

__all__ = ["redis_url", "store"]

API_KEY = "fd_a-key-of-a-program"
OTHER_KEY = "fd_a-key-of-another-program"
SITE_SECRET = "the-secret-that-shop-and-desk-share"
LIMITS = Limits(upload_bytes=1024**2)
ONCE = Rate(per_minute=1, burst=1)


def browser_calls(lines: CallFront | None) -> BrowserCalls | None:
    """The widget's line, where there is one."""
    line = lines.lines.get("browser") if lines else None
    assert line is None or isinstance(line, BrowserCalls)
    return line


class Site:
    """A desk with its channels, its media in a folder of its own; it says back what it is told."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self.answers = asyncio.Event()
        """Set: the desk answers. Cleared: it thinks."""
        self.answers.set()
        self.signer = Signer(b"s" * 32)
        self.desk: FrontDesk
        self.webchat: WebchatConnector
        self.url = ""

    @asynccontextmanager
    async def open(
        self,
        *,
        origins: tuple[str, ...] = (),
        article: Callable[[str], Any] | None = None,
        check: Callable[[], Any] | None = None,
        pages: Path | None = None,
        trusted_proxies: tuple[str, ...] = (),
        pace: InboxLimits | None = None,
        lines: CallFront | None = None,
        **settings: Any,
    ) -> AsyncIterator["Site"]:
        """`settings`: of `WebchatSettings`."""
        settings.setdefault("limits", LIMITS)
        limiter = RedisLimiter(self._store)
        self.desk = build_desk(self._store, self._folder, EchoPolicy(self.answers), limits=pace)
        self.webchat = WebchatConnector(
            desk=self.desk,
            signer=self.signer,
            identity=Identity({"shop": SITE_SECRET}),
            origins=Origins(origins),
            limiter=limiter,
            settings=WebchatSettings(
                Business("Voltaro", suggestions={"en": ("Where is my order?",)}), **settings
            ),
            calls=browser_calls(lines),
        )
        keys = ApiKeys({"program": digest_of(API_KEY), "other": digest_of(OTHER_KEY)})
        api = HttpApi(
            desk=self.desk,
            keys=keys,
            limiter=limiter,
            upload_bytes=1024**2,
            dial=lines.dial if lines else None,
        )
        self.desk.connect(self.webchat)
        self.desk.connect(api)
        app = build_app(
            webchat=self.webchat,
            api=api.app,
            calls=lines,
            article=article,
            check=check,
            site=pages,
        )
        async with running(self.desk), self._serving(app, trusted_proxies):
            yield self

    @asynccontextmanager
    async def _serving(self, app: Any, trusted_proxies: tuple[str, ...]) -> AsyncIterator[None]:
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
            yield
        finally:
            server.stop()
            await serving

    def media_files(self) -> list[Path]:
        return list((self._folder / "media").iterdir())

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
        """The next frame, which must be of this kind; signs of progress may come before it."""
        async with asyncio.timeout(10):
            while True:
                frame: dict[str, Any] = json.loads(await self.socket.recv())
                if frame["type"] == kind:
                    return frame
                assert frame["type"] in ("typing", "delta"), frame

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
def closed_site(store: Store, tmp_path: Path) -> Site:
    """To be opened with settings of the test's own."""
    return Site(store, tmp_path)


@pytest.fixture
async def site(closed_site: Site) -> AsyncIterator[Site]:
    async with closed_site.open():
        yield closed_site


@pytest.fixture
def channels(store: Store, tmp_path: Path) -> ChannelSite:
    """To be opened with the messaging apps of the test's own."""
    return ChannelSite(store, tmp_path)
