"""The page in a real browser, as a caller on the telephone sees it."""

from pathlib import Path

import pytest
from playwright.async_api import ConsoleMessage, Page, async_playwright, expect

from bot.store import Store
from bot.texts import say
from tests.connectors.picture_page.door import Door, open_door, picture

PHONE = {"width": 390, "height": 780}


async def show(door: Door, page: Page, file: Path) -> None:
    """A link is asked for, opened, and a picture sent by it."""
    ann = await door.call()
    await ann.say("Can I show you?")
    await page.goto(door.url + door.path())
    send = page.get_by_role("button", name="Send")
    await expect(send).to_be_disabled()
    await page.get_by_label("Choose or take a picture").set_input_files(file)
    await expect(page.get_by_role("img", name="The picture that you have chosen")).to_be_visible()
    await send.click()
    told = page.get_by_role("status")
    await expect(told).to_have_text(say("picture_thanks", "en"))
    await expect(told).to_be_focused()
    await expect(send).to_be_hidden()
    assert "DECLINED 51" in (await ann.hears()).text
    await page.reload()
    await expect(told).to_have_text(say("picture_link_gone", "en"))


@pytest.mark.timeout(120)
async def test_a_picture_is_chosen_looked_at_and_sent(
    chromium: str, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "error.png"
    file.write_bytes(picture())
    trouble: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "404" not in message.text:
            trouble.append(message.text)

    async with open_door(store, tmp_path) as door, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(
            viewport=PHONE, is_mobile=True, has_touch=True, locale="en-GB"
        )
        page.on("console", note)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        await show(door, page, file)
        width = await page.evaluate("document.documentElement.scrollWidth")
        await browser.close()
    assert trouble == []
    assert width <= PHONE["width"]
