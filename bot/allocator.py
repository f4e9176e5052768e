"""The C library's memory, set for a process that serves; used by `frontdesk serve`.

glibc gives threads heaps of their own, up to eight for each core, and what one has freed no other
uses. The desk's threads take turns, so the same work is done now in one heap and now in another,
and each grows to hold all of it: in 300 turns of a call the process grew from 602 to 620 MB, and
with two heaps from 546 to 551.

What is freed between pieces that are in use stays with the process, too: in a call of half an hour
one of 581 MB grew to 594. Given back twice in a minute, for two to four milliseconds in a thread,
it is 549 to 554 each time, and up to 29 more in between. (Large pieces that are given back as soon
as they are freed, `M_MMAP_THRESHOLD`, keep it as small, but make hearing a quarter slower.)
"""

import asyncio
import ctypes
import os
import platform

from models.memory import give_back

_M_ARENA_MAX = -8
"""See mallopt(3)."""
_HEAPS = 2
_EVERY_S = 30.0


def share_heaps() -> None:
    """Before threads are started. What the operator has set in the environment stays; where there
    is another C library, nothing happens."""
    if platform.libc_ver()[0] == "glibc" and "MALLOC_ARENA_MAX" not in os.environ:
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _HEAPS)


async def keep_giving_back(every_s: float = _EVERY_S) -> None:
    """Give the system what has been freed, again and again until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        await asyncio.to_thread(give_back)
