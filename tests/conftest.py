"""What tests share: the data beside the repository, and a real browser."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn.server
from hypothesis import settings

from models.synthesis.screens import BROWSERS, INSTALL_CHROMIUM, find_browser

# Before anything imports numba: compiling what times Whisper's words takes longer than its tests.
os.environ["NUMBA_DISABLE_JIT"] = "1"
# Before anything imports torch: as many processes as cores run tests, and threads of torch that
# wait for each other on cores that others use take five times the time of one.
os.environ["OMP_NUM_THREADS"] = "1"

settings.register_profile("desk", deadline=None)  # tests assert no speed
settings.load_profile("desk")

REPOSITORY = Path(__file__).resolve().parent.parent


class _Brisk(ModuleType):
    """asyncio with shorter sleeps."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s / 20)


@pytest.fixture(scope="session", autouse=True)
def _brisk_servers() -> Iterator[None]:
    """uvicorn looks every 0.1 s whether it is to stop, and then sleeps another 0.1 s: longer than
    most tests of a channel take, which start and stop two servers each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.server, "asyncio", _Brisk("asyncio"))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data that lies beside the repository, never in it."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the test data (../shared/data) is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser that pages are looked at with."""
    if found := find_browser():
        return found
    pytest.skip(f"none of {', '.join(BROWSERS)} is installed: {INSTALL_CHROMIUM}")
