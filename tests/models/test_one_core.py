"""One core for each run, and all of them again for who comes after."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

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
