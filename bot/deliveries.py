"""What of a reply has reached its channel: which parts were sent, and what became of them.

A reply may be several messages in an app. Each is noted once it is out, so that a desk that was
killed in between goes on with the next one.
"""

import asyncio
import logging
from collections.abc import Mapping

import msgspec

from bot import keys
from bot.channel import Whereabouts
from bot.dead_letters import DeadLetters
from bot.messages import ChannelName, ConversationId, Message, Reply, ReplyId
from bot.store import Store

log = logging.getLogger(__name__)

_KNOWN_S = 7 * 24 * 3600
"""How long a provider's report about a message is understood."""
_ORDER = ("sent", "delivered", "read", "failed")
_LOOKED_THROUGH = 500
"""Entries of a log among which a reply that failed is looked for."""
_decode_item = msgspec.json.Decoder(Message | Reply).decode


class _Posted(msgspec.Struct, frozen=True):
    conversation: ConversationId
    reply: ReplyId
    part: str


class Deliveries:
    def __init__(self, store: Store, keep_s: int) -> None:
        """`keep_s`: how long a conversation is remembered, in seconds."""
        self._store = store
        self._keep_s = keep_s
        self._dead_letters = DeadLetters(store, keep_s)

    async def whereabouts(self, conversation: ConversationId) -> Whereabouts:
        address, heard = await self._store.run(
            "HMGET", keys.conversation(conversation), "address", "heard"
        )
        return Whereabouts((address or b"").decode(), int(heard or 0) / 1000)

    async def sent_parts(self, conversation: ConversationId, reply: ReplyId) -> Mapping[str, str]:
        flat = await self._store.run("HGETALL", keys.sent(conversation, reply))
        found = dict(zip(flat[::2], flat[1::2], strict=True))
        return {
            name.decode(): identifier.decode()
            for name, identifier in found.items()
            if not name.startswith(b"state:")
        }

    async def note_part(
        self,
        channel: ChannelName,
        conversation: ConversationId,
        reply: ReplyId,
        part: str,
        identifier: str,
    ) -> None:
        key = keys.sent(conversation, reply)
        commands = [
            self._store.run("HSET", key, part, identifier),
            self._store.run("EXPIRE", key, self._keep_s),
        ]
        if identifier:
            posted = msgspec.json.encode(_Posted(conversation, reply, part))
            place = keys.posted(channel, identifier)
            commands.append(self._store.run("SET", place, posted, "EX", _KNOWN_S))
        await asyncio.gather(*commands)

    async def note_state(
        self, channel: ChannelName, identifier: str, state: str, reason: str
    ) -> None:
        raw = await self._store.run("GET", keys.posted(channel, identifier))
        if raw is None:
            if state == "failed":
                log.warning("delivery.failed", extra={"channel": channel, "reason": reason[:300]})
            return
        posted = msgspec.json.decode(raw, type=_Posted)
        if state == "failed":
            return await self._failed(channel, identifier, posted, reason)
        key, field = keys.sent(posted.conversation, posted.reply), f"state:{posted.part}"
        before = (await self._store.run("HGET", key, field) or b"").decode()
        if not before or _ORDER.index(state) > _ORDER.index(before):
            await asyncio.gather(
                self._store.run("HSET", key, field, state),
                self._store.run("EXPIRE", key, self._keep_s),
            )

    async def _failed(
        self, channel: ChannelName, identifier: str, posted: _Posted, reason: str
    ) -> None:
        found = await self._in_log(posted)
        if found is None:
            # Forgotten, or quicker than the log: it cannot be sent again, but it is told.
            key = keys.sent(posted.conversation, posted.reply)
            new, _ = await asyncio.gather(
                self._store.run("HSET", key, f"state:{posted.part}", "failed"),
                self._store.run("EXPIRE", key, self._keep_s),
            )
        else:
            seq, reply = found
            new = await self._dead_letters.report(posted.part, identifier, seq, reply, reason)
        if new:
            log.error(
                "delivery.failed",
                extra={"channel": channel, "reply": posted.reply, "reason": reason[:300]},
            )

    async def _in_log(self, posted: _Posted) -> tuple[int, Reply] | None:
        """The reply that a report is about, with its number; None once it is forgotten."""
        rows = await self._store.run(
            "XREVRANGE", keys.log(posted.conversation), "+", "-", "COUNT", _LOOKED_THROUGH
        )
        for entry, (_, raw) in rows:
            item = _decode_item(raw)
            if isinstance(item, Reply) and item.id == posted.reply:
                return int(entry.partition(b"-")[0]), item
        return None
