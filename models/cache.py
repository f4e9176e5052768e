"""The folder for models' files: those that were fetched, and what is made of them once, such as an
ONNX graph.

It may be deleted at any time: what is missing is fetched or made again.
"""

import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

LOCK_TIMEOUT_S = 300.0


def cache_folder() -> Path:
    """`FRONTDESK_CACHE`, or the place where this platform keeps caches."""
    chosen = os.environ.get("FRONTDESK_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("frontdesk", appauthor=False)


def hub_folder() -> Path:
    """Where models of the Hugging Face Hub lie: in the cache folder, unless `HF_HUB_CACHE` or
    `HF_HOME` names a place that other programs share."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME")
    return Path(home).expanduser() / "hub" if home else cache_folder() / "hub"


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The cached file `name`, made by `make(path)` if it is not there yet.

    One process makes it while others wait; a process that dies in between leaves no half file,
    for the finished one is put in place by a rename.
    """
    folder = cache_folder()
    path = folder / name
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{name}.lock", timeout=LOCK_TIMEOUT_S):
        if not path.exists():
            unfinished = folder / f"{name}.{os.getpid()}.tmp"
            try:
                make(unfinished)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
    return path
