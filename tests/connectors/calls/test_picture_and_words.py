"""A picture that is sent in the chat while the customer says so in the call beside it: one turn,
heard and looked at by the embedded engines, answered in the call."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from bot.calls.manner import Manner
from bot.calls.switchboard import Switchboard
from bot.calls.transport import Call, Transport
from bot.line_settings import BrowserLine
from bot.messages import ConversationId, Message, Reply
from bot.speech import Speaker
from connectors.calls.codecs.l16 import L16
from connectors.calls.front import open_lines
from models.audio import resampled
from models.espeak import Espeak
from tests.connectors.conftest import Site, Widget
from tests.connectors.messaging.site import made
from tests.connectors.picture_page.door import picture

RATE = 16_000
FRAME_BYTES = 640
WORDS = "I have just sent you the picture."


class Later:
    """`bot.calls.transport.Calls`: the switchboard, whose desk opens after the lines."""

    switchboard: Switchboard

    async def hold(self, call: Call, transport: Transport) -> None:
        await self.switchboard.hold(call, transport)


def spoken() -> bytes:
    """The caller's words with silence around them, as the widget sends sound."""
    (said,) = Espeak("en-us", 160).synthesize(WORDS, "en")
    quiet = np.zeros(RATE // 2, np.float32)
    sound = resampled(said.samples, said.sample_rate_hz, RATE)
    return L16(RATE, order="little").encode(np.concatenate([quiet, sound, *[quiet] * 5]))


async def speak(socket: ClientConnection, data: bytes) -> None:
    """As a microphone does: 20 ms of sound every 20 ms."""
    clock = asyncio.get_running_loop().time
    began = clock()
    for number, at in enumerate(range(0, len(data), FRAME_BYTES)):
        await asyncio.sleep(began + 0.02 * number - clock())
        await socket.send(data[at : at + FRAME_BYTES])


async def until(widget: Widget, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next frame that is wanted; others are passed over."""
    async with asyncio.timeout(30):
        while True:
            frame: dict[str, Any] = json.loads(await widget.socket.recv())
            if wanted(frame):
                return frame


def said_by_desk(words: str) -> Callable[[dict[str, Any]], bool]:
    def wanted(frame: dict[str, Any]) -> bool:
        final = frame["type"] == "caption" and frame["final"] and not frame["by_caller"]
        return final and words in frame["text"]

    return wanted


async def test_a_picture_in_the_chat_and_words_in_the_call_are_one_turn(
    closed_site: Site,
) -> None:
    calls = Later()
    async with (
        open_lines({"browser": BrowserLine()}, calls=calls) as lines,
        closed_site.open(lines=lines) as site,
        site.widget() as widget,
    ):
        calls.switchboard = Switchboard(
            site.desk,
            transcriber=lambda: made("TRANSCRIBERS", "moonshine"),
            speaker=Speaker(Espeak(), site.desk._media),
            manner=Manner(business="Shop", language="en", greeting="Hi."),
        )
        await calls.switchboard.warm_up()
        await widget.send("call", id="c_1")
        taken = await until(widget, lambda frame: frame["type"] == "call")
        url = site.url.replace("http", "ws", 1) + taken["url"]
        async with connect(url, proxy=None) as sound, site.http() as client:
            listening = asyncio.create_task(_listen(sound))
            await until(widget, said_by_desk("Hi."))
            attachment = await widget.upload(client, picture())
            await widget.send("message", id="m_1", text="", attachments=[attachment["id"]])
            await speak(sound, spoken())
            await until(widget, said_by_desk("DECLINED"))
            await widget.send("hang_up", call=taken["call"])
            await listening
        entries = await site.desk.entries(ConversationId(widget.welcome["conversation"]))
        calls.switchboard.close()
    shown, said, reply = (entry.item for entry in entries)
    assert isinstance(shown, Message)
    assert shown.attachments
    assert isinstance(said, Message)
    assert said.utterance
    assert isinstance(reply, Reply)
    assert "picture" in said.text
    assert reply.text == f"You said: {said.text} DECLINED 51"


async def _listen(socket: ClientConnection) -> None:
    async for _ in socket:
        pass
