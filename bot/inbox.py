"""Messages on their way in: taken once, kept in Redis, read in order.

An entry stays in its partition's stream until the turn that answers it is committed
(`bot/outbox.py`), so what is in the stream is what has not been answered. `bot/turns.py` reads it.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from bot import keys
from bot.channel import Receipt
from bot.errors import CustomerError, TooFast
from bot.messages import AttachmentId, ConversationId, Message, MessageId
from bot.store import Script, Store

_ACCEPT = Script("accept")
_WITHDRAW = Script("withdraw")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode

_BLOCK_MS = 1_000
_MOST_AT_ONCE = 256


class InboxLimits(msgspec.Struct, frozen=True):
    """What one conversation may send."""

    text_chars: int = 8_000
    attachments: int = 10
    messages_per_minute: int = 60
    """The long-run pace."""
    burst: int = 12
    """Messages that may come at once before the pace holds."""


class Received(msgspec.Struct, frozen=True):
    """A message as it waits in the inbox."""

    entry: str
    """Its id in the partition's stream."""
    seq: int
    message: Message


class Inbox:
    def __init__(self, store: Store, limits: InboxLimits, keep_s: int) -> None:
        """`keep_s`: how long a conversation is remembered after its last message, in seconds."""
        self._store = store
        self._limits = limits
        self._keep_s = keep_s

    async def accept(self, message: Message, address: str = "") -> Receipt:
        """Keep a message. It will be answered once this returns. See `bot.channel.Desk.accept`.

        Raises `CustomerError` (`message_empty`, `message_too_long`, `too_many_attachments`,
        `unknown_conversation`), `TooFast` and `Unavailable`.
        """
        self._check(message)
        conversation = message.conversation
        partition = keys.partition_of(conversation)
        # Begun before it is waited for: they travel to Redis in one batch.
        listed = self._list(message, address)
        kept = self._store.script(
            _ACCEPT,
            [
                keys.once(conversation, message.id),
                keys.pace(conversation),
                keys.conversation(conversation),
                keys.log(conversation),
                keys.inbox(partition),
            ],
            [
                _encode(message),
                conversation,
                message.customer,
                int(time.time() * 1000),
                60_000 / self._limits.messages_per_minute,
                self._limits.burst,
                keys.ONCE_EXPIRY_S,
                self._keep_s,
                message.channel,
                address,
            ],
        )
        try:
            first, second = await kept
            for command in listed:
                await command
        except BaseException:
            await asyncio.gather(*listed, return_exceptions=True)
            raise
        if first == -1:
            raise TooFast(second / 1000)
        if first == -2:
            raise CustomerError("unknown_conversation")
        return Receipt(seq=first, duplicate=bool(second))

    async def withdraw(
        self, conversation: ConversationId, message: MessageId
    ) -> tuple[AttachmentId, ...]:
        """Forget a message; see `bot.channel.Desk.withdraw`. Gives the attachments that it had.
        Raises `Unavailable`."""
        raw = await self._store.script(
            _WITHDRAW,
            [
                keys.once(conversation, message),
                keys.log(conversation),
                keys.withdrawn(conversation),
            ],
            [keys.ONCE_EXPIRY_S, self._keep_s],
        )
        attachments = tuple(a.id for a in _decode(raw).attachments) if raw else ()
        if attachments:
            await self._store.run("HDEL", keys.perceived(conversation), *attachments)
        return attachments

    def _list(self, message: Message, address: str) -> tuple[asyncio.Future[Any], ...]:
        """Note among its customer's conversations when this one was last used; one that begins
        with its first message is listed here, the others were when they were opened."""
        listed = keys.customer(message.customer)
        how = ("GT",) if address else ("XX",)
        return (
            self._store.run("ZADD", listed, *how, time.time(), message.conversation),
            self._store.run("EXPIRE", listed, self._keep_s),
        )

    def _check(self, message: Message) -> None:
        something = message.attachments or message.unsupported or message.joined
        if not message.text.strip() and not something:
            raise CustomerError("message_empty")
        if len(message.text) > self._limits.text_chars:
            raise CustomerError("message_too_long", limit=self._limits.text_chars)
        if len(message.attachments) > self._limits.attachments:
            raise CustomerError("too_many_attachments", limit=self._limits.attachments)

    async def read(self, after: Mapping[int, str]) -> dict[int, list[Received]]:
        """Wait up to a second for messages in the partitions named, each after an entry id
        (`0` for all that is there). Raises `Unavailable`."""
        partitions = {keys.inbox(partition): partition for partition in after}
        found = await self._store.wait_for_entries(
            {stream: after[partition] for stream, partition in partitions.items()},
            most=_MOST_AT_ONCE,
            wait_ms=_BLOCK_MS,
        )
        return {
            partitions[stream]: [
                Received(entry, int(fields[b"s"]), _decode(fields[b"m"]))
                for entry, fields in entries
            ]
            for stream, entries in found
        }
