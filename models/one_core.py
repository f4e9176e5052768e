"""Keeps what torch computes for the desk to one core for each thread that asks.

Torch would spread every short run over all cores and have them wait for each other: on a machine
that does something else as well, that takes many times longer than one core does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class _Running:
    """How many runs are under way, and how many cores torch used before the first of them."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.count = 0
        self.before = 1


_running = _Running()


@contextmanager
def one_core() -> Iterator[None]:
    """Runs in several threads take several cores. Afterwards torch may use as many as before: in
    the process that trains, the training is to have all of them."""
    import torch

    with _running.lock:
        if _running.count == 0:
            _running.before = torch.get_num_threads()
        _running.count += 1
        torch.set_num_threads(1)
        # A thread takes the number of all up when it first looks: now, while it is this one.
        torch.get_num_threads()
    try:
        yield
    finally:
        with _running.lock:
            torch.set_num_threads(_running.before)
            _running.count -= 1
