"""An event loop without waiting: where nothing is ready, it jumps to the next timer.

Minutes of a conversation are tested in milliseconds, and always in the same order. Threads and
sockets have no place in it: what would wait for them is an error at once.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready:
            timers = [h._when for h in self._scheduled if not h._cancelled]
            if not timers:
                raise AssertionError("nothing will ever happen: all tasks wait for each other")
            self._now = max(self._now, min(timers))
        super()._run_once()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Like `asyncio.run`, in no time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
