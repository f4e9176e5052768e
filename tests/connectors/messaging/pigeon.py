"""A channel of the tests' own, whose provider is this process: it remembers what it was asked, and
fails as it is told to."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from bot.messages import ChannelName
from connectors.limiter import Rate
from connectors.messaging.capabilities import Capabilities
from connectors.messaging.dialects import TELEGRAM_HTML
from connectors.messaging.events import Chat, Event, Said
from connectors.messaging.hook import Forged, Hook, Taken, same
from connectors.messaging.provider import Address, Provider, Services, Take
from connectors.messaging.render import Part, Text

QUICK = Rate(per_minute=60_000, burst=1_000)
CAN = Capabilities(
    text_limit=100,
    dialect=TELEGRAM_HTML,
    choices=3,
    voice="audio/ogg",
    edits=True,
    typing=True,
    typing_every_s=0.01,
    pace=QUICK,
    chat_pace=QUICK,
)
SECRET = "coo"


def provider(settings: Any, services: Services) -> "Pigeon":
    return Pigeon(services=services)


class Pigeon(Provider):
    channel = ChannelName("pigeon")
    account = "1"

    def __init__(self, can: Capabilities = CAN, services: Services | None = None) -> None:
        self.can = can
        self.services = services
        self.calls: list[tuple[str, Address, Any]] = []
        """`send`, `edit` or `type`, where to, and what."""
        self.keys: list[str] = []
        self.failures: deque[Exception | None] = deque()
        """What the next calls of `send` and `edit` raise; None: nothing."""
        self.gate = asyncio.Event()
        """Cleared: calls of `send` and `edit` do not return."""
        self.gate.set()
        self._changed = asyncio.Condition()
        self._waiting: list[Event] = []

    def made(self, name: str) -> list[Any]:
        return [what for call, _, what in self.calls if call == name]

    @property
    def texts(self) -> list[str]:
        return [part.text for part in self.made("send") if isinstance(part, Text)]

    async def wait(self, name: str, count: int = 1) -> None:
        """Until a call has been made so often."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self.made(name)) >= count)

    async def receive(self, hook: Hook) -> Taken:
        if not same(hook.headers.get("x-pigeon", ""), SECRET):
            raise Forged("not a pigeon")
        body = hook.json()
        chat = Chat(body["user"], {"loft": body["user"]})
        return Taken((Said(chat, body["id"], text=body["text"]),))

    async def send(self, address: Address, part: Part, key: str) -> str:
        self.keys.append(key)
        await self._called("send", address, part)
        return f"m{len(self.keys)}"

    async def edit(self, address: Address, sent: str, part: Part) -> None:
        await self._called("edit", address, (sent, part))

    async def type(self, address: Address) -> None:
        await self._remember("type", address, None)

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        await self._remember("fetch", {}, source)
        yield source.encode()

    async def check(self) -> str:
        return "the loft"

    async def run(self, take: Take) -> None:
        while self._waiting:
            await take(self._waiting.pop(0))

    async def _called(self, name: str, address: Address, what: Any) -> None:
        await self._remember(name, address, what)
        await self.gate.wait()
        failure = self.failures.popleft() if self.failures else None
        if failure:
            raise failure

    async def _remember(self, name: str, address: Address, what: Any) -> None:
        async with self._changed:
            self.calls.append((name, address, what))
            self._changed.notify_all()
