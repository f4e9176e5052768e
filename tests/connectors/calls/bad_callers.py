"""Callers whom nothing can be done for, on every kind of line: each of them comes, does what it
does, and is gone from its own side."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bot.calls.switchboard import Switchboard
from bot.calls.transport import Call, Transport
from connectors.calls.codecs.l16 import L16
from models.audio import resampled
from models.espeak import Espeak
from tests.connectors.calls.audiosocket_side import Asterisk, connection, curl
from tests.connectors.calls.desk import CallSite, ScriptedCalls
from tests.connectors.calls.lossy_network import LossyNetwork, Weather
from tests.connectors.calls.peer import Peer
from tests.connectors.calls.twilio_side import ACCOUNT, TwilioStream, post, stream_path, streaming
from tests.connectors.conftest import Site, Widget
from tests.connectors.messaging.stand_in import StandIn

RATE = 16_000
_FRAME_BYTES = 640
_SILENCE = b"\0" * _FRAME_BYTES
_L16 = {"encoding": "audio/x-l16", "sampleRate": 8000, "channels": 1}


class HeldCalls(ScriptedCalls):
    """Held by real sessions."""

    switchboard: Switchboard

    async def hold(self, call: Call, transport: Transport) -> None:
        await self.switchboard.hold(call, transport)


class Lines:
    """A desk with a line of every kind."""

    def __init__(self, phones: CallSite, chat: Site, api: StandIn) -> None:
        self.phones = phones
        self.chat = chat
        self._api = api
        self._numbers = count(1)

    @property
    def held(self) -> int:
        """Calls that are going on."""
        assert isinstance(self.phones.calls, HeldCalls)
        return self.phones.calls.switchboard.held

    def sid(self) -> str:
        """Of a new call that Twilio's API knows."""
        sid = f"CA{next(self._numbers):032x}"
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}.json"
        self._api.answer("POST", path, {"sid": sid})
        return sid


Caller = Callable[[Lines], Awaitable[None]]


async def refused(opening: Any) -> None:
    """A WebSocket that the desk does not accept."""
    with pytest.raises(InvalidStatus, match="403"):
        async with opening:
            pass


# A provider's WebSocket


@asynccontextmanager
async def phone_call(lines: Lines, sid: str) -> AsyncIterator[TwilioStream]:
    """A call in which the desk has begun to speak."""
    answer = await post(lines.phones, CallSid=sid)
    async with streaming(lines.phones, stream_path(answer.text)) as stream:
        await stream.start()
        await stream.wait("media")
        yield stream


async def phone_drops(lines: Lines) -> None:
    async with phone_call(lines, lines.sid()) as stream:
        stream.socket.transport.abort()


async def phone_drops_and_returns(lines: Lines) -> None:
    sid = lines.sid()
    async with phone_call(lines, sid) as stream:
        stream.socket.transport.abort()
    async with asyncio.timeout(10):
        again = await post(lines.phones, "/again", CallSid=sid)
        while "<Hangup/>" in again.text:  # the desk has not noticed yet
            again = await post(lines.phones, "/again", CallSid=sid)
    async with streaming(lines.phones, stream_path(again.text)) as stream:
        await stream.start()
        await stream.wait("media")
        await stream.send("stop", stop={})
        await stream.socket.wait_closed()


async def phone_never_speaks(lines: Lines) -> None:
    async with phone_call(lines, lines.sid()) as stream:
        playing = asyncio.create_task(_play(stream))
        await stream.socket.wait_closed()
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)


async def _play(stream: TwilioStream) -> None:
    for number in count():
        mark = (await stream.wait("mark", number + 1))[number]
        await stream.played(mark["mark"]["name"])


async def phone_speaks_another_codec(lines: Lines) -> None:
    answer = await post(lines.phones, CallSid=lines.sid())
    async with streaming(lines.phones, stream_path(answer.text)) as stream:
        await stream.start(mediaFormat=_L16)
        await stream.socket.wait_closed()


async def phone_is_not_signed(lines: Lines) -> None:
    assert (await post(lines.phones, sign=False)).status_code == 401
    answer = await post(lines.phones, CallSid=lines.sid())
    await refused(streaming(lines.phones, stream_path(answer.text), sign=False))


