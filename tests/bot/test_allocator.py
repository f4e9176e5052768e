"""How much memory the C library keeps, in a process of its own."""

import os
import platform
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the C library is not glibc, which alone has heaps"
)

THREADS = 8
SCRIPT = f"""
import ctypes, threading
from bot.allocator import share_heaps
share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier({THREADS})
def work():
    together.wait()
    libc.malloc(50_000)
    together.wait()
threads = [threading.Thread(target=work) for _ in range({THREADS})]
for each in threads: each.start()
for each in threads: each.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


FREED = """
import asyncio, psutil
from bot.allocator import keep_giving_back
process = psutil.Process()
pieces = [bytearray(b"x" * 60_000) for _ in range(1_000)]
del pieces[:-1]
async def main():
    before = process.memory_info().rss
    tidying = asyncio.create_task(keep_giving_back(every_s=0.01))
    async with asyncio.timeout(30):
        while process.memory_info().rss > before - 40_000_000:
            await asyncio.sleep(0)
    tidying.cancel()
asyncio.run(main())
"""


def heaps(**environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return len(re.findall(r"<heap nr=", done.stdout))


def test_threads_share_two_heaps() -> None:
    assert heaps() == 2


def test_operators_own_setting_stays() -> None:
    assert heaps(MALLOC_ARENA_MAX="5") == 5


def test_what_is_freed_below_what_is_in_use_is_given_back() -> None:
    subprocess.run([sys.executable, "-c", FREED], check=True)
