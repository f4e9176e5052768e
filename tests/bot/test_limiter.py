"""Limits per client, on a real Redis."""

import asyncio

import pytest

from bot.errors import TooFast
from bot.limiter import RedisLimiter
from bot.store import Store
from connectors.limiter import Rate

SLOW = Rate(per_minute=1, burst=3)


@pytest.fixture
def limiter(store: Store) -> RedisLimiter:
    return RedisLimiter(store)


async def test_a_burst_fits_and_what_follows_must_wait(limiter: RedisLimiter) -> None:
    for _ in range(3):
        await limiter.allow("upload", "192.0.2.1", SLOW)
    with pytest.raises(TooFast) as refused:
        await limiter.allow("upload", "192.0.2.1", SLOW)
    assert 50 < refused.value.retry_after_s <= 60


async def test_clients_and_limits_are_counted_apart(limiter: RedisLimiter) -> None:
    once = Rate(per_minute=1, burst=1)
    await limiter.allow("upload", "192.0.2.1", once)
    await limiter.allow("upload", "192.0.2.2", once)
    await limiter.allow("session", "192.0.2.1", once)


async def test_what_is_refused_does_not_count(limiter: RedisLimiter) -> None:
    fast = Rate(per_minute=60_000, burst=1)
    await limiter.allow("upload", "a", fast)
    async with asyncio.timeout(5):
        while True:
            try:
                await limiter.allow("upload", "a", fast)
                return
            except TooFast:
                continue


async def test_only_one_of_many_is_the_first(limiter: RedisLimiter) -> None:
    firsts = await asyncio.gather(*(limiter.first("place", "nonce", 60) for _ in range(20)))
    assert sum(firsts) == 1
    assert await limiter.first("place", "another", 60)


async def test_a_limit_leaves_nothing_behind(limiter: RedisLimiter, store: Store) -> None:
    await limiter.allow("upload", "a", SLOW)
    await limiter.first("place", "a", 60)
    for key in await store.run("KEYS", "*"):
        assert 0 < await store.run("TTL", key) <= 200


async def test_there_are_no_more_than_so_many_in_any_span_of_time(store: Store) -> None:
    now_s = 1_800_000_000.0
    limiter = RedisLimiter(store, clock=lambda: now_s)

    async def ask(which: str) -> None:
        await limiter.within("call", "+4722334455", 3, 3600, which)

    for each in ("a", "b", "c", "b"):  # of which one is asked for again
        await ask(each)
        now_s += 600
    with pytest.raises(TooFast) as refused:
        await ask("d")
    assert refused.value.retry_after_s == 1200  # until the first is an hour old
    now_s += 1200
    await ask("d")
    with pytest.raises(TooFast):
        await ask("e")
    [key] = await store.run("KEYS", "fd:quota:*")
    assert b"22334455" not in key
    assert 0 < await store.run("TTL", key) <= 3600
