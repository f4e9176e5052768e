"""What a turn leaves behind to be explained by: what was heard, read, searched and decided, and
the milliseconds of each step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode

_current: ContextVar["Trace | None"] = ContextVar("trace", default=None)


class Stopwatch:
    """Adds up the milliseconds of named steps."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step. A step done twice counts as one."""
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self.milliseconds[name] = round(self.milliseconds.get(name, 0.0) + spent, 3)


class Trace(Stopwatch):
    """Filled while a turn is worked on; stored with its reply as JSON."""

    def __init__(self, **facts: Any) -> None:
        """`facts`: what is known before the first step (turn, conversation, messages)."""
        super().__init__()
        self._started = time.perf_counter()
        self._facts: dict[str, Any] = {"at": time.time(), **facts}

    @contextmanager
    def current(self) -> Iterator[None]:
        """While this lasts, `step` of this module counts for this trace."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def note(self, **facts: Any) -> None:
        self._facts.update(facts)

    def to_json(self) -> bytes:
        total = round((time.perf_counter() - self._started) * 1000, 3)
        return _encode({**self._facts, "milliseconds": {**self.milliseconds, "total": total}})


@contextmanager
def step(name: str) -> Iterator[None]:
    """Time a part of whatever turn is being worked on; of none, where there is none."""
    trace = _current.get()
    if trace is None:
        yield
        return
    with trace.step(name):
        yield
