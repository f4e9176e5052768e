"""The main job in a browser: ask, show and speak, and get the right article's answer."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests.connectors.webchat.browser.desk_process import DeskProcess
from tests.connectors.webchat.browser.widget import PATIENCE_MS, Widget

pytestmark = pytest.mark.asyncio(loop_scope="session")

HEARD_ENOUGH = 0.7
"""Share of the words heard in a spoken answer that stand in its text; the rest are numbers that
were written out, and what two engines make of each other."""

PLAYED = """audio => new Promise((done) => {
  if (audio.played.length) done();
  else audio.addEventListener("timeupdate", done);
})"""
"""Waits until some of it has been heard."""


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


async def test_typed_question_gets_a_cited_answer(widget: Widget, desk: DeskProcess) -> None:
    await widget.open(desk.url)
    await widget.say("How long do I have to return an item?")
    reply = await widget.reply(1)
    await expect(reply).to_contain_text("30 days")
    source = reply.locator(".source a").first
    async with widget.page.context.expect_page() as opened:
        await source.click()
    article = await opened.value
    await expect(article.locator("h1")).to_contain_text(re.compile("return", re.IGNORECASE))


async def test_words_of_a_table_stay_whole(widget: Widget, desk: DeskProcess) -> None:
    await widget.open(desk.url)
    await widget.say("How much is delivery to Sweden?")
    reply = await widget.reply(1)
    broken = """table => [...table.querySelectorAll("th, td")]
      .filter((cell) => cell.textContent.trim() && !/[\\s–-]/.test(cell.textContent.trim()))
      .filter((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return new Set([...range.getClientRects()].map((box) => box.top)).size > 1;
      })
      .map((cell) => cell.textContent)"""
    assert await reply.locator("table").evaluate(broken) == []


async def test_screenshot_of_a_decline_code_gets_its_article(
    widget: Widget, desk: DeskProcess, screenshot: Path
) -> None:
    await widget.open(desk.url)
    await widget.attach(screenshot)
    await widget.host.get_by_role("button", name="Send", exact=True).click()
    reply = await widget.reply(1)
    await expect(reply.locator(".source a").first).to_contain_text("51")
    await expect(widget.messages.locator("img")).to_be_visible()


async def test_spoken_question_is_answered_aloud(widget: Widget, desk: DeskProcess) -> None:
    from models.audio import decode
    from models.moonshine import MoonshineTranscriber

    await widget.open(desk.url)
    await widget.host.get_by_role("button", name="Record a voice note").click()
    await expect(widget.host.locator(".time")).to_have_text("0:05", timeout=PATIENCE_MS)
    await widget.host.get_by_role("button", name="Send the recording").click()
    reply = await widget.reply(1)
    await expect(widget.messages.locator(".heard")).to_contain_text("return")

    audio = reply.locator("audio")
    await audio.evaluate(PLAYED)
    async with httpx.AsyncClient() as client:
        answer = await client.get(await audio.evaluate("audio => audio.src"))
    samples = await asyncio.to_thread(decode, answer.content, limit_s=120)
    heard = await asyncio.to_thread(MoonshineTranscriber().transcribe, samples)
    written = set(words(await reply.locator(".bubble").inner_text()))
    spoken = words(heard.text)
    assert len(spoken) > 5
    assert sum(word in written for word in spoken) / len(spoken) >= HEARD_ENOUGH
    assert await widget.serious_problems() == []


async def test_recording_can_be_discarded(widget: Widget, desk: DeskProcess) -> None:
    await widget.open(desk.url)
    await widget.host.get_by_role("button", name="Record a voice note").click()
    await expect(widget.host.locator(".time")).to_have_text("0:01")
    await widget.page.keyboard.press("Escape")
    await expect(widget.text).to_be_visible()
    await expect(widget.messages).to_have_count(0)
    await expect(widget.panel).to_be_visible()


async def test_suggested_question_is_one_tap_away(widget: Widget, desk: DeskProcess) -> None:
    await widget.open(desk.url)
    await widget.host.locator(".suggestions button").first.click()
    await widget.reply(1)
