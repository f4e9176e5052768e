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
from bot.messages import ChannelName, ConversationId, ReplyId
from bot.store import Store

log = logging.getLogger(__name__)

_KNOWN_S = 7 * 24 * 3600
"""How long a provider's report about a message is understood."""
_ORDER = ("sent", "delivered", "read", "failed")


class _Posted(msgspec.Struct, frozen=True):
    conversation: ConversationId
    reply: ReplyId
    part: str


class Deliveries:
    def __init__(self, store: Store, keep_s: int) -> None:
        """`keep_s`: how long a conversation is remembered, in seconds."""
        self._store = store
        self._keep_s = keep_s

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
        key, field = keys.sent(posted.conversation, posted.reply), f"state:{posted.part}"
        before = (await self._store.run("HGET", key, field) or b"").decode()
        if before and _ORDER.index(state) <= _ORDER.index(before):
            return
        await asyncio.gather(
            self._store.run("HSET", key, field, state),
            self._store.run("EXPIRE", key, self._keep_s),
        )
        if state == "failed":
            log.error(
                "delivery.failed",
                extra={"channel": channel, "reply": posted.reply, "reason": reason[:300]},
            )
