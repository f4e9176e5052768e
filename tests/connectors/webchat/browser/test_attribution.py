"""The developer's drawer on why a turn was recognised so: the customer's pictures, with boxes."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from models.minilm import MiniLM
from models.understanding.versions import Versions
from tests.connectors.webchat.browser.desk_process import DeskProcess
from tests.connectors.webchat.browser.widget import Widget
from tests.models.understanding.screens import SCREENS, screen, train_on_screens

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def taught(desk: DeskProcess) -> AsyncIterator[None]:
    """While this lasts, the desk recognises what drawn screenshots are about."""
    versions = Versions(desk.project / ".frontdesk" / "understanding")
    await asyncio.to_thread(train_on_screens, versions, MiniLM())
    await desk.stop()
    await desk.start()
    yield
    versions.stop()
    await desk.stop()
    await desk.start()


@pytest.fixture
def screens(tmp_path: Path) -> list[Path]:
    """Two screenshots, as a customer sends them."""
    files = []
    for name in ("login", "order_status"):
        files.append(tmp_path / f"{name}.png")
        screen(*SCREENS[name]).save(files[-1])
    return files


async def test_developer_sees_what_mattered_in_the_pictures(
    widget: Widget, desk: DeskProcess, screens: list[Path]
) -> None:
    page = widget.page
    await widget.open(desk.url)
    await widget.attach(*screens)
    await widget.say("see picture")
    await (await widget.reply(1)).get_by_role("button", name="How this answer was made").click()
    pictures = widget.host.locator(".seen")
    await expect(pictures).to_have_count(2)
    for number, (title, sentence, _) in enumerate((SCREENS["login"], SCREENS["order_status"])):
        picture = pictures.nth(number)
        await expect(picture.get_by_role("img", name=f"picture {number + 1}")).to_be_visible()
        await expect(picture.get_by_role("list")).to_contain_text(title)
        # The box lies on the picture's own line: the title in the head, the sentence below it.
        around = await picture.locator("img").bounding_box()
        head = await picture.get_by_role("img", name=f"“{title}”, top left, ").bounding_box()
        below = await picture.get_by_role("img", name=f"“{sentence}”, ").bounding_box()
        assert around
        assert head
        assert below
        assert 0.02 < (head["y"] - around["y"]) / around["height"] < 0.1
        assert 0.58 < (below["y"] - around["y"]) / around["height"] < 0.68
        assert head["width"] < around["width"] * 0.6
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await widget.serious_problems() == []

    boxes, lines = pictures.first.locator("b[role=img]"), pictures.first.locator("li")
    await lines.first.hover()
    await expect(boxes.first).to_have_class(re.compile("lit"))
    await boxes.nth(1).hover()
    await expect(lines.nth(1)).to_have_class(re.compile("lit"))
    await expect(boxes.first).not_to_have_class(re.compile("lit"))


async def test_the_keyboard_reaches_every_box_of_a_picture(
    widget: Widget, desk: DeskProcess, screens: list[Path]
) -> None:
    page = widget.page
    await widget.open(desk.url)
    await widget.attach(screens[0])
    await widget.say("see picture")
    await (await widget.reply(1)).get_by_role("button", name="How this answer was made").click()
    picture = widget.host.locator(".seen")
    boxes, lines = picture.locator(".picture b"), picture.locator("li")
    await expect(boxes.first).to_be_visible()
    await expect(picture.locator("figcaption")).to_contain_text("Regions that mattered: ")
    assert await picture.locator(".picture i").count() == 16
    await widget.host.get_by_role("button", name="Close the trace").focus()
    await page.keyboard.press("Tab")  # the facts, which scroll
    await page.keyboard.press("Tab")
    await expect(boxes.first).to_be_focused()
    await expect(lines.first).to_have_class(re.compile("lit"))
    await page.keyboard.press("ArrowDown")
    await expect(boxes.nth(1)).to_be_focused()
    await expect(lines.nth(1)).to_have_class(re.compile("lit"))
    await page.keyboard.press("Tab")
    await expect(lines.first).to_be_focused()
    await expect(boxes.first).to_have_class(re.compile("lit"))
