"""The call-backs that are arranged, in Redis: none is lost by a restart, and none is made twice.

Whoever makes calls takes the one that is due (`claim`), and says what became of it (`end`,
`again`).
"""

import time
from enum import StrEnum

import msgspec

from bot import keys
from bot.messages import ChannelName, ConversationId, CustomerId
from bot.store import Script, Store

_CLAIM = Script("claim")
_END = Script("end_call_back")
_MOST_OVER = 200
_encode = msgspec.json.Encoder().encode


class State(StrEnum):
    WAITING = "waiting"
    REACHED = "reached"
    """Somebody has answered."""
    MISSED = "missed"
    """Nobody has, as often as it was tried."""
    FAILED = "failed"
    """It could not be called."""
    CANCELLED = "cancelled"


class CallBack(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    """Follows from the turn that arranged it: a turn done again arranges the same one."""
    number: str
    """As `+4722334455`."""
    customer: CustomerId
    conversation: ConversationId
    channel: ChannelName
    locale: str
    at: float
    """Unix time in seconds, as is the next."""
    booked_at: float
    state: State = State.WAITING
    reason: str = ""
    """Why it failed."""
    attempts: int = 0


_decode = msgspec.json.Decoder(CallBack).decode


class Book:
    def __init__(self, store: Store, keep_s: int) -> None:
        """`keep_s`: how long what is over is kept, in seconds."""
        self._store = store
        self._keep_s = keep_s

    async def keep(self, call_back: CallBack) -> None:
        """Arrange it, in place of the one that its customer has already. Safe to repeat. Raises
        `Unavailable`, as all of these do."""
        await self._replace(await self.of(call_back.customer), call_back)
        await self._store.run("HSET", keys.BOOKED, call_back.id, _encode(call_back))
        of_customer = keys.call_back_of(call_back.customer)
        meanwhile = await self._store.run("SET", of_customer, call_back.id, "GET")
        # Due last: what is due is known by then.
        await self._store.run("ZADD", keys.DUE, call_back.at, call_back.id)
        if meanwhile:  # they arrange one in another conversation at the same time
            await self._replace(await self.find(meanwhile.decode()), call_back)

    async def find(self, identifier: str) -> CallBack | None:
        """One that waits."""
        raw = await self._store.run("HGET", keys.BOOKED, identifier)
        return _decode(raw) if raw else None

    async def of(self, customer: CustomerId) -> CallBack | None:
        """The one that waits for this customer."""
        raw = await self._store.run("GET", keys.call_back_of(customer))
        return await self.find(raw.decode()) if raw else None

    async def waiting(self) -> list[CallBack]:
        """All that wait, the first due first."""
        booked = await self._store.run("HVALS", keys.BOOKED)
        counted = await self._store.run("HGETALL", keys.ATTEMPTS)
        attempts = dict(zip(counted[::2], map(int, counted[1::2]), strict=True))
        flat = await self._store.run("ZRANGE", keys.DUE, 0, -1, "WITHSCORES")
        due = dict(zip(flat[::2], map(float, flat[1::2]), strict=True))
        found = [
            msgspec.structs.replace(
                each,
                at=due.get(each.id.encode(), each.at),
                attempts=attempts.get(each.id.encode(), 0),
            )
            for each in map(_decode, booked)
        ]
        return sorted(found, key=lambda each: each.at)

    async def over(self) -> list[CallBack]:
        """Those that are over, the last first."""
        return [_decode(raw) for raw in await self._store.run("LRANGE", keys.OVER, 0, -1)]

    async def claim(self, now: float, until: float) -> CallBack | None:
        """The one that is due, taken until then by whoever asks. `attempts` counts this time."""
        found = await self._store.script(
            _CLAIM, [keys.DUE, keys.BOOKED, keys.ATTEMPTS], [now, until]
        )
        if not found:
            return None
        return msgspec.structs.replace(_decode(found[0]), attempts=int(found[1]))

    async def put_off(self, call_back: CallBack, at: float) -> None:
        """It is not made now, and that was no attempt."""
        await self._store.run("HINCRBY", keys.ATTEMPTS, call_back.id, -1)
        await self.again(call_back, at)

    async def again(self, call_back: CallBack, at: float) -> None:
        """It is tried again, unless it is over meanwhile."""
        await self._store.run("ZADD", keys.DUE, "XX", at, call_back.id)

    async def end(self, call_back: CallBack, state: State, reason: str = "") -> bool:
        """It is over; False where it was so already."""
        kept = msgspec.structs.replace(call_back, state=state, reason=reason, at=time.time())
        done = await self._store.script(
            _END,
            [
                keys.DUE,
                keys.BOOKED,
                keys.ATTEMPTS,
                keys.OVER,
                keys.call_back_of(call_back.customer),
            ],
            [call_back.id, _encode(kept), _MOST_OVER, self._keep_s],
        )
        return bool(done)

    async def _replace(self, earlier: CallBack | None, by: CallBack) -> None:
        if earlier is not None and earlier.id != by.id:
            await self.end(earlier, State.CANCELLED, "another time was arranged")
