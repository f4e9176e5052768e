"""Replies that could not be delivered: kept, listed, and sent again when the operator says so.

What a channel refuses for good, what has waited too long, and what a provider took and later
reported as failed. Each partition has a bounded list of its own, beside its outbox.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence

import msgspec

from bot import keys
from bot.channel import DRAFT
from bot.messages import Reply
from bot.store import Script, Store

_BURY = Script("bury")
_FAIL = Script("fail")
_RETRY = Script("retry")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Reply).decode

MOST_IN_PARTITION = 1_000
"""The oldest go first."""
_REASON_CHARS = 300
Row = tuple[bytes, list[bytes]]
_ID = re.compile(r"(\d{1,2})-(\d{1,20}-\d{1,20})")


class DeadLetter(msgspec.Struct, frozen=True):
    """A reply that did not reach its customer."""

    id: str
    """As the command line names it: partition and stream entry."""
    failed_at: float
    """Unix time in seconds."""
    seq: int
    reply: Reply
    reason: str
    part: str = ""
    """The one part that failed, where the provider had taken it first."""


class Held(msgspec.Struct, frozen=True):
    """A reply in the outbox."""

    id: str
    since: float
    """Unix time in seconds at which it was made, or put in again."""
    reply: Reply
    reason: str
    """What the last attempt failed of; empty where none has failed."""


class DeadLetters:
    def __init__(self, store: Store, keep_s: int) -> None:
        """`keep_s`: how long a letter is kept, in seconds."""
        self._store = store
        self._keep_s = keep_s

    async def bury(self, partition: int, entry: str, reason: str) -> bool:
        """Move a reply here from the outbox, at once or not at all; False where it is not there
        any more. Raises `Unavailable`."""
        buried = await self._store.script(
            _BURY,
            [keys.outbox(partition), keys.dead(partition), keys.held(partition)],
            [entry, reason[:_REASON_CHARS], *self._bounds()],
        )
        return bool(buried)

    async def report(self, part: str, identifier: str, seq: int, reply: Reply, reason: str) -> bool:
        """List a part that the provider took as `identifier` and then could not deliver; False
        where that is known already, or the part has been sent anew. Raises `Unavailable`."""
        conversation = reply.conversation
        listed = await self._store.script(
            _FAIL,
            [keys.sent(conversation, reply.id), keys.dead(keys.partition_of(conversation))],
            [part, identifier, seq, _encode(reply), reason[:_REASON_CHARS], *self._bounds()],
        )
        return bool(listed)

    async def failed(self) -> list[DeadLetter]:
        """All of them, oldest first. Raises `Unavailable`."""
        streams = await self._streams(keys.dead)
        found = [
            _letter(partition, entry.decode(), _fields(flat))
            for partition, rows in enumerate(streams)
            for entry, flat in rows
        ]
        return sorted(found, key=lambda letter: letter.failed_at)

    async def waiting(self) -> list[Held]:
        """What is still tried, oldest first. Raises `Unavailable`."""
        streams, reasons = await asyncio.gather(
            self._streams(keys.outbox),
            asyncio.gather(
                *(self._store.run("HGETALL", keys.held(p)) for p in range(keys.PARTITIONS))
            ),
        )
        found = []
        for partition, (rows, flat_reasons) in enumerate(zip(streams, reasons, strict=True)):
            why = _fields(flat_reasons)
            for entry, flat in rows:
                found.append(
                    Held(
                        id=f"{partition}-{entry.decode()}",
                        since=_time_of(entry.decode()),
                        reply=_decode(_fields(flat)[b"r"]),
                        reason=why.get(entry, b"").decode(),
                    )
                )
        return sorted(found, key=lambda held: held.since)

    async def retry(self, identifier: str) -> bool:
        """Have a letter sent again, but for the parts that have arrived; the desk that runs takes
        it up. False where there is no such letter. Raises `Unavailable`."""
        letter = await self._find(identifier)
        if letter is None:
            return False
        partition, entry = _place(identifier)
        again = await self._store.script(
            _RETRY,
            [
                keys.dead(partition),
                keys.outbox(partition),
                keys.sent(letter.reply.conversation, letter.reply.id),
            ],
            [entry, letter.part, DRAFT],
        )
        return bool(again)

    async def drop(self, identifier: str) -> bool:
        """Forget a letter; False where there is none. Raises `Unavailable`."""
        partition, entry = _place(identifier)
        return bool(entry and await self._store.run("XDEL", keys.dead(partition), entry))

    async def _find(self, identifier: str) -> DeadLetter | None:
        partition, entry = _place(identifier)
        if not entry:
            return None
        rows = await self._store.run("XRANGE", keys.dead(partition), entry, entry)
        return _letter(partition, entry, _fields(rows[0][1])) if rows else None

    async def _streams(self, key: Callable[[int], str]) -> Sequence[list[Row]]:
        found: Sequence[list[Row]] = await asyncio.gather(
            *(self._store.run("XRANGE", key(p), "-", "+") for p in range(keys.PARTITIONS))
        )
        return found

    def _bounds(self) -> tuple[int, int, int]:
        oldest_ms = int((time.time() - self._keep_s) * 1000)
        return MOST_IN_PARTITION, oldest_ms, self._keep_s


def _place(identifier: str) -> tuple[int, str]:
    """Partition and stream entry; an empty entry where this names nothing."""
    match = _ID.fullmatch(identifier)
    if not match or int(match[1]) >= keys.PARTITIONS:
        return 0, ""
    return int(match[1]), match[2]


def _letter(partition: int, entry: str, fields: dict[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        id=f"{partition}-{entry}",
        failed_at=_time_of(entry),
        seq=int(fields[b"s"]),
        reply=_decode(fields[b"r"]),
        reason=fields[b"w"].decode(),
        part=fields[b"p"].decode(),
    )


def _fields(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _time_of(entry: str) -> float:
    """A stream entry's id begins with the Unix time in milliseconds."""
    return int(entry.partition("-")[0]) / 1000
