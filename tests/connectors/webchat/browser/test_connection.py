"""Nothing that a customer wrote is lost or said twice, whatever happens to the connection."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.connectors.webchat.browser.desk_process import DeskProcess
from tests.connectors.webchat.browser.link import Link
from tests.connectors.webchat.browser.widget import PATIENCE_MS, Widget

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "How long do I have to return an item?"


async def test_written_offline_is_answered_once_when_back(widget: Widget, link: Link) -> None:
    await widget.open(link.url)
    await link.cut()
    await expect(widget.status).to_contain_text("Offline")
    await widget.say(QUESTION)
    await expect(widget.waiting).to_have_count(1)
    await link.mend()
    await widget.reply(1)
    await widget.page.reload()
    await widget.reply(1)
    await expect(widget.messages).to_have_count(1)


async def test_written_offline_survives_a_reload(widget: Widget, link: Link) -> None:
    await widget.open(link.url)
    await link.cut()
    await widget.say(QUESTION)
    await expect(widget.waiting).to_have_count(1)
    await link.mend()
    await widget.page.reload()
    await widget.all_sent()
    await expect(widget.messages).to_have_count(1)
    await expect(widget.messages).to_contain_text(QUESTION)
    await widget.reply(1)


async def test_file_chosen_offline_is_sent_when_back(
    widget: Widget, link: Link, screenshot: Path
) -> None:
    await widget.open(link.url)
    await widget.attach(screenshot)
    await widget.host.get_by_role("button", name="Remove").click()
    await link.cut()
    await widget.attach(screenshot)
    await widget.say("What does this mean?")
    await expect(widget.waiting).to_have_count(1)
    await link.mend()
    await widget.reply(1)
    await expect(widget.messages.locator("img")).to_have_count(1)


async def test_connection_that_died_in_a_laptops_sleep_is_replaced(
    widget: Widget, link: Link
) -> None:
    await widget.page.clock.install()
    await widget.open(link.url)
    link.freeze()
    await widget.say(QUESTION)
    await widget.page.clock.fast_forward("30:00")
    await widget.page.clock.fast_forward("00:06")
    await widget.reply(1)
    await expect(widget.messages).to_have_count(1)


async def test_two_tabs_show_the_same_and_send_once(widget: Widget, link: Link) -> None:
    await widget.open(link.url)
    await widget.say(QUESTION)
    await widget.reply(1)
    other = Widget(await widget.page.context.new_page())
    await other.page.goto(link.url)
    await other.launcher.click()
    await other.reply(1)
    await link.cut()
    await other.say("And in Norway?")
    await widget.say("Who pays for it?")
    await link.mend()
    for tab in (widget, other):
        await tab.all_sent()
        await expect(tab.messages).to_have_count(3, timeout=PATIENCE_MS)


async def test_desk_killed_in_the_middle_of_a_turn_answers_once_after_its_restart(
    widget: Widget, desk: DeskProcess, screenshot: Path
) -> None:
    async with widget.page.expect_websocket() as opened:
        await widget.open(desk.url)
    socket = await opened.value
    await widget.attach(screenshot)
    async with socket.expect_event("framereceived", lambda frame: '"ack"' in frame):
        await widget.say("What does this mean?")
    await desk.kill()
    assert await widget.replies.count() == 0
    await desk.start()
    await widget.reply(1)
    await widget.page.reload()
    await widget.reply(1)
    await expect(widget.messages).to_have_count(1)


async def test_flood_is_slowed_down_and_nothing_of_it_is_lost(
    widget: Widget, desk: DeskProcess
) -> None:
    texts = [f"Question {number}" for number in range(16)]
    await widget.open(desk.url)
    for text in texts:
        await widget.say(text)
    await expect(widget.waiting.first).to_contain_text("again in")
    await widget.all_sent()
    await expect(widget.messages).to_have_count(len(texts))
    for text, message in zip(texts, await widget.messages.all(), strict=True):
        await expect(message).to_contain_text(text)
