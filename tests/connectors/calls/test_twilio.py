"""Calls by Twilio: signed webhooks, Media Streams, and what its API is asked to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from starlette.responses import JSONResponse
from websockets.exceptions import InvalidStatus

from bot.calls.transport import Call, Dropped, EndReason, Resumed
from bot.errors import DeliveryFailed
from bot.line_settings import TwilioLine
from bot.messages import ConversationId, CustomerId
from connectors.calls.codecs.g711 import MuLaw
from connectors.calls.line import CHANNEL
from tests.connectors.calls.desk import CallSite, Held, call_site, others, tone
from tests.connectors.calls.twilio_side import (
    ACCOUNT,
    CALLER,
    DESK,
    SID,
    TOKEN,
    TwilioStream,
    post,
    stream_path,
    streaming,
)
from tests.connectors.messaging.stand_in import StandIn

CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls"
RATE = 8_000


@pytest.fixture
async def api() -> AsyncIterator[StandIn]:
    """Twilio's API."""
    api = StandIn()
    api.answer("POST", f"{CALLS}/{SID}.json", {"sid": SID})
    api.answer("POST", f"{CALLS}.json", {"sid": SID, "status": "queued"})
    async with api.serving():
        yield api


@pytest.fixture
async def site(api: StandIn) -> AsyncIterator[CallSite]:
    given = {"account": ACCOUNT, "token": TOKEN, "number": DESK, "api": api.url}
    async with call_site({"twilio": TwilioLine.model_validate(given)}) as site:
        yield site


@asynccontextmanager
async def call(site: CallSite) -> AsyncIterator[tuple[Held, TwilioStream]]:
    """A call that has been taken."""
    answer = await post(site)
    held = await site.calls.next()
    async with streaming(site, stream_path(answer.text)) as stream:
        await stream.start()
        await held.transport.answer()
        yield held, stream


async def test_caller_is_heard_as_they_spoke(site: CallSite) -> None:
    said = tone(0.5, RATE)
    async with call(site) as (held, stream):
        await stream.say(MuLaw().encode(said))
        await held.until(lambda held: len(held.heard) >= len(said))
    assert np.abs(held.heard[: len(said)] - said).max() < 0.02
    assert held.call.id == SID
    assert held.call.address == f"twilio:{CALLER}"
    assert held.call.verified == ()


async def test_desk_is_heard_with_a_mark_behind_each_tenth_of_a_second(site: CallSite) -> None:
    answer = tone(0.25, RATE)
    async with call(site) as (held, stream):
        await held.transport.play(answer)
        marks = await stream.wait("mark", 3)
        assert stream.sound == MuLaw().encode(answer)
        assert {frame["streamSid"] for frame in stream.frames} == {"MZ1"}
        await stream.played(marks[0]["mark"]["name"])
        await held.until(lambda held: held.played == 800)
        await stream.played(marks[2]["mark"]["name"])
        await held.until(lambda held: held.played == 2_000)


async def test_clear_empties_the_buffer_and_counts_what_was_heard(site: CallSite) -> None:
    async with call(site) as (held, stream):
        await held.transport.play(tone(30, RATE))
        marks = await stream.wait("mark", 300)
        await stream.played(marks[4]["mark"]["name"])
        await held.until(lambda held: held.played == 4_000)
        played = await held.transport.clear()
        await stream.wait("clear")
        assert 4_000 <= played < 4_000 + 3 * RATE
        # Twilio gives all marks back that were waiting; their sound was never heard.
        for mark in marks[5:]:
            await stream.played(mark["mark"]["name"])
        await held.transport.play(tone(0.1, RATE))
        [last] = (await stream.wait("mark", 301))[300:]
        await stream.played(last["mark"]["name"])
        await held.until(lambda held: held.played == played + 800)
        assert held.played == played + 800


async def test_keys_are_told(site: CallSite) -> None:
    async with call(site) as (held, stream):
        for digit in "42#":
            await stream.send("dtmf", dtmf={"track": "inbound_track", "digit": digit})
        await held.until(lambda held: len(held.keys) == 3)
    assert held.keys == "42#"


