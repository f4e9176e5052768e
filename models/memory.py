"""Memory: how much there is, and that what the C library keeps for later is given back."""

import ctypes
import sys
from functools import cache
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
_LIMITS = (
    (_CGROUP / "memory.max", _CGROUP / "memory.current"),
    (_CGROUP / "memory/memory.limit_in_bytes", _CGROUP / "memory/memory.usage_in_bytes"),
)
"""Of a container: version 2 of control groups, and version 1."""


def available_bytes() -> int:
    """What can still be used, in a container within its limit."""
    free: int = psutil.virtual_memory().available
    for limit, used in _LIMITS:
        try:
            free = min(free, int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):
            continue  # no container, or one without a limit
    return max(0, free)


def give_back() -> None:
    """Return what has been freed. Worth its milliseconds after work on tensors of many megabytes:
    glibc would keep all of it, in an arena for each thread. Does nothing where the C library is
    another."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> "ctypes._NamedFuncPointer | None":
    if sys.platform != "linux":
        return None
    # Musl, of Alpine Linux, has no such function.
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
