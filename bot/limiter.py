"""Limits per client, kept in Redis for all processes; `connectors.limiter` has the protocol."""

import math
import time
from typing import Protocol

from bot import keys
from bot.errors import TooFast
from bot.store import Script, Store

_PACE = Script("pace")


class Rate(Protocol):
    """What a limit needs to know."""

    @property
    def per_minute(self) -> float: ...
    @property
    def burst(self) -> int: ...


class RedisLimiter:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def allow(self, name: str, client: str, rate: Rate) -> None:
        """Count one `name` of this client. Raises `TooFast` and `Unavailable`."""
        interval_ms = 60_000 / rate.per_minute
        now_ms = math.floor(time.time() * 1000)
        wait_ms = await self._store.script(
            _PACE, [keys.limit(name, client)], [now_ms, interval_ms, rate.burst]
        )
        if wait_ms:
            raise TooFast(wait_ms / 1000)

    async def first(self, name: str, client: str, remember_s: int) -> bool:
        """Whether this is the first `name` of this client in `remember_s` seconds; False for all
        others. Raises `Unavailable`."""
        key = keys.limit(name, client)
        return bool(await self._store.run("SET", key, 1, "NX", "EX", remember_s))
