"""An engine in a thread of its own, made when it is first needed; used by `bot.perception`."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from models.batching import Batcher
from models.memory import give_back

Engine = TypeVar("Engine")
In = TypeVar("In")
Out = TypeVar("Out")


class Worker(Generic[Engine, In, Out]):
    """Hands items to an engine, one batch after the other."""

    def __init__(
        self,
        make: Callable[[], Engine],
        work: Callable[[Engine, list[In]], Sequence[Out]],
        *,
        name: str,
        max_batch: int = 1,
        waiting_limit: int = 256,
        large: bool = False,
    ) -> None:
        """`make` may be slow and may fail: it is called in the worker's thread, and again for the
        next item until it has succeeded. `large`: the work takes much memory for a moment, which
        is then given back to the system."""
        self._large = large
        self._make = make
        self._work = work
        self._engine: Engine | None = None
        self._batcher: Batcher[In, Out] = Batcher(
            self._with_engine, max_batch=max_batch, waiting_limit=waiting_limit, name=name
        )

    async def run(self, item: In) -> Out:
        """The engine's result for one item. Raises what making or using the engine raises, and
        `BatcherClosed`."""
        return await self._batcher.run(item)

    async def close(self) -> None:
        """Finish the batch under way and turn away what waits."""
        await self._batcher.close()

    def _with_engine(self, items: list[In]) -> Sequence[Out]:
        if self._engine is None:
            self._engine = self._make()
        try:
            return self._work(self._engine, items)
        finally:
            if self._large:
                give_back()
