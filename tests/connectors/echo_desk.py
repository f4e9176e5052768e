"""A desk that keeps everything in memory and answers with what it was told."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from bot.channel import Connector, Receipt
from bot.errors import CustomerError, TooFast
from bot.messages import (
    Attachment,
    AttachmentId,
    AttachmentKind,
    ChannelName,
    Conversation,
    ConversationId,
    CustomerId,
    Entry,
    Message,
    Reply,
    ReplyId,
    ReplyKind,
    TurnId,
    new_id,
)
from connectors.limiter import Rate


class EchoDesk:
    def __init__(self) -> None:
        self.logs: dict[ConversationId, list[Entry]] = {}
        self.whose: dict[ConversationId, Conversation] = {}
        self.seen: dict[tuple[str, str], int] = {}
        self.media: dict[AttachmentId, tuple[Attachment, CustomerId, bytes]] = {}
        self.connectors: dict[ChannelName, Connector] = {}
        self.news: dict[ConversationId, asyncio.Event] = defaultdict(asyncio.Event)
        self.typed: list[ConversationId] = []
        self.muted = False
        self.refusal: Exception | None = None

    def connect(self, connector: Connector) -> None:
        self.connectors[connector.channel] = connector

    async def open_conversation(
        self,
        channel: ChannelName,
        customer: CustomerId,
        conversation: ConversationId | None = None,
    ) -> Conversation:
        if conversation is None:
            opened = Conversation(ConversationId(new_id("con")), channel, customer, 0)
            self.whose[opened.id] = opened
            self.logs[opened.id] = []
            return opened
        known = self.whose.get(conversation)
        if known is None or known.customer != customer:
            raise CustomerError("unknown_conversation")
        return Conversation(known.id, channel, customer, len(self.logs[conversation]))

    async def accept(self, message: Message) -> Receipt:
        if self.refusal is not None:
            raise self.refusal
        if not message.text.strip() and not message.attachments:
            raise CustomerError("message_empty")
        if len(message.text) > 8000:
            raise CustomerError("message_too_long", limit=8000)
        key = (message.conversation, message.id)
        if key in self.seen:
            return Receipt(self.seen[key], duplicate=True)
        seq = self.seen[key] = self._add(message)
        if not self.muted:
            asyncio.get_running_loop().call_soon(self._answer, message)
        return Receipt(seq)

    def customer_types(self, conversation: ConversationId) -> None:
        self.typed.append(conversation)

    async def entries(
        self, conversation: ConversationId, after: int = 0, limit: int = 200
    ) -> list[Entry]:
        return self.logs[conversation][after:][-limit:]

    async def next_reply(
        self, conversation: ConversationId, after: int, timeout_s: float
    ) -> Entry | None:
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    for entry in self.logs[conversation][after:]:
                        if isinstance(entry.item, Reply):
                            return entry
                    self.news[conversation].clear()
                    await self.news[conversation].wait()
        except TimeoutError:
            return None

    async def conversations(self, customer: CustomerId) -> list[Conversation]:
        own = [known for known in self.whose.values() if known.customer == customer]
        return [await self.open_conversation(c.channel, customer, c.id) for c in reversed(own)]

    async def keep_media(
        self,
        chunks: AsyncIterator[bytes],
        *,
        owner: CustomerId,
        name: str,
        claimed_type: str,
        limit_bytes: int,
    ) -> Attachment:
        data = b""
        async for chunk in chunks:
            data += chunk
            if len(data) > limit_bytes:
                raise CustomerError("upload_too_large", limit_mb=limit_bytes // 1_000_000)
        if not data:
            raise CustomerError("upload_empty")
        attachment = Attachment(
            AttachmentId(new_id("att")), AttachmentKind.IMAGE, claimed_type, len(data), name
        )
        self.media[attachment.id] = (attachment, owner, data)
        return attachment

    async def find_media(self, attachment: AttachmentId, owner: CustomerId) -> Attachment | None:
        found = self.media.get(attachment)
        return found[0] if found and found[1] == owner else None

    async def open_media(self, attachment: AttachmentId) -> AsyncIterator[bytes]:
        yield self.media[attachment][2]

    async def trace(self, conversation: ConversationId, turn: TurnId) -> dict[str, Any] | None:
        return {"turn": turn}

    async def flood(self, conversation: ConversationId, text: str) -> None:
        """Answer without having been asked."""
        known = self.whose[conversation]
        reply = self._reply(conversation, known.channel, known.customer, text)
        await self.connectors[known.channel].deliver(reply, self._add(reply))

    def _add(self, item: Message | Reply) -> int:
        log = self.logs[item.conversation]
        log.append(Entry(len(log) + 1, item))
        self.news[item.conversation].set()
        return len(log)

    def _answer(self, message: Message) -> None:
        reply = self._reply(message.conversation, message.channel, message.customer, message.text)
        seq = self._add(reply)
        connector = self.connectors.get(message.channel)
        if connector is not None:
            self._task = asyncio.ensure_future(connector.deliver(reply, seq))

    @staticmethod
    def _reply(
        conversation: ConversationId, channel: ChannelName, customer: CustomerId, text: str
    ) -> Reply:
        reply, turn = ReplyId(new_id("rep")), TurnId(new_id("turn"))
        return Reply(reply, channel, conversation, customer, turn, ReplyKind.ANSWER, text)


class OpenLimiter:
    """Lets everything through, but a place only once."""

    def __init__(self) -> None:
        self.used: set[tuple[str, str]] = set()
        self.closed: set[str] = set()

    async def allow(self, name: str, client: str, rate: Rate) -> None:
        if name in self.closed:
            raise TooFast(3.2)

    async def first(self, name: str, client: str, remember_s: int) -> bool:
        fresh = (name, client) not in self.used
        self.used.add((name, client))
        return fresh
