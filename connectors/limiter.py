"""Limits on what one client may do, as the connectors ask for them; kept in Redis by the desk."""

from typing import Protocol

import msgspec


class Rate(msgspec.Struct, frozen=True):
    """So many a minute, evenly, and so many at once."""

    per_minute: float
    burst: int


class Limiter(Protocol):
    async def allow(self, name: str, client: str, rate: Rate) -> None:
        """Count one `name` of this client. Raises `TooFast` and `Unavailable`."""

    async def first(self, name: str, client: str, remember_s: int) -> bool:
        """Whether this is the first `name` of this client in `remember_s` seconds; False for all
        others. Raises `Unavailable`."""
