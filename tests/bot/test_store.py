import asyncio
import gc

import pytest
from redis.exceptions import ResponseError

from bot.errors import OperatorError, Unavailable
from bot.store import Script, Store


async def test_commands_that_arrive_together_each_get_their_own_answer(store: Store) -> None:
    await asyncio.gather(*(store.run("SET", f"key:{n}", n) for n in range(1_200)))
    answers = await asyncio.gather(*(store.run("GET", f"key:{n}") for n in range(1_200)))
    assert answers == [str(n).encode() for n in range(1_200)]


async def test_what_redis_refuses_concerns_that_command_alone(store: Store) -> None:
    good, bad, also_good = (
        store.run("SET", "word", "x"),
        store.run("INCR", "word"),
        store.run("GET", "word"),
    )
    assert await good == b"OK"
    with pytest.raises(ResponseError, match="not an integer"):
        await bad
    assert await also_good == b"x"


async def test_a_script_is_loaded_where_redis_has_not_seen_it(store: Store) -> None:
    await store.run("SCRIPT", "FLUSH")
    pace = Script("pace")
    assert await store.script(pace, ["limit"], [1_000, 100, 1]) == 0
    assert await store.script(pace, ["limit"], [1_000, 100, 1]) == 100


async def test_a_caller_that_gives_up_does_not_disturb_the_others(store: Store) -> None:
    impatient = asyncio.ensure_future(store.run("SET", "a", "1"))
    patient = store.run("SET", "b", "2")
    impatient.cancel()
    assert await patient == b"OK"
    assert await store.run("GET", "b") == b"2"


async def test_a_silent_redis_is_said_to_be_unavailable() -> None:
    store = Store("redis://127.0.0.1:1", timeout_s=1)
    with pytest.raises(Unavailable, match="Redis does not answer"):
        await store.connect()
    with pytest.raises(Unavailable):
        await store.run("PING")
    await store.close()


async def test_of_several_commands_that_redis_does_not_answer_the_first_is_enough() -> None:
    """The caller stops there; nobody is told that the others' errors were not looked at."""
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    store = Store("redis://127.0.0.1:1/0", timeout_s=0.2)
    first, second = store.run("GET", "a"), store.run("GET", "b")
    with pytest.raises(Unavailable):
        await first
    await store.close()
    del second
    gc.collect()
    assert told == []


async def test_a_redis_that_wants_a_password_says_which_line_mends_it(redis_url: str) -> None:
    admin = Store(redis_url)
    await admin.run("CONFIG", "SET", "requirepass", "secret")
    stranger = Store(redis_url)
    try:
        with pytest.raises(OperatorError, match="password"):
            await stranger.connect()
    finally:
        await admin.run("CONFIG", "SET", "requirepass", "")
        await admin.close()
        await stranger.close()