async def phone_never_sends(lines: Lines) -> None:
    answer = await post(lines.phones, CallSid=lines.sid())
    async with streaming(lines.phones, stream_path(answer.text)) as stream:
        await stream.socket.wait_closed()


# The widget's WebSocket


async def frame_of(widget: Widget, kind: str, **fields: Any) -> dict[str, Any]:
    """The next frame of this kind with these fields; others are passed over."""
    async with asyncio.timeout(30):
        while True:
            frame: dict[str, Any] = json.loads(await widget.socket.recv())
            if frame["type"] == kind and fields.items() <= frame.items():
                return frame


@asynccontextmanager
async def widget_call(lines: Lines) -> AsyncIterator[tuple[Widget, str, ClientConnection]]:
    """A call in which the desk has begun to speak, and the address of its socket."""
    async with lines.chat.widget() as widget:
        await widget.send("call", id="c_1")
        url = lines.phones.ws_url + (await frame_of(widget, "call"))["url"]
        async with connect(url, proxy=None) as socket:
            await socket.send(_SILENCE)
            await socket.recv()
            yield widget, url, socket


async def widget_drops_in_a_sentence(lines: Lines) -> None:
    (said,) = Espeak("en-us", 160).synthesize("Where is the order that I have sent back?", "en")
    sound = resampled(said.samples, said.sample_rate_hz, RATE)
    data = L16(RATE, order="little").encode(sound)
    async with widget_call(lines) as (widget, _, socket):
        for at in range(0, len(data), _FRAME_BYTES):
            await socket.send(data[at : at + _FRAME_BYTES])
        await frame_of(widget, "caption", by_caller=True)
        socket.transport.abort()


async def widget_drops_and_returns(lines: Lines) -> None:
    async with widget_call(lines) as (widget, url, socket):
        socket.transport.abort()
        async with await _connected_again(url) as again:
            await again.send(_SILENCE)
            await again.recv()
            await lines.chat.webchat.hang_up(widget.welcome["conversation"], "")
            await _until_closed(again)


async def _connected_again(url: str) -> ClientConnection:
    async with asyncio.timeout(10):
        while True:
            with suppress(InvalidStatus):  # the desk has not noticed yet
                return await connect(url, proxy=None)


async def widget_never_speaks(lines: Lines) -> None:
    async with widget_call(lines) as (_, _, socket):
        await _until_closed(socket)


async def widget_never_sends(lines: Lines) -> None:
    async with lines.chat.widget() as widget:
        await widget.send("call", id="c_1")
        url = lines.phones.ws_url + (await frame_of(widget, "call"))["url"]
        async with connect(url, proxy=None) as socket:
            await _until_closed(socket)


async def widget_speaks_another_codec(lines: Lines) -> None:
    async with widget_call(lines) as (_, _, socket):
        await socket.send(b"\0" * 3)
        await _until_closed(socket)


async def widget_makes_an_address_up(lines: Lines) -> None:
    await refused(connect(f"{lines.phones.ws_url}/calls/browser/made-up", proxy=None))


