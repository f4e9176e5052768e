"""What channels remember beyond a restart, kept in Redis; `connectors.messaging.provider` says what
they ask for."""

from bot import keys
from bot.messages import ChannelName
from bot.store import Store


class RedisMemory:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def recall(self, channel: ChannelName, name: str) -> str:
        """What was kept under a name; empty if nothing was. Raises `Unavailable`."""
        return (await self._store.run("HGET", keys.memory(channel), name) or b"").decode()

    async def remember(self, channel: ChannelName, name: str, value: str) -> None:
        """Raises `Unavailable`."""
        await self._store.run("HSET", keys.memory(channel), name, value)
