"""The widget on another site's page, without HTTPS: one script tag, if the desk allows the site."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.connectors.webchat.browser.desk_process import SITE, DeskProcess, free_port
from tests.connectors.webchat.browser.widget import Widget

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def site(port: int, desk: DeskProcess) -> AsyncIterator[None]:
    """A web server with one page that embeds the widget."""
    script = f"<script type=module src={desk.url}/webchat/frontdesk-chat.js></script>"
    page = f"<!doctype html><html lang=en><title>Shop</title><h1>Shop</h1>{script}"
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write((head + page).encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield


async def test_allowed_site_has_the_whole_widget(
    widget: Widget, desk: DeskProcess, screenshot: Path
) -> None:
    async with site(desk.site_port, desk):
        await widget.open(f"http://{SITE}:{desk.site_port}/")
        await widget.attach(screenshot)
        await widget.say("What does this mean?")
        reply = await widget.reply(1)
        await expect(widget.messages.locator("img")).to_be_visible()
        href = await reply.locator(".source a").first.get_attribute("href")
        assert href is not None
        assert href.startswith(f"{desk.url}/articles/")


async def test_other_sites_get_no_widget(widget: Widget, desk: DeskProcess) -> None:
    port = free_port()
    async with site(port, desk):
        async with widget.page.expect_event("requestfailed", lambda r: "frontdesk-chat" in r.url):
            await widget.page.goto(f"http://{SITE}:{port}/")
        assert not await widget.page.evaluate("!!customElements.get('frontdesk-chat')")
