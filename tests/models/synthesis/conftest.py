"""A real browser for the tests of screens."""

from collections.abc import Iterator

import pytest

from models.synthesis.screens import BROWSERS, ScreenRenderer, find_browser


@pytest.fixture(scope="module")
def renderer() -> Iterator[ScreenRenderer]:
    """For one module: while it is open, no other test may have an event loop."""
    if not find_browser():
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with ScreenRenderer() as running:
        yield running
