"""Calls from the widget, as its protocol has them; the browser's own tests are with the widget."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from bot.calls.transport import Caption, Dropped, EndReason, Resumed
from bot.line_settings import BrowserLine
from connectors.calls.codecs.l16 import L16
from connectors.calls.front import open_lines
from tests.connectors.calls.desk import Held, ScriptedCalls, tone
from tests.connectors.calls.peer import RATE as OPUS_RATE
from tests.connectors.calls.peer import Peer
from tests.connectors.conftest import Site, Widget

RATE = 16_000
STUN = {"urls": "stun:stun.example:3478"}


@pytest.fixture
def calls() -> ScriptedCalls:
    return ScriptedCalls()


@pytest.fixture
async def site(closed_site: Site, calls: ScriptedCalls) -> AsyncIterator[Site]:
    settings = BrowserLine.model_validate({"ice": [STUN]})
    async with (
        open_lines({"browser": settings}, calls=calls) as lines,
        closed_site.open(lines=lines),
    ):
        yield closed_site


async def start(widget: Widget, **fields: Any) -> dict[str, Any]:
    await widget.send("call", id="c_1", **fields)
    return await widget.next("call")


@asynccontextmanager
async def sound(site: Site, url: str) -> AsyncIterator[ClientConnection]:
    async with connect(site.url.replace("http", "ws", 1) + url, proxy=None) as socket:
        yield socket


@asynccontextmanager
async def call(
    site: Site, calls: ScriptedCalls
) -> AsyncIterator[tuple[Widget, Held, ClientConnection]]:
    """A call over a WebSocket that is up."""
    async with site.widget() as widget:
        taken = await start(widget)
        held = await calls.next()
        async with sound(site, taken["url"]) as socket:
            await held.transport.answer()
            yield widget, held, socket


async def test_welcome_tells_how_to_call(site: Site) -> None:
    async with site.widget() as widget:
        assert widget.welcome["calls"] == {"iceServers": [STUN]}


async def test_desk_without_calls_says_nothing_of_them(closed_site: Site) -> None:
    async with closed_site.open(), closed_site.widget() as widget:
        assert "calls" not in widget.welcome
        await widget.send("call", id="c_1")
        assert (await widget.next("error"))["code"] == "bad_frame"


async def test_call_by_webrtc_belongs_to_the_chat(site: Site, calls: ScriptedCalls) -> None:
    peer = Peer(tone(2, OPUS_RATE))
    async with site.widget() as widget:
        taken = await start(widget, sdp=await peer.offer())
        held = await calls.next()
        assert held.call.conversation == widget.welcome["conversation"]
        assert held.call.channel == "webchat"
        assert (held.call.id, held.call.locale) == (taken["call"], "en")
        await peer.accept(taken["sdp"])
        await held.transport.answer()
        await held.until(lambda held: np.abs(held.heard).max(initial=0) > 0.3)
        await widget.send("hang_up", call=taken["call"])
        assert await held.ended() is EndReason.CALLER
        ended = await widget.next("call_ended")
        assert ended == {"type": "call_ended", "call": taken["call"], "reason": "caller"}
    await peer.close()


async def test_sound_by_websocket_goes_both_ways(site: Site, calls: ScriptedCalls) -> None:
    said, codec = tone(0.2, RATE), L16(RATE, order="little")
    async with call(site, calls) as (_, held, socket):
        data = codec.encode(said)
        for at in range(0, len(data), 640):
            await socket.send(data[at : at + 640])
        await held.until(lambda held: len(held.heard) >= len(said))
        assert np.abs(held.heard[: len(said)] - said).max() < 1e-4
        await held.transport.play(tone(5, RATE))
        frames = [await socket.recv() for _ in range(3)]
        assert {len(frame) for frame in frames} == {640}
        assert 0 < await held.transport.clear() < RATE
        async with asyncio.timeout(10):
            while (frame := await socket.recv()) != '{"type":"clear"}':
                assert isinstance(frame, bytes)
        await held.transport.hang_up()
        assert await held.ended() is EndReason.DESK


async def test_captions_are_shown_in_the_chat(site: Site, calls: ScriptedCalls) -> None:
    async with call(site, calls) as (widget, held, _):
        held.transport.caption(Caption(True, "How long do I", False))
        shown = await widget.next("caption")
        assert shown == {
            "type": "caption", "call": held.call.id, "by_caller": True,
            "text": "How long do I", "final": False,
        }  # fmt: skip


async def test_socket_that_drops_is_opened_again(site: Site, calls: ScriptedCalls) -> None:
    async with site.widget() as widget:
        url = (await start(widget))["url"]
        held = await calls.next()
        async with sound(site, url) as socket:
            await held.transport.answer()
            socket.transport.abort()
            await held.until(lambda held: held.all(Dropped))
        async with sound(site, url):
            await held.until(lambda held: held.all(Resumed))
            with pytest.raises(InvalidStatus, match="403"):
                async with sound(site, url):  # one at a time
                    pass
            await widget.send("hang_up", call=held.call.id)
            assert await held.ended() is EndReason.CALLER
        with pytest.raises(InvalidStatus, match="403"):
            async with sound(site, url):  # it is over
                pass


@pytest.mark.parametrize("frame", [b"\0" * 3, "words", b"\0" * 70_000])
async def test_what_is_no_sound_drops_the_line(
    site: Site, calls: ScriptedCalls, frame: bytes | str
) -> None:
    async with call(site, calls) as (_, held, socket):
        await socket.send(frame)
        await held.until(lambda held: held.all(Dropped))
        await asyncio.wait_for(socket.wait_closed(), 10)


async def test_second_call_ends_the_first(site: Site, calls: ScriptedCalls) -> None:
    async with call(site, calls) as (widget, held, _):
        await widget.send("call", id="c_2")
        assert await held.ended() is EndReason.CALLER
        assert (await calls.next()).call.id != held.call.id


async def test_nobody_hangs_up_for_others(site: Site, calls: ScriptedCalls) -> None:
    async with call(site, calls) as (_, held, socket), site.widget() as other:
        await other.send("hang_up", call=held.call.id)
        await other.send("ping")
        await other.next("pong")
        await socket.send(b"\0\0")
        assert calls.open == 1


async def test_busy_desk_is_told_in_words(site: Site, calls: ScriptedCalls) -> None:
    calls.full = True
    async with site.widget(locale="de") as widget:
        await widget.send("call", id="c_1")
        told = await next_error(widget)
        assert (told["code"], told["id"]) == ("call_busy", "c_1")
        assert "Leitungen" in told["text"]


async def test_offer_that_makes_no_sense_is_told(site: Site, calls: ScriptedCalls) -> None:
    async with site.widget() as widget:
        await widget.send("call", id="c_1", sdp="v=0\r\n")
        assert (await next_error(widget))["code"] == "call_not_understood"
        held = await calls.next()
        assert await held.ended() is EndReason.LOST


async def test_calls_are_counted(site: Site, calls: ScriptedCalls) -> None:
    async with site.widget() as widget:
        for number in range(7):
            await widget.send("call", id=f"c_{number}")
        told = await next_error(widget)
        assert told["code"] == "too_fast"
        assert told["retry_after_s"] > 0


async def next_error(widget: Widget) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            frame: dict[str, Any] = json.loads(await widget.socket.recv())
            if frame["type"] == "error":
                return frame
