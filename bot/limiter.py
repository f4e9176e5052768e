"""Limits per client, kept in Redis for all processes; `connectors.limiter` has the protocol."""

import math
import time
from collections.abc import Callable
from typing import Protocol

from bot import keys
from bot.errors import TooFast
from bot.store import Script, Store

_PACE = Script("pace")
_QUOTA = Script("quota")


class Rate(Protocol):
    """What a limit needs to know."""

    @property
    def per_minute(self) -> float: ...
    @property
    def burst(self) -> int: ...


class RedisLimiter:
    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        """`clock`: Unix time in seconds."""
        self._store = store
        self._clock = clock

    async def allow(self, name: str, client: str, rate: Rate) -> None:
        """Count one `name` of this client. Raises `TooFast` and `Unavailable`."""
        interval_ms = 60_000 / rate.per_minute
        wait_ms = await self._store.script(
            _PACE, [keys.limit(name, client)], [self._now_ms, interval_ms, rate.burst]
        )
        if wait_ms:
            raise TooFast(wait_ms / 1000)

    async def within(self, name: str, client: str, most: int, span_s: int, which: str) -> None:
        """Count one `name` of this client, of which there are at most `most` in any `span_s`
        seconds: an evenly filled `allow` would let through twice as many in the first of them.
        `which` one it is: counted once, however often it is asked for. Raises `TooFast` and
        `Unavailable`."""
        wait_ms = await self._store.script(
            _QUOTA, [keys.quota(name, client)], [self._now_ms, span_s * 1000, most, which]
        )
        if wait_ms:
            raise TooFast(wait_ms / 1000)

    async def first(self, name: str, client: str, remember_s: int) -> bool:
        """Whether this is the first `name` of this client in `remember_s` seconds; False for all
        others. Raises `Unavailable`."""
        key = keys.limit(name, client)
        return bool(await self._store.run("SET", key, 1, "NX", "EX", remember_s))

    @property
    def _now_ms(self) -> int:
        return math.floor(self._clock() * 1000)
