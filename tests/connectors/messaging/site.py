"""A desk with messaging apps on a real socket, for the tests of the channels."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from bot import engines, keys
from bot.channel_memory import RedisMemory
from bot.desk import FrontDesk
from bot.engines import engine
from bot.inbox import InboxLimits
from bot.limiter import RedisLimiter
from bot.media import MediaStore
from bot.messages import Entry, Message, Reply
from bot.perception import Perception
from bot.policy import Policy
from bot.store import Store
from connectors.messaging.front import Limits, Messaging, connections, open_messaging
from connectors.messaging.intake import conversation_id
from connectors.server import Server
from connectors.web import build_app
from connectors.webchat import Signer
from tests.builders import EchoPolicy, build_desk, running

PUBLIC_URL = "https://desk.example"


@cache
def made(registry: str, name: str) -> Any:
    """An engine, made once for all tests."""
    return engine(getattr(engines, registry), name)()


class ChannelSite:
    """A desk that says back what it is told, reached by the webhooks of the apps given."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self._folder = folder
        self.desk: FrontDesk
        self.messaging: Messaging
        self.url = ""

    @asynccontextmanager
    async def open(
        self,
        configured: dict[str, tuple[str, Any]],
        *,
        policy: Policy | None = None,
        public_url: str = PUBLIC_URL,
        alone: bool = True,
        pace: InboxLimits | None = None,
        answers: bool = True,
    ) -> AsyncIterator["ChannelSite"]:
        """`configured`: channel → (module, settings). `answers`: whether turns are worked on;
        messages are taken in any case."""
        media = MediaStore(str(self._folder / "media"))
        perception = Perception(
            transcriber=lambda: made("TRANSCRIBERS", "moonshine"),
            text_reader=lambda: made("TEXT_READERS", "ppocr"),
            image_encoder=lambda: made("IMAGE_ENCODERS", "small"),
            media=media,
        )
        self.desk = build_desk(
            self.store,
            self._folder,
            policy or EchoPolicy(),
            perception=perception,
            alone=alone,
            limits=pace,
        )
        async with open_messaging(
            configured,
            desk=self.desk,
            limiter=RedisLimiter(self.store),
            signer=Signer(b"s" * 32),
            limits=Limits(text_chars=8_000, attachments=10, upload_bytes=5 * 1024**2),
            memory=RedisMemory(self.store),
            public_url=public_url,
        ) as self.messaging:
            for courier, fetch in connections(self.messaging):
                self.desk.connect(courier, fetch)
            app = build_app(messaging=self.messaging.routes)
            async with self._serving(app):
                if not answers:
                    yield self
                    return
                async with running(self.desk):
                    polling = asyncio.create_task(self.messaging.run())
                    try:
                        yield self
                    finally:
                        polling.cancel()
                        await asyncio.gather(polling, return_exceptions=True)
        await perception.close()

    @asynccontextmanager
    async def _serving(self, app: Any) -> AsyncIterator[None]:
        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        server = Server(app, host="127.0.0.1", port=0, on_ready=started.set_result)
        serving = asyncio.create_task(server.serve())
        self.url = await started
        try:
            yield
        finally:
            server.stop()
            await serving

    async def post(
        self, channel: str, content: bytes, headers: dict[str, str] | None = None, query: str = ""
    ) -> httpx.Response:
        """Deliver a webhook as the provider does."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            address = f"/channels/{channel}{'?' + query if query else ''}"
            return await client.post(address, content=content, headers=headers)

    async def log(self, channel: str, chat: Any) -> list[Entry]:
        """What is in the log of a chat's conversation."""
        provider = next(p for p in self.messaging.providers if p.channel == channel)
        return await self.desk.entries(conversation_id(provider.channel, provider.account, chat))

    async def messages(self, channel: str, chat: Any) -> list[Message]:
        return [e.item for e in await self.log(channel, chat) if isinstance(e.item, Message)]

    async def replies(self, channel: str, chat: Any) -> list[Reply]:
        return [e.item for e in await self.log(channel, chat) if isinstance(e.item, Reply)]

    async def state_of_part(self, channel: str, chat: Any, part: str) -> str:
        """What became of a part of the latest reply, once it is known to be out."""
        reply = (await self.replies(channel, chat))[-1]
        async with asyncio.timeout(10):
            while part not in await self.desk.sent_parts(reply.conversation, reply.id):
                await asyncio.sleep(0)
        key = keys.sent(reply.conversation, reply.id)
        return (await self.store.run("HGET", key, f"state:{part}") or b"").decode()

    async def nothing_was_taken(self) -> bool:
        """Whether no conversation has begun."""
        return not await self.store.run("KEYS", "fd:*:conversation:*")
