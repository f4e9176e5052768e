"""One core for each run, and all of them again for who comes after."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import torch

from models.one_core import one_core


def test_cores_are_given_back_when_the_last_run_ends() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    together = Barrier(4, timeout=20)

    def run(number: int) -> int:
        with one_core():
            together.wait()
            return torch.get_num_threads()

    try:
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(run, range(4))) == [1, 1, 1, 1]
        with ThreadPoolExecutor(1) as fresh:
            assert fresh.submit(torch.get_num_threads).result() == 3
        assert torch.get_num_threads() == 3
        with one_core(), one_core():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_whoever_ends_first_has_all_cores_again() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    began, ended = Event(), Event()

    def long() -> int:
        with one_core():
            began.set()
            assert ended.wait(20)
            return torch.get_num_threads()

    try:
        with ThreadPoolExecutor(1) as other:
            running = other.submit(long)
            assert began.wait(20)
            with one_core():
                assert torch.get_num_threads() == 1
            assert torch.get_num_threads() == 3
            ended.set()
            assert running.result() == 1
        with one_core():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(1) as fresh:
            assert fresh.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)
