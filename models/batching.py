"""Brings what many conversations ask of an engine together: one thread, whole batches.

While the thread works on a batch, what arrives gathers, and is the next batch. Nothing ever waits
for company: an item that finds the thread idle is worked on at once.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

from models.errors import ModelError

In = TypeVar("In")
Out = TypeVar("Out")
Result = TypeVar("Result", covariant=True)


class Results(Protocol[Result]):
    """A list, or an array whose rows are the results."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Result: ...


class BatcherClosed(ModelError):
    """The batcher was closed before this item's turn came."""


class Batcher(Generic[In, Out]):
    """Calls `work` with lists of items, in one thread of its own, and hands each result back.

    `work`: takes at most `max_batch` items and returns as many results, in their order. What it
        raises reaches everyone whose item was in that batch.
    `waiting_limit`: how many may wait at once; more wait outside, in the order they came.

    Belongs to one event loop. Close it with `close()`.
    """

    def __init__(
        self,
        work: Callable[[list[In]], Results[Out]],
        *,
        max_batch: int = 32,
        waiting_limit: int = 1024,
        name: str = "batcher",
    ) -> None:
        self._work = work
        self._max_batch = max_batch
        self._room = asyncio.Semaphore(waiting_limit)
        self._waiting: dict[asyncio.Future[Out], In] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._running: asyncio.Future[Results[Out]] | None = None
        self._closed = False

    async def run(self, item: In) -> Out:
        """The result for one item. A caller that is cancelled while waiting leaves the queue;
        what is already being worked on is finished, and its result dropped.

        Raises what `work` raised, and `BatcherClosed`.
        """
        async with self._room:
            if self._closed:
                raise BatcherClosed
            result: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
            self._waiting[result] = item
            if self._running is None and len(self._waiting) == 1:
                # After what is ready to run now, so that items of one moment share a batch.
                asyncio.get_running_loop().call_soon(self._start)
            try:
                return await result
            finally:
                self._waiting.pop(result, None)

    async def close(self) -> None:
        """Finish the batch under way and turn away what waits."""
        self._closed = True
        for result in self._waiting:
            if not result.done():
                result.set_exception(BatcherClosed())
        self._waiting.clear()
        if self._running is not None:
            await asyncio.wait([self._running])
        self._thread.shutdown(wait=False)

    def _start(self) -> None:
        if self._running is not None or self._closed:
            return
        results = [result for result in self._waiting if not result.done()][: self._max_batch]
        if not results:
            return
        items = [self._waiting.pop(result) for result in results]
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._call, items)
        running.add_done_callback(lambda done: self._finish(done, results))
        self._running = running

    def _call(self, items: list[In]) -> Results[Out]:
        outputs = self._work(items)
        if len(outputs) != len(items):
            raise ModelError(f"{len(items)} items went in and {len(outputs)} results came out")
        return outputs

    def _finish(
        self, done: asyncio.Future[Results[Out]], results: list[asyncio.Future[Out]]
    ) -> None:
        self._running = None
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        for position, result in enumerate(results):
            if result.done():
                continue
            if error is not None:
                result.set_exception(error)
            else:
                result.set_result(done.result()[position])
        self._start()
