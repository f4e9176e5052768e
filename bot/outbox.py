"""Replies on their way out: committed with their turn, delivered once, tried again until they are.

A partition's outbox belongs to the worker that owns it. Its own turns' replies are sent at once;
what an earlier owner left, and what others put in (a retried reply, a notice), is found by reading
the outbox regularly. What cannot be delivered moves to `bot/dead_letters.py`.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from random import SystemRandom

import msgspec

from bot import keys
from bot.channel import Connector
from bot.dead_letters import DeadLetters
from bot.errors import DeliveryFailed, Unavailable
from bot.inbox import Received
from bot.messages import AttachmentId, ChannelName, ConversationId, MessageId, Reply, TurnId
from bot.perception import Perceived
from bot.store import Script, Store

log = logging.getLogger(__name__)

_COMMIT = Script("commit")
_TELL = Script("tell")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Reply).decode

PULLED = frozenset({ChannelName("http"), ChannelName("terminal"), ChannelName("call")})
"""Channels whose customers fetch their replies from the log; nothing is pushed to them."""

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0
_READ_EVERY_S = 1.0
_MOST_READ = 500
_random = SystemRandom()


class Superseded(Exception):
    """Another worker has this turn; what was worked out here is dropped."""


class Waiting(msgspec.Struct, frozen=True):
    """A reply that waits in the outbox."""

    entry: str
    seq: int
    reply: Reply

    @property
    def partition(self) -> int:
        return keys.partition_of(self.reply.conversation)

    @property
    def age_s(self) -> float:
        """Since it was put in: a stream entry's id begins with the Unix time in milliseconds."""
        return time.time() - int(self.entry.partition("-")[0]) / 1000


