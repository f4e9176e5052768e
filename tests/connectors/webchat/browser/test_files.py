"""Files come from a dialogue, the clipboard or another window, and can be taken back."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.connectors.webchat.browser.desk_process import DeskProcess
from tests.connectors.webchat.browser.widget import Widget

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITH_FILE = """const data = new DataTransfer();
data.items.add(new File([new Uint8Array(bytes)], "shot.png", { type: "image/png" }));
const options = { bubbles: true, cancelable: true };"""
PASTE = f"""(place, bytes) => {{
  {WITH_FILE}
  place.dispatchEvent(new ClipboardEvent("paste", {{ clipboardData: data, ...options }}));
}}"""
DRAG = f"""(place, [kind, bytes]) => {{
  {WITH_FILE}
  place.dispatchEvent(new DragEvent(kind, {{ dataTransfer: data, ...options }}));
}}"""


async def test_pasted_picture_is_shown_and_sent(
    widget: Widget, desk: DeskProcess, screenshot: Path
) -> None:
    await widget.open(desk.url)
    await widget.text.evaluate(PASTE, list(screenshot.read_bytes()))
    await expect(widget.host.locator(".tray img")).to_be_visible()
    await widget.say("What does this mean?")
    await widget.reply(1)
    await expect(widget.messages.locator("img")).to_have_count(1)


async def test_picture_dropped_on_the_chat_is_shown(
    widget: Widget, desk: DeskProcess, screenshot: Path
) -> None:
    await widget.open(desk.url)
    file = list(screenshot.read_bytes())
    await widget.panel.evaluate(DRAG, ["dragenter", file])
    place = widget.host.locator(".drop")
    await expect(place).to_have_count(1)
    await widget.panel.evaluate(DRAG, ["dragover", file])
    await expect(place).to_be_visible()
    await widget.panel.evaluate(DRAG, ["drop", file])
    await expect(place).to_be_hidden()
    await expect(widget.host.locator(".tray img")).to_be_visible()


async def test_file_can_be_taken_back(widget: Widget, desk: DeskProcess, screenshot: Path) -> None:
    await widget.open(desk.url)
    await widget.attach(screenshot)
    await widget.host.get_by_role("button", name=f"Remove {screenshot.name}").click()
    await expect(widget.host.locator(".tray li")).to_have_count(0)
    await widget.say("How long do I have to return an item?")
    await widget.reply(1)
    await expect(widget.messages.locator("img")).to_have_count(0)


async def test_file_of_a_wrong_kind_is_refused_in_a_sentence(
    widget: Widget, desk: DeskProcess, tmp_path: Path
) -> None:
    liar = tmp_path / "photo.png"
    liar.write_bytes(b"\x7fELF" + bytes(2000))
    await widget.open(desk.url)
    await widget.attach(liar)
    await expect(widget.host.locator(".hint")).not_to_be_empty()
    await expect(widget.host.locator(".tray .failed")).to_have_count(1)
