"""Calls by AudioSocket: an Asterisk of bytes, written from its documentation."""

import asyncio
import gc
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import numpy as np
import pytest
from starlette.responses import JSONResponse

from bot.calls.transport import Call, EndReason
from bot.errors import DeliveryFailed, OperatorError
from bot.line_settings import AudioSocketLine
from bot.messages import CustomerId
from connectors.calls.audiosocket import AudioSocket
from connectors.calls.line import CHANNEL
from tests.connectors.calls.audiosocket_side import (
    FRAME,
    SECRET,
    Asterisk,
    connection,
    curl,
    line_of,
)
from tests.connectors.calls.desk import CallSite, Held, call_site, tone
from tests.connectors.messaging.stand_in import StandIn

RATE = 8_000


@pytest.fixture
async def ari() -> AsyncIterator[StandIn]:
    api = StandIn()
    api.answer("POST", "/ari/channels", {"id": "1700000000.1", "state": "Down"})
    async with api.serving():
        yield api


@pytest.fixture
async def site(ari: StandIn) -> AsyncIterator[CallSite]:
    settings = AudioSocketLine.model_validate(
        {
            "secret": SECRET,
            "port": 0,
            "ari": {"url": f"{ari.url}/ari", "user": "desk", "password": "pw"},
        }
    )
    async with call_site({"audiosocket": settings}) as site:
        yield site


@asynccontextmanager
async def call(
    site: CallSite, number: str = "+15550100001"
) -> AsyncIterator[tuple[Held, Asterisk]]:
    name = (await curl(site, "announce", **{"from": number})).text
    held = await site.calls.next()
    async with connection(site) as asterisk:
        asterisk.send("01 0010", UUID(name).hex)
        await held.transport.answer()
        yield held, asterisk


async def test_every_byte_of_a_call(site: CallSite) -> None:
    async with call(site) as (held, asterisk):
        assert held.call.address == "audiosocket:+15550100001"
        asterisk.send("10 0004 0040 00c0")  # 16384, then -16384
        asterisk.send("03 0001 37")
        await held.until(lambda held: held.keys == "7" and len(held.heard) >= 2)
        assert held.heard[:2].tolist() == [0.5, -0.5]
        await held.transport.play(np.full(160, 0.25, np.float32))
        assert await asterisk.next() == b"\x10\x01\x40" + b"\x00\x20" * 160
        await held.transport.hang_up()
        assert await asterisk.closed() == b"\x00\x00\x00"
        assert await held.ended() is EndReason.DESK


async def test_sound_goes_out_as_fast_as_it_is_heard(site: CallSite) -> None:
    clock = asyncio.get_running_loop().time
    async with call(site) as (held, asterisk):
        await held.transport.play(tone(0.5, RATE))
        began = clock()
        sound = b"".join([(await asterisk.next())[3:] for _ in range(25)])
        assert 0.4 <= clock() - began < 1.5
        assert len(sound) == 0.5 * RATE * 2
        await held.until(lambda held: held.played == 0.5 * RATE)


async def test_clear_stops_what_has_not_gone_out(site: CallSite) -> None:
    async with call(site) as (held, asterisk):
        await held.transport.play(tone(20, RATE))
        for _ in range(10):
            await asterisk.next()
        played = await held.transport.clear()
        assert 10 * 160 <= played < 40 * 160
        await held.transport.hang_up()
        rest = await asterisk.closed()
        assert len(rest) < 30 * (FRAME + 3)


async def test_caller_hangs_up(site: CallSite) -> None:
    async with call(site) as (held, asterisk):
        asterisk.send("00 0000")
        assert await held.ended() is EndReason.CALLER
        await asterisk.closed()


async def test_closed_connection_is_a_caller_who_hung_up(site: CallSite) -> None:
    async with call(site) as (held, asterisk):
        asterisk.writer.write_eof()
        assert await held.ended() is EndReason.CALLER


@pytest.mark.parametrize(
    "sent",
    [
        "12 0004 00000000",  # 16 kHz
        "10 0003 000000",  # half a sample
        "ff 0001 01",
        "10 0140 0000",  # cut off
    ],
)
async def test_what_was_not_agreed_ends_the_call(site: CallSite, sent: str) -> None:
    async with call(site) as (held, asterisk):
        asterisk.send(sent)
        asterisk.writer.write_eof()
        assert await held.ended() is EndReason.LOST


