"""Batching: company is used, never waited for, and nobody's trouble is another's."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from models.batching import Batcher, BatcherClosed
from models.errors import ModelError


class Engine:
    """Doubles numbers; holds a batch until it is let go, and remembers what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.started = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)
        self.threads: set[str] = set()

    def __call__(self, items: list[int]) -> Sequence[int]:
        self.batches.append(items)
        self.threads.add(threading.current_thread().name)
        self.started.release()
        assert self.gate.acquire(timeout=10)
        if -1 in items:
            raise ValueError("no negative numbers")
        return [2 * item for item in items]

    async def has_started(self) -> None:
        assert await asyncio.to_thread(self.started.acquire, timeout=10)

    def let_go(self, batches: int = 1) -> None:
        self.gate.release(batches)


@pytest.fixture
def engine() -> Engine:
    return Engine()


Make = Callable[..., "Batcher[int, int]"]


@pytest.fixture
async def make(engine: Engine) -> AsyncIterator[Make]:
    made: list[Batcher[int, int]] = []

    def batcher(**options: int) -> Batcher[int, int]:
        made.append(Batcher(engine, **options))
        return made[-1]

    yield batcher
    engine.let_go(100)
    for each in made:
        await each.close()


async def test_what_comes_while_busy_is_the_next_batch(engine: Engine, make: Make) -> None:
    batcher = make()
    first = asyncio.create_task(batcher.run(1))
    await engine.has_started()
    rest = [asyncio.create_task(batcher.run(item)) for item in (2, 3, 4)]
    engine.let_go(2)
    assert await asyncio.gather(first, *rest) == [2, 4, 6, 8]
    assert engine.batches == [[1], [2, 3, 4]]
    assert len(engine.threads) == 1


async def test_items_of_one_moment_share_a_batch(engine: Engine, make: Make) -> None:
    batcher = make()
    engine.let_go()
    assert await asyncio.gather(*(batcher.run(item) for item in range(5))) == [0, 2, 4, 6, 8]
    assert engine.batches == [[0, 1, 2, 3, 4]]


async def test_a_batch_has_at_most_its_size(engine: Engine, make: Make) -> None:
    batcher = make(max_batch=2)
    engine.let_go(3)
    assert await asyncio.gather(*(batcher.run(item) for item in range(5))) == [0, 2, 4, 6, 8]
    assert engine.batches == [[0, 1], [2, 3], [4]]


async def test_an_idle_batcher_starts_again(engine: Engine, make: Make) -> None:
    batcher = make()
    engine.let_go(2)
    assert await batcher.run(1) == 2
    assert await batcher.run(2) == 4


async def test_an_error_reaches_everyone_in_its_batch_and_nobody_else(
    engine: Engine, make: Make
) -> None:
    batcher = make(max_batch=2)
    engine.let_go(2)
    results = await asyncio.gather(
        *(batcher.run(item) for item in (-1, 1, 2)), return_exceptions=True
    )
    assert [type(result) for result in results] == [ValueError, ValueError, int]


async def test_results_may_be_the_rows_of_an_array() -> None:
    batcher: Batcher[int, NDArray[np.int64]] = Batcher(lambda items: np.diag(items))
    rows = await asyncio.gather(*(batcher.run(item) for item in (5, 7)))
    assert [row.tolist() for row in rows] == [[5, 0], [0, 7]]
    await batcher.close()


async def test_too_few_results_are_an_error_not_a_mixup() -> None:
    batcher: Batcher[int, int] = Batcher(lambda items: items[1:])
    with pytest.raises(ModelError, match="1 items went in and 0 results"):
        await batcher.run(1)
    await batcher.close()


async def test_who_is_cancelled_while_waiting_is_never_worked_on(
    engine: Engine, make: Make
) -> None:
    batcher = make()
    first = asyncio.create_task(batcher.run(1))
    await engine.has_started()
    leaving, staying = (asyncio.create_task(batcher.run(item)) for item in (2, 3))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    engine.let_go(2)
    assert (await first, await staying) == (2, 6)
    assert engine.batches == [[1], [3]]


async def test_cancelling_one_in_work_leaves_its_neighbours_alone(
    engine: Engine, make: Make
) -> None:
    batcher = make()
    leaving, staying = (asyncio.create_task(batcher.run(item)) for item in (1, 2))
    await engine.has_started()
    leaving.cancel()
    await asyncio.wait([leaving])
    engine.let_go(2)
    assert await staying == 4
    assert await batcher.run(5) == 10


async def test_more_than_may_wait_wait_outside(engine: Engine, make: Make) -> None:
    batcher = make(max_batch=8, waiting_limit=2)
    tasks = [asyncio.create_task(batcher.run(item)) for item in range(5)]
    await engine.has_started()
    assert engine.batches == [[0, 1]]
    engine.let_go(5)
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8]
    assert max(map(len, engine.batches)) == 2


async def test_closing_finishes_what_runs_and_turns_away_what_waits(
    engine: Engine, make: Make
) -> None:
    batcher = make()
    running = asyncio.create_task(batcher.run(1))
    await engine.has_started()
    waiting = asyncio.create_task(batcher.run(2))
    await asyncio.sleep(0)
    closing = asyncio.create_task(batcher.close())
    with pytest.raises(BatcherClosed):
        await waiting
    engine.let_go()
    await closing
    assert await running == 2
    with pytest.raises(BatcherClosed):
        await batcher.run(3)
    assert engine.batches == [[1]]


async def test_the_loop_runs_on_while_the_engine_works(engine: Engine, make: Make) -> None:
    batcher = make()
    task = asyncio.create_task(batcher.run(1))
    await engine.has_started()
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    engine.let_go()
    assert await task == 2