async def _until_closed(socket: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        async with asyncio.timeout(30):
            while True:
                await socket.recv()


# TCP


@asynccontextmanager
async def exchange_call(lines: Lines) -> AsyncIterator[tuple[str, Asterisk]]:
    """A call in which the desk has begun to speak, and its UUID in hexadecimal."""
    name = UUID((await curl(lines.phones, "announce")).text).hex
    async with connection(lines.phones) as asterisk:
        asterisk.send("01 0010", name)
        await asterisk.next()
        yield name, asterisk


async def exchange_drops(lines: Lines) -> None:
    async with exchange_call(lines) as (_, asterisk):
        asterisk.writer.transport.abort()


async def exchange_drops_and_returns(lines: Lines) -> None:
    async with exchange_call(lines) as (name, asterisk):
        asterisk.writer.transport.abort()
    async with connection(lines.phones) as asterisk:
        asterisk.send("01 0010", name)
        with suppress(ConnectionError):
            await asterisk.closed()


async def exchange_never_speaks(lines: Lines) -> None:
    async with exchange_call(lines) as (_, asterisk), asyncio.timeout(30):
        while (await asterisk.next())[0]:
            pass


async def exchange_speaks_another_codec(lines: Lines) -> None:
    async with exchange_call(lines) as (_, asterisk):
        asterisk.send("12 0004 00000000")  # 16 kHz
        with suppress(ConnectionError):
            await asterisk.closed()


async def exchange_does_not_connect(lines: Lines) -> None:
    assert (await curl(lines.phones, "announce")).text


async def exchange_has_not_the_secret(lines: Lines) -> None:
    assert (await curl(lines.phones, "announce", secret="guessed")).status_code == 401
    async with connection(lines.phones) as asterisk:
        asterisk.send("01 0010" + "3f" * 16)
        assert await asterisk.closed() == b""


async def exchange_never_sends(lines: Lines) -> None:
    async with connection(lines.phones) as asterisk:
        assert await asterisk.closed() == b""


# UDP


@asynccontextmanager
async def webrtc_call(lines: Lines) -> AsyncIterator[tuple[Widget, LossyNetwork]]:
    """A call in which the desk has begun to speak, over a network that can be cut."""
    network, peer = LossyNetwork(Weather(), seed=1), Peer(np.zeros(0, np.float32))
    async with lines.chat.widget() as widget:
        try:
            await widget.send("call", id="c_1", sdp=await network.between(await peer.offer()))
            taken = await frame_of(widget, "call")
            await peer.accept(await network.between(taken["sdp"]))
            await peer.hears()
            yield widget, network
        finally:
            await peer.close()
            network.close()


async def browser_vanishes(lines: Lines) -> None:
    async with webrtc_call(lines) as (widget, network):
        network.close()
        await frame_of(widget, "call_ended")


async def browser_vanishes_and_calls_anew(lines: Lines) -> None:
    async with webrtc_call(lines) as (widget, network):
        network.close()
        peer = Peer(np.zeros(0, np.float32))
        await widget.send("call", id="c_2", sdp=await peer.offer())
        await peer.accept((await frame_of(widget, "call", id="c_2"))["sdp"])
        await peer.hears()
        await peer.close()


async def browser_never_speaks(lines: Lines) -> None:
    async with webrtc_call(lines) as (widget, _):
        await frame_of(widget, "call_ended")


async def browser_does_not_connect(lines: Lines) -> None:
    peer = Peer(np.zeros(0, np.float32))
    async with lines.chat.widget() as widget:
        await widget.send("call", id="c_1", sdp=await peer.offer())
        await frame_of(widget, "call_ended")
    await peer.close()


async def browser_offers_another_codec(lines: Lines) -> None:
    peer = Peer(np.zeros(0, np.float32))
    kept = [line for line in (await peer.offer()).splitlines() if "opus" not in line.lower()]
    async with lines.chat.widget() as widget:
        await widget.send("call", id="c_1", sdp="\r\n".join(kept).replace(" 96 ", " ") + "\r\n")
        await frame_of(widget, "error", code="call_not_understood")
    await peer.close()


CALLERS: dict[str, tuple[Caller, ...]] = {
    "a provider's WebSocket": (
        phone_drops,
        phone_drops_and_returns,
        phone_never_speaks,
        phone_speaks_another_codec,
        phone_is_not_signed,
        phone_never_sends,
    ),
    "the widget's WebSocket": (
        widget_drops_in_a_sentence,
        widget_drops_and_returns,
        widget_never_speaks,
        widget_never_sends,
        widget_speaks_another_codec,
        widget_makes_an_address_up,
    ),
    "TCP": (
        exchange_drops,
        exchange_drops_and_returns,
        exchange_never_speaks,
        exchange_speaks_another_codec,
        exchange_does_not_connect,
        exchange_has_not_the_secret,
        *[exchange_never_sends] * 20,
    ),
    "UDP": (
        browser_vanishes,
        browser_vanishes_and_calls_anew,
        browser_never_speaks,
        browser_does_not_connect,
        browser_offers_another_codec,
    ),
}
