"""Replies on their way out: committed with their turn, delivered once, tried again until they are.

A partition's outbox is read by the worker that owns it: what an earlier owner left behind at the
start, and then what its own turns commit.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping

import msgspec

from bot import keys
from bot.channel import Connector
from bot.errors import DeliveryFailed, Unavailable
from bot.inbox import Received
from bot.messages import AttachmentId, ChannelName, ConversationId, Reply, TurnId
from bot.perception import Perceived
from bot.store import Script, Store

log = logging.getLogger(__name__)

_COMMIT = Script("commit")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Reply).decode

PULLED = frozenset({ChannelName("http"), ChannelName("terminal")})
"""Channels whose customers fetch their replies from the log; nothing is pushed to them."""

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0


class Superseded(Exception):
    """Another worker has this turn; what was worked out here is dropped."""


class Waiting(msgspec.Struct, frozen=True):
    """A reply that waits in the outbox."""

    entry: str
    seq: int
    reply: Reply


class Outbox:
    def __init__(
        self, store: Store, keep_s: int, connectors: Mapping[ChannelName, Connector]
    ) -> None:
        self._store = store
        self._keep_s = keep_s
        self._connectors = connectors
        self._lanes: dict[ConversationId, deque[Waiting]] = {}
        self._senders: set[asyncio.Task[None]] = set()

    async def commit(
        self,
        worker: str,
        received: list[Received],
        reply: Reply | None,
        trace: bytes,
        perceived: Mapping[AttachmentId, Perceived],
    ) -> int:
        """End a turn: keep the reply, its trace and what was perceived, and take its messages
        from the inbox, all together. Gives the reply's number in the log; without a reply, that
        of the newest entry.

        Safe to repeat. Raises `Superseded` and `Unavailable`.
        """
        first_message = received[0]
        conversation = first_message.message.conversation
        turn = TurnId(str(first_message.seq))
        partition = keys.partition_of(conversation)
        pairs = [part for name, what in perceived.items() for part in (name, _encode(what))]
        first, *rest = await self._store.script(
            _COMMIT,
            [
                keys.owner(partition),
                keys.inbox(partition),
                keys.outbox(partition),
                keys.conversation(conversation),
                keys.log(conversation),
                keys.turn(conversation, turn),
                keys.perceived(conversation),
            ],
            [
                worker,
                turn,
                _encode(reply) if reply else "",
                trace,
                int(reply is not None and reply.channel not in PULLED),
                self._keep_s,
                len(received),
                *(item.entry for item in received),
                *pairs,
            ],
        )
        if first < 0:
            raise Superseded(f"turn {turn} of {conversation}")
        entry = (rest[0] or b"").decode()
        if entry and reply:
            self._send(Waiting(entry, first, reply))
        return int(first)

    async def resume(self, partition: int) -> None:
        """Deliver what a former owner of the partition has left. Raises `Unavailable`."""
        for entry, fields in await self._store.run("XRANGE", keys.outbox(partition), "-", "+"):
            values = dict(zip(fields[::2], fields[1::2], strict=True))
            self._send(Waiting(entry.decode(), int(values[b"s"]), _decode(values[b"r"])))

    async def close(self) -> None:
        """Stop sending; what has not gone out stays in Redis for the next owner."""
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)

    def _send(self, waiting: Waiting) -> None:
        lane = self._lanes.get(waiting.reply.conversation)
        if lane is not None:
            if all(other.entry != waiting.entry for other in lane):
                lane.append(waiting)
            return
        self._lanes[waiting.reply.conversation] = lane = deque([waiting])
        sender = asyncio.create_task(self._deliver(lane), name="outbox sender")
        self._senders.add(sender)
        sender.add_done_callback(self._senders.discard)

    async def _deliver(self, lane: deque[Waiting]) -> None:
        """Deliver one conversation's replies in order."""
        conversation = lane[0].reply.conversation
        try:
            while lane:
                await self._deliver_one(lane[0])
                lane.popleft()
        finally:
            del self._lanes[conversation]

    async def _deliver_one(self, waiting: Waiting) -> None:
        pause_s = _FIRST_PAUSE_S
        delivered = False
        while True:
            try:
                if not delivered:
                    await self._hand_over(waiting)
                    delivered = True
                partition = keys.partition_of(waiting.reply.conversation)
                await self._store.run("XDEL", keys.outbox(partition), waiting.entry)
                return
            except Unavailable as error:
                log.warning(
                    "outbox.retry",
                    extra={
                        "reply": waiting.reply.id,
                        "channel": waiting.reply.channel,
                        "pause_s": pause_s,
                        "reason": str(error),
                    },
                )
            except Exception:
                log.exception("outbox.connector_failed", extra={"reply": waiting.reply.id})
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    async def _hand_over(self, waiting: Waiting) -> None:
        reply = waiting.reply
        connector = self._connectors.get(reply.channel)
        if connector is None:
            # The channel was taken out of frontdesk.yaml; its reply stays in the log.
            log.error("outbox.no_channel", extra={"reply": reply.id, "channel": reply.channel})
            return
        try:
            await connector.deliver(reply, waiting.seq)
        except DeliveryFailed as error:
            if not error.permanent:
                raise
            log.error(
                "outbox.refused",
                extra={"reply": reply.id, "channel": reply.channel, "reason": str(error)},
            )
