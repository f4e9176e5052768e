"""Which partitions this worker answers: leases in Redis, renewed while the process lives.

A worker that dies stops renewing; after `LEASE_MS` another takes its partitions over, with all
that is unanswered in them. A worker that was only slow finds at the commit that it is too late.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence

from bot import keys
from bot.errors import Unavailable
from bot.messages import new_id
from bot.store import Script, Store

log = logging.getLogger(__name__)

_LEASE = Script("lease")
_RELEASE = Script("release")
_RENEW_S = keys.LEASE_MS / 1000 / 4


class Leases:
    """`owned` is what this worker may answer now."""

    def __init__(self, store: Store, *, alone: bool) -> None:
        """`alone`: nobody else can be alive on this Redis (it is embedded, and its folder's lock
        is ours), so what a killed worker held is taken at once instead of after its expiry."""
        self._store = store
        self._alone = alone
        self.worker = new_id(f"{socket.gethostname()}.{os.getpid()}")
        self.owned: set[int] = set()

    async def keep(
        self, gained: Callable[[Sequence[int]], Awaitable[None]], lost: Callable[[int], None]
    ) -> None:
        """Take and renew partitions until cancelled. `gained` gets all that came at once."""
        try:
            if self._alone:
                await self._clear()
            while True:
                await self._renew(gained, lost)
                await asyncio.sleep(_RENEW_S)
        finally:
            await self._release()

    async def _renew(
        self, gained: Callable[[Sequence[int]], Awaitable[None]], lost: Callable[[int], None]
    ) -> None:
        answers = await asyncio.gather(
            *(
                self._store.script(_LEASE, [keys.owner(p)], [self.worker, keys.LEASE_MS])
                for p in range(keys.PARTITIONS)
            ),
            return_exceptions=True,
        )
        fresh: list[int] = []
        for partition, answer in enumerate(answers):
            if isinstance(answer, Unavailable):
                continue  # nobody can take it either; the commit decides once Redis is back
            if isinstance(answer, BaseException):
                raise answer
            if answer == 2 or (answer == 1 and partition not in self.owned):
                fresh.append(partition)
            elif answer == 0 and partition in self.owned:
                self.owned.discard(partition)
                lost(partition)
                log.warning("lease.lost", extra={"partition": partition})
        if fresh:
            try:
                await gained(fresh)
            except Unavailable:
                self.owned.difference_update(fresh)  # taken over at the next renewal
            else:
                self.owned.update(fresh)

    async def _clear(self) -> None:
        await asyncio.gather(
            *(self._store.run("DEL", keys.owner(p)) for p in range(keys.PARTITIONS)),
            return_exceptions=True,
        )

    async def _release(self) -> None:
        await asyncio.gather(
            *(self._store.script(_RELEASE, [keys.owner(p)], [self.worker]) for p in self.owned),
            return_exceptions=True,
        )
        self.owned.clear()
