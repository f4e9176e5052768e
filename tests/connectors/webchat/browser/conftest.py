"""A real browser, a real desk with the example business, and the network between them."""

import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from models.espeak import Espeak
from tests.conftest import REPOSITORY
from tests.connectors.webchat.browser.desk_process import DeskProcess
from tests.connectors.webchat.browser.link import Link
from tests.connectors.webchat.browser.widget import Widget

EXAMPLE = REPOSITORY / "examples" / "voltaro"
SPOKEN_QUESTION = "How long do I have to return an item?"
_HUSH_S = 1.5
"""Before the words: the microphone opens a moment before the recording begins."""


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of `SPOKEN_QUESTION`."""
    sentences = list(Espeak().synthesize(SPOKEN_QUESTION, "en"))
    rate = sentences[0].sample_rate_hz
    hush = np.zeros(int(_HUSH_S * rate), np.float32)
    samples = np.concatenate([hush, *(sentence.samples for sentence in sentences), hush])
    file = tmp_path_factory.mktemp("spoken") / "question.wav"
    with wave.open(str(file), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes((samples * 32767).astype("<i2").tobytes())
    return file


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str, spoken: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--host-resolver-rules=MAP *.example 127.0.0.1",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={spoken}%noloop",
            ],
        )
        yield running
        await running.close()


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
    """A page of a browser that was never here; a script's error fails the test."""
    context = await browser.new_context(permissions=["microphone"], locale="en")
    fresh = await context.new_page()
    errors: list[str] = []
    fresh.on("pageerror", lambda error: errors.append(str(error)))
    yield fresh
    await context.close()
    assert errors == []


@pytest_asyncio.fixture(loop_scope="session")
async def widget(page: Page) -> Widget:
    return Widget(page)


@pytest.fixture(scope="session")
def screenshot() -> Path:
    """What a customer sees when the bank declines a card with code 51."""
    return EXAMPLE / "samples" / "payment-declined-51.png"
