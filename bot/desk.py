"""The desk: what connectors talk to, with every collaborator wired in.

This is the one file that knows all the others. `open_desk` builds a desk from a configuration;
tests and benchmarks build one with a policy of their own.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from bot.channel import Connector, Progress, Receipt
from bot.history import History
from bot.inbox import Inbox, InboxLimits
from bot.lease import Leases
from bot.manager import DialogueManager
from bot.media import MediaStore
from bot.messages import (
    Attachment,
    AttachmentId,
    ChannelName,
    Conversation,
    ConversationId,
    CustomerId,
    Entry,
    Message,
    TurnId,
)
from bot.outbox import Outbox
from bot.perception import Perception
from bot.policy import Policy
from bot.speech import Speech
from bot.store import Store
from bot.turns import TurnRunner


class FrontDesk:
    """Implements `bot.channel.Desk`."""

    def __init__(
        self,
        *,
        store: Store,
        media: MediaStore,
        perception: Perception,
        policy: Policy,
        speech: Speech,
        limits: InboxLimits,
        keep_days: int,
        keep_entries: int,
        language: str,
        alone: bool,
    ) -> None:
        """`alone`: no other process can be answering on this Redis; see `bot.lease`."""
        self.store = store
        self._media = media
        self._connectors: dict[ChannelName, Connector] = {}
        keep_s = keep_days * 24 * 3600
        self._history = History(store, keep_s=keep_s, keep_entries=keep_entries)
        self._inbox = Inbox(store, limits, keep_s)
        outbox = Outbox(store, keep_s, self._connectors)
        manager = DialogueManager(
            history=self._history,
            perception=perception,
            policy=policy,
            speech=speech,
            show=self._show,
            language=language,
        )
        self._runner = TurnRunner(
            store=store,
            leases=Leases(store, alone=alone),
            inbox=self._inbox,
            outbox=outbox,
            history=self._history,
            manager=manager,
            show=self._show,
        )

    def connect(self, connector: Connector) -> None:
        """Have a channel's replies delivered by this connector. Before `run`."""
        self._connectors[connector.channel] = connector

    async def run(self) -> None:
        """Answer what comes, until cancelled."""
        await self._runner.run()

    async def open_conversation(
        self,
        channel: ChannelName,
        customer: CustomerId,
        conversation: ConversationId | None = None,
    ) -> Conversation:
        return await self._history.open(channel, customer, conversation)

    async def accept(self, message: Message) -> Receipt:
        return await self._inbox.accept(message)

    def customer_types(self, conversation: ConversationId) -> None:
        self._runner.customer_types(conversation)

    async def entries(
        self, conversation: ConversationId, after: int = 0, limit: int = 200
    ) -> list[Entry]:
        return await self._history.entries(conversation, after, limit)

    async def next_reply(
        self, conversation: ConversationId, after: int, timeout_s: float
    ) -> Entry | None:
        return await self._history.next_reply(conversation, after, timeout_s)

    async def conversations(self, customer: CustomerId) -> list[Conversation]:
        return await self._history.of_customer(customer)

    async def keep_media(
        self,
        chunks: AsyncIterator[bytes],
        *,
        owner: CustomerId,
        name: str,
        claimed_type: str,
        limit_bytes: int,
    ) -> Attachment:
        return await self._media.keep(
            chunks, owner=owner, name=name, claimed_type=claimed_type, limit_bytes=limit_bytes
        )

    async def find_media(self, attachment: AttachmentId, owner: CustomerId) -> Attachment | None:
        return await self._media.find(attachment, owner)

    def open_media(self, attachment: AttachmentId) -> AsyncIterator[bytes]:
        return self._media.open(attachment)

    async def trace(self, conversation: ConversationId, turn: TurnId) -> dict[str, Any] | None:
        stored = await self._history.trace(conversation, turn)
        return msgspec.json.decode(stored) if stored else None

    def _show(self, progress: Progress) -> None:
        for connector in self._connectors.values():
            connector.show(progress)