async def test_dialplan_is_told_whom_to_connect(site: CallSite) -> None:
    async with call(site) as (held, asterisk):
        assert await held.transport.transfer("PJSIP/200")
        assert await held.ended() is EndReason.TRANSFERRED
        assert await asterisk.closed() == b"\x00\x00\x00"
    assert (await curl(site, "next", call=held.call.id.upper())).text == "PJSIP/200"
    assert (await curl(site, "next", call=held.call.id)).text == ""


async def test_silent_line_is_heard_as_silence(site: CallSite) -> None:
    async with call(site) as (held, _):
        await held.until(lambda held: len(held.heard) >= 0.3 * RATE)
        assert not held.heard.any()


@pytest.mark.parametrize(
    "first",
    [
        "01 0010" + "3f" * 16,  # not announced
        "01 0004 00000000",
        "10 0004 00000000",
        "474554202f20485454502f312e310d0a0d0a",  # GET / HTTP/1.1
    ],
)
async def test_connection_of_no_announced_call_is_closed(site: CallSite, first: str) -> None:
    async with connection(site) as asterisk:
        asterisk.send(first)
        asterisk.writer.write_eof()
        assert await asterisk.closed() == b""
    assert site.calls.open == 0


async def test_uuid_is_good_for_one_connection(site: CallSite) -> None:
    async with call(site) as (held, _), connection(site) as other:
        other.send("01 0010", UUID(held.call.id).hex)
        assert await other.closed() == b""
        assert site.calls.open == 1


async def test_call_is_announced_with_the_secret_alone(site: CallSite) -> None:
    assert (await curl(site, "announce", secret="guessed")).status_code == 401
    assert (await curl(site, "next", secret="")).status_code == 401
    assert site.calls.open == 0


async def test_busy_desk_gives_no_uuid(site: CallSite) -> None:
    site.calls.full = True
    assert (await curl(site, "announce")).text == ""


async def test_three_hundred_connections_that_never_send(
    site: CallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.calls.audiosocket.UUID_S", 0.3)
    line = line_of(site)
    await line.listening.wait()
    before = asyncio.all_tasks()
    opened = await asyncio.gather(*(asyncio.open_connection(*line.address) for _ in range(300)))
    async with call(site) as (held, asterisk):
        asterisk.send("03 0001 31")
        await held.until(lambda held: held.keys == "1")
        assert set(await asyncio.gather(*(reader.read() for reader, _ in opened))) == {b""}
        for _, writer in opened:
            writer.close()
        await held.transport.hang_up()
        await held.ended()
        await asterisk.closed()
    async with asyncio.timeout(10):
        while left := asyncio.all_tasks() - before:
            await asyncio.wait(left)
    gc.collect()
    assert not line._connections


OUTGOING = Call(
    id="call_1",
    channel=CHANNEL,
    customer=CustomerId("cus_1"),
    address="audiosocket:+15550100001",
    outgoing=True,
)


async def test_customer_is_called_back(site: CallSite, ari: StandIn) -> None:
    await site.front.dial(OUTGOING)
    held = await site.calls.next()
    [made] = ari.made("/ari/channels")
    assert made.headers["authorization"] == "Basic " + b64encode(b"desk:pw").decode()
    asked = json.loads(made.body)
    assert asked["endpoint"] == "PJSIP/+15550100001@trunk"
    async with connection(site) as asterisk:
        asterisk.send("01 0010", UUID(asked["variables"]["FRONTDESK_CALL"]).hex)
        await held.transport.answer()
        asterisk.send("00 0000")
        assert await held.ended() is EndReason.CALLER


async def test_exchange_that_refuses_to_call_is_told(site: CallSite, ari: StandIn) -> None:
    ari.fail("/ari/channels", JSONResponse({"message": "Allocation failed"}, 500))
    with pytest.raises(DeliveryFailed):
        await site.front.dial(OUTGOING)


@pytest.mark.parametrize("number", ["", "PJSIP/1&Local/9", "1@evil", "00 11"])
async def test_what_is_no_number_is_not_dialled(site: CallSite, ari: StandIn, number: str) -> None:
    with pytest.raises(DeliveryFailed, match="no line"):
        await site.front.dial(
            Call(id="c", channel=CHANNEL, customer=CustomerId("c"), address=f"audiosocket:{number}")
        )
    assert not ari.calls


async def test_port_that_is_taken_is_told(site: CallSite) -> None:
    line = line_of(site)
    await line.listening.wait()
    taken = AudioSocketLine.model_validate({"secret": SECRET, "port": line.address[1]})
    with pytest.raises(OperatorError, match="cannot listen"):
        await AudioSocket(taken, line.services).run()
