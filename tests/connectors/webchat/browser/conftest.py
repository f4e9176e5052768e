"""A real browser, a real desk with the example business, and the network between them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.conftest import REPOSITORY
from tests.connectors.webchat.browser.desk_process import DeskProcess
from tests.connectors.webchat.browser.link import Link
from tests.connectors.webchat.browser.microphone import fresh_page, hearing, record
from tests.connectors.webchat.browser.widget import Widget

EXAMPLE = REPOSITORY / "examples" / "voltaro"
SPOKEN_QUESTION = "How long do I have to return an item?"
_HUSH_S = 1.5
"""Before the words: the microphone opens a moment before the recording begins."""


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of `SPOKEN_QUESTION`."""
    file = tmp_path_factory.mktemp("spoken") / "question.wav"
    return record(file, SPOKEN_QUESTION, before_s=_HUSH_S, after_s=_HUSH_S)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str, spoken: Path) -> AsyncIterator[Browser]:
    options = ("--disable-background-networking", "--host-resolver-rules=MAP *.example 127.0.0.1")
    async with hearing(chromium, spoken, *options) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def desk(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[DeskProcess]:
    process = DeskProcess(EXAMPLE, tmp_path_factory.mktemp("desk"))
    try:
        await process.start()
        yield process
    finally:
        await process.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def link(desk: DeskProcess) -> AsyncIterator[Link]:
    between = Link(desk.port)
    await between.mend()
    yield between
    await between.cut()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with fresh_page(browser) as fresh:
        yield fresh


@pytest_asyncio.fixture(loop_scope="session")
async def widget(page: Page) -> Widget:
    return Widget(page)


@pytest.fixture(scope="session")
def screenshot() -> Path:
    """What a customer sees when the bank declines a card with code 51."""
    return EXAMPLE / "samples" / "payment-declined-51.png"
