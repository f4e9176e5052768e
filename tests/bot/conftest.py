"""A real Redis for the tests of `bot`, emptied for each."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from bot.redis_server import RedisServer
from bot.store import Store


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own for the whole session."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), fsync="no")
    loop = asyncio.new_event_loop()
    loop.run_until_complete(server.start())
    yield server.url
    loop.run_until_complete(server.stop())
    loop.close()


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    store = Store(redis_url)
    await store.connect()
    yield store
    await store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
