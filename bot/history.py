"""What was said before: a conversation's log, what was perceived in its attachments, its summary.

The log is written by `bot/inbox.py` (messages) and `bot/outbox.py` (replies); here it is read, and
trimmed with a summary of what falls off. What a turn sees goes across conversations: a customer who
changes the app goes on where they were.
"""

import asyncio
import heapq
import math
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from itertools import accumulate

import msgspec

from bot import keys
from bot.commands import command_of
from bot.errors import CustomerError
from bot.messages import (
    AttachmentId,
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
from bot.people import People
from bot.perception import Perceived
from bot.store import Argument, Store

_decode_item = msgspec.json.Decoder(Message | Reply).decode
_decode_perceived = msgspec.json.Decoder(Perceived).decode

Row = tuple[bytes, list[bytes]]

_RECENT_ENTRIES = 12
"""How much of the log a turn looks at."""
_OTHERS = 5
"""Other conversations of the customer that a turn looks at: those that were used last."""
_LONGEST_ANSWER_S = 3600.0
"""No reply comes later than so long after the message that used its conversation last."""
_UNUSED_S = 24 * 3600
"""How long a conversation without a message is remembered."""
_CALLS = 3
"""Of the customer's last calls, those that a turn knows the summary of."""
_SUMMARY_LINES = 40
_SUMMARY_LINE_CHARS = 160


class Past(msgspec.Struct, frozen=True):
    """What a turn knows of what went before it."""

    entries: tuple[Entry, ...]
    """Oldest first, of all the customer's conversations; in one that others read along, of that
    one alone."""
    perceived: dict[AttachmentId, Perceived]
    summary: str = ""
    """What has fallen off the log: a line for each question and what answered it."""
    calls: tuple[str, ...] = ()
    """What the customer's last calls were about, the oldest first."""


class _Called(msgspec.Struct, frozen=True):
    """What of `bot.calls.summary.CallSummary` is remembered in a turn."""

    began_at: float
    text: str


class History:
    def __init__(self, store: Store, people: People, *, keep_s: int, keep_entries: int) -> None:
        """`keep_s`: seconds after its last message that a conversation is remembered.
        `keep_entries`: entries of a log before its older half is summed up."""
        self._store = store
        self._people = people
        self._keep_s = keep_s
        self._keep_entries = keep_entries

    async def open(
        self, channel: ChannelName, customer: CustomerId, conversation: ConversationId | None
    ) -> Conversation:
        """The conversation named, if it is this customer's, or a new one.

        Raises `CustomerError("unknown_conversation")`.
        """
        last_seq = 0
        began = conversation is None
        if conversation is None:
            conversation = ConversationId(new_id("con"))
        else:
            owner, seq = await self._store.run(
                "HMGET", keys.conversation(conversation), "customer", "seq"
            )
            if owner is None or owner.decode() != customer:
                raise CustomerError("unknown_conversation")
            last_seq = int(seq or 0)
        # Most visitors never write: what they opened is forgotten soon, unless they do.
        keep_s = self._keep_s if last_seq else min(self._keep_s, _UNUSED_S)
        key, listed = keys.conversation(conversation), keys.customer(customer)
        commands: list[tuple[Argument, ...]] = [
            ("EXPIRE", key, keep_s),
            ("ZADD", listed, time.time(), conversation),
            ("EXPIRE", listed, max(keep_s, await self._store.run("TTL", listed))),
        ]
        if began:
            commands.insert(0, ("HSET", key, "channel", channel, "customer", customer))
        await asyncio.gather(*(self._store.run(*command) for command in commands))
        return Conversation(conversation, channel, customer, last_seq)

    async def of_customer(self, customer: CustomerId) -> list[Conversation]:
        """All conversations of a customer, newest first; forgotten ones are left out."""
        found = []
        for raw in await self._store.run("ZREVRANGE", keys.customer(customer), 0, -1):
            conversation = ConversationId(raw.decode())
            channel, seq = await self._store.run(
                "HMGET", keys.conversation(conversation), "channel", "seq"
            )
            if channel is None:
                await self._store.run("ZREM", keys.customer(customer), raw)
                continue
            name = ChannelName(channel.decode())
            found.append(Conversation(conversation, name, customer, int(seq or 0)))
        return found

    async def entries(
        self, conversation: ConversationId, after: int = 0, limit: int = 200
    ) -> list[Entry]:
        """The log after entry number `after`, oldest first; of more than `limit`, the newest."""
        rows = await self._store.run(
            "XREVRANGE", keys.log(conversation), "+", f"({after}-0", "COUNT", limit
        )
        return await self._as_heard(conversation, [_entry(row) for row in reversed(rows)])

    async def next_reply(
        self, conversation: ConversationId, after: int, timeout_s: float
    ) -> Entry | None:
        """Wait for the first reply after entry number `after`; None if none came in time."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            # Waits of a second: the connection's own time-out is not much longer.
            wait_ms = max(1, min(1_000, int(left_s * 1000)))
            found = await self._store.wait_for_entries(
                {keys.log(conversation): f"{after}-0"}, most=_RECENT_ENTRIES, wait_ms=wait_ms
            )
            for _, rows in found:
                for number, fields in rows:
                    entry = _entry((number.encode(), [b"e", fields[b"e"]]))
                    if isinstance(entry.item, Reply):
                        return entry
                    after = entry.seq
        return None

    async def before(self, message: Message, seq: int | None = None) -> Past:
        """What went before a message, which is the entry number `seq` of its conversation, or of
        which there is none yet.

        The newest entries of all the customer's conversations, on whichever channel, by their time:
        who asked in one app and goes on in another means what they asked last.
        """
        conversation = message.conversation
        # Begun before the first is awaited, they travel together.
        log = self._newest(conversation, "+" if seq is None else f"({seq}-0")
        summary = self._store.run("HGET", keys.conversation(conversation), "summary")
        calls = [self._store.run("HVALS", keys.calls(conversation))]
        others = [] if message.shared else await self._others(message)
        calls += [self._store.run("HVALS", keys.calls(other)) for other, _ in others]
        own = _without_notices(await log)
        # A conversation that was last used before all of these cannot add to them.
        oldest = _time_of(own[0]) - _LONGEST_ANSWER_S if len(own) == _RECENT_ENTRIES else 0.0
        used = [other for other, last_used in others if last_used >= oldest]
        logs = await asyncio.gather(*(self._newest(other, "+") for other in used))
        now = message.sent_at or math.inf
        earlier = [[e for e in _without_notices(rows) if _time_of(e) < now] for rows in logs]
        entries = merged([*earlier, own])[-_RECENT_ENTRIES:]
        perceived: dict[AttachmentId, Perceived] = {}
        for each in (*used, conversation):
            theirs = [entry for entry in entries if entry.item.conversation == each]
            perceived |= await self.perceived(each, theirs)
            entries = await self._as_heard(each, entries)
        return Past(
            tuple(entries),
            perceived,
            (await summary or b"").decode(),
            _last_calls(await asyncio.gather(*calls)),
        )

    async def note_heard(self, conversation: ConversationId, reply: ReplyId, words: str) -> None:
        """Remember of a reply only these words: a caller interrupted the rest."""
        key = keys.heard(conversation)
        await asyncio.gather(
            self._store.run("HSET", key, reply, words),
            self._store.run("EXPIRE", key, self._keep_s),
        )

    async def cut_short(self, conversation: ConversationId) -> frozenset[ReplyId]:
        """The replies that a caller did not hear to their end."""
        found = await self._store.run("HKEYS", keys.heard(conversation))
        return frozenset(ReplyId(name.decode()) for name in found)

    async def withdrawn(self, conversation: ConversationId) -> frozenset[int]:
        """Numbers of the messages that the customer deleted."""
        found = await self._store.run("SMEMBERS", keys.withdrawn(conversation))
        return frozenset(map(int, found))

    async def trim(self, conversation: ConversationId, before: int, now: int) -> None:
        """Sum up and drop the older half of a log that has grown too long. Its newest entry had
        the number `before`, and has the number `now`."""
        half = self._keep_entries // 2
        if now <= self._keep_entries or before // half == now // half:
            return
        first_kept = now - half
        rows = await self._store.run("XRANGE", keys.log(conversation), "-", f"({first_kept}-0")
        old = [_entry(row) for row in rows]
        perceived = await self.perceived(conversation, old)
        stored = await self._store.run("HGET", keys.conversation(conversation), "summary")
        lines = [*(stored.decode().splitlines() if stored else ()), *summarize(old, perceived)]
        await self._store.run(
            "HSET",
            keys.conversation(conversation),
            "summary",
            "\n".join(lines[-_SUMMARY_LINES:]),
        )
        await self._store.run("XTRIM", keys.log(conversation), "MINID", f"{first_kept}-0")
        if perceived:
            await self._store.run("HDEL", keys.perceived(conversation), *perceived)

    async def trace(self, conversation: ConversationId, turn: TurnId) -> bytes | None:
        """The trace of a turn as JSON."""
        stored: bytes | None = await self._store.run("GET", keys.turn(conversation, turn))
        return stored

    def _newest(self, conversation: ConversationId, until: str) -> Awaitable[list[Row]]:
        """The newest rows of a log up to a place in it, newest first."""
        return self._store.run(
            "XREVRANGE", keys.log(conversation), until, "-", "COUNT", _RECENT_ENTRIES
        )

    async def _others(self, message: Message) -> list[tuple[ConversationId, float]]:
        """The customer's other conversations, the last used first, and when each was used."""
        own = self._listed(message.customer)
        _, *linked = await self._people.of(message.customer)
        listed = [await own, *await asyncio.gather(*map(self._listed, linked))]
        found = {
            ConversationId(name.decode()): float(used)
            for flat in listed
            for name, used in zip(flat[::2], flat[1::2], strict=True)
        }
        found.pop(message.conversation, None)
        return sorted(found.items(), key=lambda each: -each[1])[:_OTHERS]

    def _listed(self, customer: CustomerId) -> Awaitable[list[bytes]]:
        """A customer's last used conversations, each with when that was."""
        return self._store.run("ZREVRANGE", keys.customer(customer), 0, _OTHERS, "WITHSCORES")

    async def _as_heard(self, conversation: ConversationId, entries: list[Entry]) -> list[Entry]:
        """The entries, with only those words of a conversation's replies that a caller heard. A
        reply of which nothing was heard has not been given."""
        items = [entry.item for entry in entries if entry.item.conversation == conversation]
        if not any(isinstance(item, Message) and item.utterance for item in items):
            return entries
        replies = [item.id for item in items if isinstance(item, Reply)]
        if not replies:
            return entries
        found = await self._store.run("HMGET", keys.heard(conversation), *replies)
        heard = {
            reply: words.decode()
            for reply, words in zip(replies, found, strict=True)
            if words is not None
        }
        corrected = (_as_heard(entry, heard) for entry in entries)
        return [entry for entry in corrected if entry is not None]

    async def perceived(
        self, conversation: ConversationId, entries: list[Entry]
    ) -> dict[AttachmentId, Perceived]:
        """What was heard and read in the attachments of a conversation's entries."""
        wanted = [
            attachment.id
            for entry in entries
            if isinstance(entry.item, Message)
            for attachment in entry.item.attachments
        ]
        if not wanted:
            return {}
        found = await self._store.run("HMGET", keys.perceived(conversation), *wanted)
        return {
            attachment: _decode_perceived(raw)
            for attachment, raw in zip(wanted, found, strict=True)
            if raw
        }


def _last_calls(found: Sequence[Sequence[bytes]]) -> tuple[str, ...]:
    """What the last calls of some conversations were about."""
    calls = sorted(
        (msgspec.json.decode(raw, type=_Called) for each in found for raw in each),
        key=lambda call: call.began_at,
    )
    return tuple(call.text for call in calls[-_CALLS:])


def merged(logs: Sequence[Sequence[Entry]]) -> list[Entry]:
    """Several logs as one, by time, the order within each kept; of entries at the same time, those
    of the last log come last."""

    def timed(log: Sequence[Entry]) -> Iterator[tuple[float, Entry]]:
        # Processes' clocks differ a little: within a log its order is the truth.
        return zip(accumulate(map(_time_of, log), max), log, strict=True)

    return [entry for _, entry in heapq.merge(*map(timed, logs), key=lambda pair: pair[0])]


def summarize(entries: list[Entry], perceived: dict[AttachmentId, Perceived]) -> list[str]:
    """A line for each thing the customer asked, with the articles that answered it."""
    lines: list[str] = []
    for entry in entries:
        if isinstance(entry.item, Message):
            words = words_of(entry.item, perceived)
            if words:
                lines.append(words[:_SUMMARY_LINE_CHARS])
        elif lines and entry.item.citations:
            lines[-1] += f" → {', '.join(citation.title for citation in entry.item.citations)}"
    return lines


def words_of(message: Message, perceived: Mapping[AttachmentId, Perceived]) -> str:
    """All that a message says: typed, spoken, and shown."""
    parts = [
        message.text,
        *(perceived[a.id].text for a in message.attachments if a.id in perceived),
    ]
    return " ".join(" ".join(parts).split())


def _as_heard(entry: Entry, heard: Mapping[ReplyId, str]) -> Entry | None:
    item = entry.item
    if isinstance(item, Message) or item.id not in heard:
        return entry
    words = heard[item.id]
    return Entry(entry.seq, msgspec.structs.replace(item, text=words)) if words else None


def _time_of(entry: Entry) -> float:
    """Unix time in seconds."""
    item = entry.item
    return item.sent_at if isinstance(item, Message) else item.created_at


def _without_notices(rows: list[Row]) -> list[Entry]:
    """The entries of rows that come newest first, oldest first, but for commands, and what the desk
    has told of something that it did: the talk goes on as if there had been none."""
    return [entry for row in reversed(rows) if not _is_notice(entry := _entry(row))]


def _is_notice(entry: Entry) -> bool:
    item = entry.item
    if isinstance(item, Reply):
        return item.kind is ReplyKind.NOTICE
    return command_of(item) is not None


def _entry(row: Row) -> Entry:
    """A row of XRANGE: `[b"SEQ-0", [b"e", json]]`."""
    entry, (_, raw) = row
    return Entry(int(entry.partition(b"-")[0]), _decode_item(raw))
