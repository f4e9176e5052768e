"""A real browser for the tests of screens."""

from collections.abc import Iterator

import pytest

from models.synthesis.screens import ScreenRenderer


@pytest.fixture(scope="module")
def renderer(chromium: str) -> Iterator[ScreenRenderer]:
    """For one module: while it is open, no other test may have an event loop."""
    with ScreenRenderer() as running:
        yield running
