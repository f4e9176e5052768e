"""A browser whose microphone is a recording."""

import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from playwright.async_api import Browser, Page, async_playwright

from models.espeak import Espeak


def record(file: Path, text: str, *, before_s: float, after_s: float) -> Path:
    """A WAV of a text that is spoken between two silences."""
    sentences = list(Espeak().synthesize(text, "en"))
    rate = sentences[0].sample_rate_hz
    before, after = (np.zeros(int(seconds * rate), np.float32) for seconds in (before_s, after_s))
    samples = np.concatenate([before, *(sentence.samples for sentence in sentences), after])
    with wave.open(str(file), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes((samples * 32767).astype("<i2").tobytes())
    return file


@asynccontextmanager
async def hearing(chromium: str, recording: Path, *options: str) -> AsyncIterator[Browser]:
    """`options`: of Chromium's command line."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                *options,
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={recording}%noloop",
            ],
        )
        yield running
        await running.close()


@asynccontextmanager
async def fresh_page(browser: Browser) -> AsyncIterator[Page]:
    """A page of a browser that was never here; a script's error fails the test."""
    context = await browser.new_context(permissions=["microphone"], locale="en")
    fresh = await context.new_page()
    errors: list[str] = []
    fresh.on("pageerror", lambda error: errors.append(str(error)))
    yield fresh
    await context.close()
    assert errors == []