async def test_what_the_network_lost_becomes_silence(site: CallSite) -> None:
    piece = MuLaw().encode(tone(0.1, RATE))
    async with call(site) as (held, stream):
        await stream.say(piece)
        await stream.say(piece, at_ms=1_100)
        await held.until(lambda held: len(held.heard) >= 1.2 * RATE)
    heard = held.heard[: int(1.2 * RATE)]
    assert np.abs(heard[: RATE // 10]).max() > 0.4
    assert not heard[RATE // 10 : int(1.1 * RATE)].any()
    assert np.abs(heard[int(1.1 * RATE) :]).max() > 0.4


async def test_caller_hangs_up(site: CallSite) -> None:
    before = others()
    async with call(site) as (held, stream):
        await stream.send("stop", stop={"accountSid": ACCOUNT, "callSid": SID})
        assert await held.ended() is EndReason.CALLER
        await stream.socket.wait_closed()
    assert (await post(site, "/again")).text.endswith("<Response><Hangup/></Response>")
    assert site.calls.open == 0
    await asyncio.sleep(0)
    assert not {task for task in others() - before if task.get_name().startswith("call")}


async def test_desk_hangs_up(site: CallSite, api: StandIn) -> None:
    async with call(site) as (held, stream):
        await held.transport.hang_up()
        assert await held.ended() is EndReason.DESK
        await stream.socket.wait_closed()
    [made] = api.made(f"{CALLS}/{SID}.json")
    assert made.form == {"Status": "completed"}


async def test_desk_hangs_up_though_twilio_does_not_answer(site: CallSite, api: StandIn) -> None:
    api.fail(f"{CALLS}/{SID}.json", JSONResponse({"code": 20500}, 500))
    async with call(site) as (held, stream):
        await held.transport.hang_up()
        assert await held.ended() is EndReason.DESK
        await stream.socket.wait_closed()


@pytest.mark.parametrize(
    ("target", "dialled"),
    [
        ("+15550100009", "<Number>+15550100009</Number>"),
        ("sip:desk@pbx.example;a=1&b", "<Sip>sip:desk@pbx.example;a=1&amp;b</Sip>"),
    ],
)
async def test_caller_is_connected_with_a_person(
    site: CallSite, api: StandIn, target: str, dialled: str
) -> None:
    async with call(site) as (held, _):
        assert await held.transport.transfer(target)
        assert await held.ended() is EndReason.TRANSFERRED
    [made] = api.made(f"{CALLS}/{SID}.json")
    assert f"<Dial>{dialled}</Dial>" in made.form["Twiml"]


async def test_call_goes_on_where_nobody_can_be_reached(site: CallSite, api: StandIn) -> None:
    api.fail(f"{CALLS}/{SID}.json", JSONResponse({"code": 21220}, 400))
    async with call(site) as (held, stream):
        assert not await held.transport.transfer("+15550100009")
        await stream.send("dtmf", dtmf={"digit": "1"})
        await held.until(lambda held: held.keys == "1")


async def test_dropped_socket_is_opened_again(site: CallSite) -> None:
    async with call(site) as (held, stream):
        await held.transport.play(tone(0.2, RATE))
        [mark, _] = await stream.wait("mark", 2)
        await stream.played(mark["mark"]["name"])
        await held.until(lambda held: held.played == 800)
        stream.socket.transport.abort()
        [dropped] = await held.until(lambda held: held.all(Dropped))
        assert dropped.played >= 800
        await held.transport.play(tone(5, RATE))  # on a line that is down: nothing
    again = await post(site, "/again", CallStatus="in-progress")
    async with streaming(site, stream_path(again.text)) as stream:
        await stream.start()
        await held.until(lambda held: held.all(Resumed))
        await held.transport.play(tone(0.1, RATE))
        [mark] = await stream.wait("mark")
        await stream.played(mark["mark"]["name"])
        await held.until(lambda held: held.played == dropped.played + 800)


async def test_busy_desk_refuses(site: CallSite) -> None:
    site.calls.full = True
    assert '<Reject reason="busy"/>' in (await post(site)).text


async def test_it_rings_until_the_desk_is_ready(site: CallSite) -> None:
    site.calls.answers = False
    ringing = asyncio.create_task(post(site))
    held = await site.calls.next()
    assert not ringing.done()
    taking = asyncio.create_task(held.transport.answer())
    path = stream_path((await ringing).text)
    assert not taking.done()
    async with streaming(site, path) as stream:
        await stream.start()
        await asyncio.wait_for(taking, 10)


async def test_unsigned_webhook_is_refused(site: CallSite) -> None:
    assert (await post(site, sign=False)).status_code == 401
    assert (await post(site, AccountSid="AC" + "f" * 32)).status_code == 401


async def test_unsigned_socket_is_refused(site: CallSite) -> None:
    path = stream_path((await post(site)).text)
    with pytest.raises(InvalidStatus, match="403"):
        async with streaming(site, path, sign=False):
            pass


async def test_socket_of_no_call_is_refused(site: CallSite) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        async with streaming(site, "/calls/twilio/stream/made-up"):
            pass


async def test_socket_address_is_good_for_one(site: CallSite) -> None:
    path = stream_path((await post(site)).text)
    async with streaming(site, path) as stream:
        await stream.start()
        with pytest.raises(InvalidStatus, match="403"):
            async with streaming(site, path):
                pass


@pytest.mark.parametrize(
    "changed",
    [
        {"mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 8000, "channels": 1}},
        {"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1}},
        {"accountSid": "AC" + "f" * 32},
    ],
)
async def test_stream_that_was_not_agreed_ends_the_call(site: CallSite, changed: Any) -> None:
    path = stream_path((await post(site)).text)
    held = await site.calls.next()
    async with streaming(site, path) as stream:
        await stream.start(**changed)
        assert await held.ended() is EndReason.LOST
        await stream.socket.wait_closed()
        assert stream.socket.close_code == 1003


@pytest.mark.parametrize(
    "frame",
    ["no json", "[]", '{"event": "media"}', '{"event": "media", "media": {"payload": "%"}}', "{}"],
)
async def test_frames_that_make_no_sense_are_left_out(site: CallSite, frame: str) -> None:
    async with call(site) as (held, stream):
        await stream.socket.send(frame)
        await stream.send("dtmf", dtmf={"digit": "7"})
        await held.until(lambda held: held.keys == "7")


async def test_oversized_frame_drops_the_line(site: CallSite) -> None:
    async with call(site) as (held, stream):
        await stream.socket.send("x" * 70_000)
        await held.until(lambda held: held.all(Dropped))
        await stream.socket.wait_closed()
        assert stream.socket.close_code == 1009


OUTGOING = Call(
    id="call_1",
    channel=CHANNEL,
    customer=CustomerId("cus_1"),
    conversation=ConversationId("con_1"),
    address=f"twilio:{CALLER}",
    outgoing=True,
    opening="You asked us to call back.",
)


async def test_customer_is_called_back(site: CallSite, api: StandIn) -> None:
    await site.front.dial(OUTGOING)
    held = await site.calls.next()
    assert held.call == OUTGOING
    [made] = api.made(f"{CALLS}.json")
    assert (made.form["To"], made.form["From"]) == (CALLER, DESK)
    async with streaming(site, stream_path(made.form["Twiml"])) as stream:
        await stream.start()
        await held.transport.answer()
        await held.transport.play(tone(0.1, RATE))
        await stream.wait("mark")
        await stream.send("stop", stop={})
        assert await held.ended() is EndReason.CALLER


async def test_customer_does_not_take_the_call(site: CallSite) -> None:
    await site.front.dial(OUTGOING)
    held = await site.calls.next()
    assert (await post(site, "/status", CallStatus="no-answer")).status_code == 200
    assert await held.ended() is EndReason.REFUSED


async def test_number_that_cannot_be_called_is_told(site: CallSite, api: StandIn) -> None:
    api.fail(f"{CALLS}.json", JSONResponse({"code": 21211, "message": "+15550100001"}, 400))
    with pytest.raises(DeliveryFailed, match="error 21211"):
        await site.front.dial(OUTGOING)
    assert site.calls.open == 0


async def test_who_picks_up_a_call_that_failed_for_the_desk_is_not_held_in_silence(
    site: CallSite, api: StandIn
) -> None:
    api.fail(f"{CALLS}.json", JSONResponse({}, 503))  # it may ring all the same
    with pytest.raises(DeliveryFailed):
        await site.front.dial(OUTGOING)
    [made] = api.made(f"{CALLS}.json")
    with pytest.raises(InvalidStatus, match="403"):
        async with streaming(site, stream_path(made.form["Twiml"])):
            pass
