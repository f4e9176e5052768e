"""Photographs the widget on the example shop's page for README and docs: `python -m
scripts.widget_pictures` writes docs/images/. Needs Chromium, as the browser tests do."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from tests.connectors.webchat.browser.desk_process import DeskProcess
from tests.connectors.webchat.browser.widget import Widget

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "examples" / "voltaro"
IMAGES = REPOSITORY / "docs" / "images"
DESKTOP: Any = {"width": 1180, "height": 800}
HIGH: Any = {"width": 1180, "height": 960}
PHONE: Any = {"width": 390, "height": 780}

Scene = Callable[[Widget], Awaitable[None]]


async def shown(widget: Widget) -> None:
    """A screenshot is shown, and answered; the window is high enough for both."""
    await widget.host.evaluate("host => host.style.setProperty('--frontdesk-height', '850px')")
    await widget.attach(EXAMPLE / "samples" / "payment-declined-51.png")
    await widget.host.get_by_role("button", name="Send", exact=True).click()
    await widget.reply(1)


async def asked(widget: Widget) -> None:
    """A question is asked, and answered."""
    await widget.say("How long do I have to return an item?")
    await widget.reply(1)


async def greeted(widget: Widget) -> None:
    """Nothing has been said yet."""
    await widget.text.hover()


PICTURES: dict[str, tuple[Scene, str, dict[str, Any]]] = {
    "widget": (shown, "en", {"viewport": HIGH}),
    "widget-dark": (asked, "en", {"viewport": DESKTOP, "color_scheme": "dark"}),
    "widget-phone": (asked, "en", {"viewport": PHONE, "is_mobile": True, "has_touch": True}),
    "widget-right-to-left": (greeted, "ar", {"viewport": DESKTOP}),
}


async def photograph(browser: Browser, url: str, name: str) -> None:
    scene, locale, context = PICTURES[name]
    page = await browser.new_page(device_scale_factor=2, reduced_motion="reduce", **context)
    await scene(await Widget(page).open(url, locale))
    # The list may still be scrolling to its end when the reply is there.
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=IMAGES / f"{name}.png")
    await page.close()


async def main() -> None:
    chromium = shutil.which("chromium") or sys.exit("chromium is not installed")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        desk = DeskProcess(EXAMPLE, Path(folder), developer=False)
        try:
            await desk.start()
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
                )
                for name in PICTURES:
                    await photograph(browser, desk.url, name)
        finally:
            await desk.stop()


if __name__ == "__main__":
    asyncio.run(main())
