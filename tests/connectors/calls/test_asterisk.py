"""Calls by Asterisk's WebSocket channel."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from bot.calls.transport import Call, EndReason
from bot.line_settings import AsteriskLine
from bot.messages import CustomerId
from connectors.calls.codecs.g711 import ALaw
from connectors.calls.line import CHANNEL
from tests.connectors.calls.desk import CallSite, Held, call_site, tone
from tests.connectors.messaging.stand_in import StandIn

RATE = 8_000
PASSWORD = "the exchange's"
LOGIN = "Basic " + b64encode(f"asterisk:{PASSWORD}".encode()).decode()
START = (
    "MEDIA_START connection_id:media channel:WebSocket/desk/0x1 channel_id:1.2 format:alaw"
    " optimal_frame_size:160 ptime:20"
)
JSON_START = (
    '{"event": "MEDIA_START", "connection_id": "media", "format": "alaw",'
    ' "optimal_frame_size": 160, "ptime": 20}'
)


@pytest.fixture
async def ari() -> AsyncIterator[StandIn]:
    api = StandIn()
    api.answer("POST", "/ari/channels", {"id": "1700000000.1"})
    async with api.serving():
        yield api


@pytest.fixture
async def site(ari: StandIn) -> AsyncIterator[CallSite]:
    given = {
        "password": PASSWORD, "codec": "alaw",
        "ari": {"url": f"{ari.url}/ari", "user": "desk", "password": "pw"},
    }  # fmt: skip
    async with call_site({"asterisk": AsteriskLine.model_validate(given)}) as site:
        yield site


@asynccontextmanager
async def socket(
    site: CallSite, login: str = LOGIN, **query: str
) -> AsyncIterator[ClientConnection]:
    """As `Dial(WebSocket/desk/c(alaw)nv(…))` opens it."""
    async with connect(
        f"{site.ws_url}/calls/asterisk?{urlencode(query)}",
        additional_headers={"Authorization": login} if login else {},
        subprotocols=[Subprotocol("media")],
        proxy=None,
    ) as opened:
        yield opened


@asynccontextmanager
async def call(
    site: CallSite, start: str = START, **query: str
) -> AsyncIterator[tuple[Held, ClientConnection]]:
    async with socket(site, **query) as opened:
        await opened.send(start)
        held = await site.calls.next()
        assert await opened.recv() == "ANSWER"
        await held.transport.answer()
        yield held, opened


@pytest.mark.parametrize("start", [START, JSON_START], ids=["text", "json"])
async def test_sound_goes_both_ways(site: CallSite, start: str) -> None:
    said, codec = tone(0.1, RATE), ALaw()
    query = {"call": "1700000000.7", "from": "+15550100001"}
    async with call(site, start, **query) as (held, opened):
        assert (held.call.id, held.call.address) == ("1700000000.7", "asterisk:+15550100001")
        for at in range(0, len(said), 160):
            await opened.send(codec.encode(said[at : at + 160]))
        await held.until(lambda held: len(held.heard) >= len(said))
        assert np.abs(held.heard[: len(said)] - said).max() < 0.02
        await held.transport.play(said)
        frames = [await opened.recv() for _ in range(5)]
        assert frames == [codec.encode(said[at : at + 160]) for at in range(0, 800, 160)]
        await held.until(lambda held: held.played == 800)


@pytest.mark.parametrize("told", ["DTMF_END digit:4", '{"event": "DTMF_END", "digit": "4"}'])
async def test_keys_are_told(site: CallSite, told: str) -> None:
    async with call(site) as (held, opened):
        await opened.send(told)
        await opened.send("MEDIA_XON")
        await held.until(lambda held: held.keys == "4")


async def test_clear_flushes_what_asterisk_holds(site: CallSite) -> None:
    async with call(site) as (held, opened):
        await held.transport.play(tone(10, RATE))
        await opened.recv()
        assert await held.transport.clear() < RATE
        async with asyncio.timeout(10):
            while await opened.recv() != "FLUSH_MEDIA":
                pass


async def test_both_sides_can_hang_up(site: CallSite) -> None:
    async with call(site) as (held, opened):
        await held.transport.hang_up()
        assert await opened.recv() == "HANGUP"
        assert await held.ended() is EndReason.DESK
    async with call(site) as (held, opened):
        await opened.close()
        assert await held.ended() is EndReason.CALLER


async def test_dialplan_is_told_whom_to_connect(site: CallSite) -> None:
    async with call(site, call="1.7") as (held, _):
        assert await held.transport.transfer("PJSIP/200")
        assert await held.ended() is EndReason.TRANSFERRED
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{site.url}/calls/asterisk/next"
        asked = {"call": "1.7", "secret": PASSWORD}
        assert (await client.post(url, data=asked)).text == "PJSIP/200"
        assert (await client.post(url, data=asked)).text == ""
        assert (await client.post(url, data={"call": "1.7"})).status_code == 401


@pytest.mark.parametrize("login", ["", "Basic " + b64encode(b"asterisk:guessed").decode()])
async def test_socket_without_login_is_refused(site: CallSite, login: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        async with socket(site, login):
            pass


@pytest.mark.parametrize("first", [START.replace("alaw", "opus"), "GARBAGE", "{", "", b"\x00"])
async def test_what_was_not_agreed_is_closed(site: CallSite, first: str | bytes) -> None:
    async with socket(site) as opened:
        await opened.send(first)
        await asyncio.wait_for(opened.wait_closed(), 10)
    assert site.calls.open == 0


async def test_busy_desk_hangs_up(site: CallSite) -> None:
    site.calls.full = True
    async with socket(site) as opened:
        await opened.send(START)
        assert await opened.recv() == "HANGUP"


async def test_customer_is_called_back(site: CallSite, ari: StandIn) -> None:
    address = "asterisk:+15550100001"
    await site.front.dial(
        Call(id="c1", channel=CHANNEL, customer=CustomerId("cus_1"), address=address, outgoing=True)
    )
    held = await site.calls.next()
    [made] = ari.made("/ari/channels")
    async with socket(site, call=made.json()["variables"]["FRONTDESK_CALL"]) as opened:
        await opened.send(START)
        await held.transport.answer()
        await opened.close()
        assert await held.ended() is EndReason.CALLER
