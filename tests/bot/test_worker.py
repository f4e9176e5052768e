"""An engine is made when it is first needed, in its own thread, once."""

import asyncio
import threading

import pytest

from bot.worker import Worker


async def test_engine_is_made_once_and_in_its_thread() -> None:
    made: list[str] = []

    def make() -> int:
        made.append(threading.current_thread().name)
        return 10

    worker: Worker[int, int, int] = Worker(
        make, lambda engine, items: [engine * item for item in items], name="tens", large=True
    )
    assert made == []
    assert await asyncio.gather(worker.run(1), worker.run(2)) == [10, 20]
    assert len(made) == 1
    assert made[0].startswith("tens")
    await worker.close()


async def test_making_is_tried_again_until_it_succeeds() -> None:
    attempts = iter([OSError("not yet"), None])

    def make() -> str:
        if error := next(attempts):
            raise error
        return "engine"

    worker: Worker[str, int, str] = Worker(
        make, lambda engine, items: [engine for _ in items], name="second"
    )
    with pytest.raises(OSError, match="not yet"):
        await worker.run(1)
    assert await worker.run(2) == "engine"
    await worker.close()
