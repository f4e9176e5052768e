"""What tests share: the data beside the repository, and a real browser."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from models.synthesis.screens import BROWSERS, INSTALL_CHROMIUM, find_browser

# Before anything imports numba: compiling what times Whisper's words takes longer than its tests.
os.environ["NUMBA_DISABLE_JIT"] = "1"

settings.register_profile("desk", deadline=None)  # tests assert no speed
settings.load_profile("desk")

REPOSITORY = Path(__file__).resolve().parent.parent


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
