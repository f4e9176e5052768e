"""Memory that the C library keeps for later is given back to the system."""

import ctypes
import sys
from functools import cache


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