class Outbox:
    def __init__(
        self,
        store: Store,
        keep_s: int,
        connectors: Mapping[ChannelName, Connector],
        *,
        give_up_s: float = 24 * 3600,
    ) -> None:
        """`give_up_s`: how long a reply is tried to be delivered, in seconds."""
        self._store = store
        self._keep_s = keep_s
        self._give_up_s = give_up_s
        self._connectors = connectors
        self._dead_letters = DeadLetters(store, keep_s)
        self._lanes: dict[ConversationId, deque[Waiting]] = {}
        self._senders: set[asyncio.Task[None]] = set()
        self._after: dict[int, str] = {}
        """Of each partition that is owned: where reading its outbox goes on."""
        self._finished: set[str] = set()
        """Entries that were finished since the last reading began: it may have seen them still."""
        self._reading = asyncio.Lock()
        self._look = asyncio.Event()
        """Set: something was put into an outbox, perhaps one of ours."""

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

    async def tell(self, reply: Reply) -> None:
        """Bring a reply that no turn has made to its conversation, in whichever partition that is;
        a second one of the same id is dropped. Raises `Unavailable`."""
        conversation = reply.conversation
        await self._store.script(
            _TELL,
            [
                keys.once(conversation, MessageId(reply.id)),
                keys.conversation(conversation),
                keys.log(conversation),
                keys.outbox(keys.partition_of(conversation)),
            ],
            [_encode(reply), int(reply.channel not in PULLED), self._keep_s, keys.ONCE_EXPIRY_S],
        )
        self._look.set()

    async def take_over(self, partitions: Sequence[int]) -> None:
        """Deliver what is in the outboxes of these partitions, from now on. Raises
        `Unavailable`."""
        self._after |= dict.fromkeys(partitions, "-")
        await self._read(partitions)

    def release(self, partition: int) -> None:
        """Leave a partition to its next owner: what is being sent ends, nothing new begins."""
        self._after.pop(partition, None)

    async def follow(self) -> None:
        """Read what others put into our outboxes, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_READ_EVERY_S):
                    await self._look.wait()
            self._look.clear()
            with suppress(Unavailable):  # the store has logged it
                await self._read(list(self._after))

    async def close(self) -> None:
        """Stop sending; what has not gone out stays in Redis for the next owner."""
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)

    async def _read(self, partitions: Iterable[int]) -> None:
        async with self._reading:
            left = list(partitions)
            while left:
                self._finished.clear()
                found = await asyncio.gather(*map(self._entries, left))
                for partition, rows in zip(left, found, strict=True):
                    self._bring(partition, rows)
                left = [p for p, rows in zip(left, found, strict=True) if len(rows) == _MOST_READ]

    async def _entries(self, partition: int) -> list[tuple[bytes, list[bytes]]]:
        after = self._after.get(partition, "+")
        rows: list[tuple[bytes, list[bytes]]] = await self._store.run(
            "XRANGE", keys.outbox(partition), after, "+", "COUNT", _MOST_READ
        )
        return rows

    def _bring(self, partition: int, rows: list[tuple[bytes, list[bytes]]]) -> None:
        for raw, fields in rows:
            if partition not in self._after:
                return
            entry = raw.decode()
            self._after[partition] = f"({entry}"
            if entry not in self._finished:
                values = dict(zip(fields[::2], fields[1::2], strict=True))
                self._send(Waiting(entry, int(values[b"s"]), _decode(values[b"r"])))

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
        """Try until it is delivered, refused, too old, or another worker's."""
        failures, delivered = 0, False
        while waiting.partition in self._after:
            failure = None if delivered else await self._hand_over(waiting)
            try:
                if failure is None:
                    delivered = True
                    await self._remove(waiting)
                    return
                if failure.permanent or waiting.age_s > self._give_up_s:
                    await self._bury(waiting, failure)
                    return
                await self._hold(waiting, failure)
            except Unavailable:
                failure = failure or DeliveryFailed("Redis does not answer")
            await asyncio.sleep(pause_s(failures, failure.retry_after_s))
            failures += 1

    async def _hand_over(self, waiting: Waiting) -> DeliveryFailed | None:
        """Give a reply to its connector; what came in the way, if anything."""
        reply = waiting.reply
        connector = self._connectors.get(reply.channel)
        if connector is None:
            # Another process may have it (`frontdesk ask` beside a desk), or a later start.
            return DeliveryFailed(
                f"the channel {reply.channel} is not open here", retry_after_s=_LONGEST_PAUSE_S
            )
        try:
            await connector.deliver(reply, waiting.seq)
        except DeliveryFailed as error:
            return error
        except Unavailable as error:
            return DeliveryFailed(str(error))
        except Exception as error:
            log.exception("outbox.connector_failed", extra={"reply": reply.id})
            return DeliveryFailed(f"the connector failed: {type(error).__name__}")
        return None

    async def _remove(self, waiting: Waiting) -> None:
        commands = [self._store.run("XDEL", keys.outbox(waiting.partition), waiting.entry)]
        if waiting.age_s > _FIRST_PAUSE_S / 2:  # it may have been held, by an earlier owner too
            commands.append(self._store.run("HDEL", keys.held(waiting.partition), waiting.entry))
        await asyncio.gather(*commands)
        self._finished.add(waiting.entry)

    async def _hold(self, waiting: Waiting, failure: DeliveryFailed) -> None:
        """Say why it waits, in the log and to whoever looks at the outbox."""
        facts = {"reply": waiting.reply.id, "channel": waiting.reply.channel}
        log.warning("outbox.retry", extra={**facts, "reason": str(failure)})
        key = keys.held(waiting.partition)
        await asyncio.gather(
            self._store.run("HSET", key, waiting.entry, str(failure)[:300]),
            self._store.run("EXPIRE", key, self._keep_s),
        )

    async def _bury(self, waiting: Waiting, failure: DeliveryFailed) -> None:
        await self._dead_letters.bury(waiting.partition, waiting.entry, str(failure))
        self._finished.add(waiting.entry)
        log.error(
            "outbox.undelivered",
            extra={
                "reply": waiting.reply.id,
                "channel": waiting.reply.channel,
                "reason": str(failure),
            },
        )


def pause_s(failures: int, asked_s: float | None) -> float:
    """How long to wait after a failure, when `failures` have gone before it, in seconds.

    What the provider asks for is waited in full; otherwise twice as long each time. A part of it is
    left to chance, so that conversations which failed together do not all come back together.
    """
    if asked_s is not None:
        return asked_s * (1 + _random.random() / 10)
    longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(failures, 20))
    return longest * (1 + _random.random()) / 2
