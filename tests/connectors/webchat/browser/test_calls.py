"""Calls from the widget: Chromium's microphone is a recording, and what it plays is listened to."""

import asyncio
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from models.moonshine import MoonshineTranscriber
from tests.connectors.webchat.browser.desk_process import DeskProcess
from tests.connectors.webchat.browser.microphone import fresh_page, hearing, record
from tests.connectors.webchat.browser.widget import Widget

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "How long do I have to return an item?"
PATIENCE_MS = 40_000

# Records what a page plays: the track of a peer connection, and what a worklet puts out.
RECORDER = """
(() => {
  window.heard = [];
  const rate = 16000;
  const record = (context, source) => {
    const tap = context.createScriptProcessor(4096, 1, 1);
    tap.onaudioprocess = ({ inputBuffer }) =>
      window.heard.push(inputBuffer.getChannelData(0).slice());
    source.connect(tap);
    tap.connect(context.destination);
  };
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = window.noWebRtc ? undefined : class extends Peer {
    constructor(...args) {
      super(...args);
      window.peer = this;
      this.addEventListener("track", ({ track }) => {
        const context = new AudioContext({ sampleRate: rate });
        record(context, context.createMediaStreamSource(new MediaStream([track])));
      });
    }
  };
  const Node = window.AudioWorkletNode;
  window.AudioWorkletNode = class extends Node {
    constructor(context, ...rest) {
      super(context, ...rest);
      record(context, this);
    }
  };
})();
"""
# Seconds in which something was played that is not silence.
SPOKEN_S = """(() => {
  const loud = (piece) => piece.some((sample) => Math.abs(sample) > 0.02);
  return window.heard.filter(loud).length * 4096 / 16000;
})"""
TAKEN = """() => {
  const all = new Float32Array(window.heard.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of window.heard) { all.set(piece, at); at += piece.length; }
  let text = "";
  const bytes = new Uint8Array(all.buffer);
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(text);
}"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The question, while the desk still greets, and silence."""
    file = tmp_path_factory.mktemp("asked") / "question.wav"
    return record(file, QUESTION, before_s=4, after_s=16)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def phone(chromium: str, asked: Path) -> AsyncIterator[Browser]:
    async with hearing(chromium, asked, "--autoplay-policy=no-user-gesture-required") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def page(phone: Browser) -> AsyncIterator[Page]:
    async with fresh_page(phone) as fresh:
        yield fresh


class Phone:
    def __init__(self, widget: Widget) -> None:
        self.widget = widget
        self.bar = widget.host.locator(".call")
        self.state = self.bar.locator(".call-state")
        self.captions = self.bar.locator(".call-captions li")

    async def call(self) -> None:
        await self.widget.host.get_by_role("button", name="Call us").click()
        await expect(self.state).to_have_text("In a call", timeout=PATIENCE_MS)

    async def hang_up(self) -> None:
        await self.bar.get_by_role("button", name="Hang up").click()
        await expect(self.state).to_have_text("The call has ended.")

    async def heard(self) -> str:
        """What the browser has played, as somebody hears it."""
        data = b64decode(await self.widget.page.evaluate(TAKEN))
        samples = np.frombuffer(data, np.float32)
        transcript = await asyncio.to_thread(MoonshineTranscriber().transcribe, samples)
        return transcript.text


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


@pytest.mark.parametrize("way", ["WebRTC", "WebSocket"])
async def test_question_is_asked_and_answered_by_voice(
    page: Page, desk: DeskProcess, way: str
) -> None:
    if way == "WebSocket":
        await page.add_init_script("window.noWebRtc = true;")
    await page.add_init_script(RECORDER)
    widget = await Widget(page).open(desk.url)
    phone = Phone(widget)
    await phone.call()
    caller = phone.bar.locator("[data-side=caller]")
    await expect(caller).to_contain_text(re.compile("return", re.I), timeout=PATIENCE_MS)
    # The answer stands in the chat, behind the question, while it is spoken.
    await expect(widget.messages.last).to_contain_text("return", timeout=PATIENCE_MS)
    answer = await (await widget.reply(1)).locator(".bubble").inner_text()
    first = words(answer)[:8]
    await page.evaluate("window.spokenUntilNow = " + SPOKEN_S + "()")
    await expect(phone.bar.locator("[data-side=desk]")).to_contain_text(
        first[-1], ignore_case=True, timeout=PATIENCE_MS
    )
    await page.wait_for_function(SPOKEN_S + "() > spokenUntilNow + 2.5", timeout=PATIENCE_MS)
    await phone.hang_up()
    heard = words(await phone.heard())
    assert sum(word in heard for word in first) >= 5, (first, heard)
    assert await page.evaluate("!window.peer || window.peer.connectionState === 'closed'")


async def test_udp_that_is_blocked_is_told_by_waiting(page: Page, desk: DeskProcess) -> None:
    """Where candidates lead nowhere, the sound takes the WebSocket."""
    await page.add_init_script(
        """
        const Peer = window.RTCPeerConnection;
        const address = /^(a=candidate:.* udp [0-9]+) \\S+ [0-9]+/gm;
        const lost = ({ type, sdp }) => ({ type, sdp: sdp.replace(address, "$1 192.0.2.1 9") });
        window.RTCPeerConnection = class extends Peer {
          get localDescription() {
            return lost(super.localDescription);
          }
          setRemoteDescription(description) {
            return super.setRemoteDescription(lost(description));
          }
        };
        """
    )
    widget = await Widget(page).open(desk.url)
    phone = Phone(widget)
    async with page.expect_websocket(lambda socket: "/calls/browser/" in socket.url):
        await phone.call()
    await phone.hang_up()


async def test_chat_stays_open_beside_the_call(page: Page, desk: DeskProcess) -> None:
    widget = await Widget(page).open(desk.url)
    phone = Phone(widget)
    await phone.call()
    await widget.say("What does delivery cost?")
    await widget.reply(1)
    assert await widget.serious_problems() == []
    await phone.bar.get_by_role("button", name="Microphone and loudspeaker").click()
    await expect(phone.bar.get_by_role("combobox").first).to_be_visible()
    assert await widget.serious_problems() == []
    mute = phone.bar.get_by_role("button", name="Mute")
    await mute.click()
    await expect(phone.state).to_have_text("Muted: nobody hears you")
    await expect(mute).to_have_attribute("aria-pressed", "true")
    await mute.click()
    await expect(phone.bar.locator(".call-quality")).to_have_attribute(
        "aria-label", "Good connection"
    )
    await phone.hang_up()
    await expect(phone.bar).to_have_count(0, timeout=10_000)


async def test_microphone_that_is_refused_is_told(phone: Browser, desk: DeskProcess) -> None:
    context = await phone.new_context(locale="en")
    page = await context.new_page()
    await page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no'))"
    )
    widget = await Widget(page).open(desk.url)
    await widget.host.get_by_role("button", name="Call us").click()
    await expect(widget.host.locator(".call-state")).to_contain_text("microphone")
    await context.close()
