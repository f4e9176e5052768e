"""Calls by Telnyx: signed events, Call Control, and media that comes out of order."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.responses import JSONResponse
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from bot.calls.transport import Call, Dropped, EndReason, Resumed
from bot.errors import DeliveryFailed
from bot.line_settings import TelnyxLine
from bot.messages import CustomerId
from connectors.calls.codecs.g711 import MuLaw
from connectors.calls.line import CHANNEL
from tests.connectors.calls.desk import CallSite, Held, call_site, tone
from tests.connectors.messaging.stand_in import StandIn

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC_KEY = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
CALL = "v3:AbC-1"
ACTIONS = "/v2/calls/v3:AbC-1/actions"
CALLER, DESK = "+15550100001", "+15550100002"
FORMAT = {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}
RATE = 8_000


@pytest.fixture
async def api() -> AsyncIterator[StandIn]:
    api = StandIn()
    for action in ("answer", "reject", "hangup", "transfer", "streaming_start"):
        api.answer("POST", f"{ACTIONS}/{action}", {"data": {"result": "ok"}})
    api.answer("POST", "/v2/calls", {"data": {"call_control_id": CALL, "is_alive": False}})
    async with api.serving():
        yield api


@pytest.fixture
async def site(api: StandIn) -> AsyncIterator[CallSite]:
    given = {
        "key": "KEY1", "public_key": PUBLIC_KEY, "connection": "123", "number": DESK,
        "api": api.url,
    }  # fmt: skip
    async with call_site({"telnyx": TelnyxLine.model_validate(given)}) as site:
        yield site


async def post(
    site: CallSite, event: str, *, key: Ed25519PrivateKey = KEY, age_s: int = 0, **payload: Any
) -> httpx.Response:
    told = {
        "call_control_id": CALL, "connection_id": "123", "direction": "incoming",
        "from": CALLER, "to": DESK,
    } | payload  # fmt: skip
    data = {"event_type": event, "id": "e1", "record_type": "event", "payload": told}
    body = json.dumps({"data": data, "meta": {"attempt": 1}}).encode()
    moment = str(int(time.time()) - age_s)
    signature = base64.b64encode(key.sign(f"{moment}|".encode() + body)).decode()
    headers = {"telnyx-timestamp": moment, "telnyx-signature-ed25519": signature}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{site.url}/calls/telnyx", content=body, headers=headers)


def path_of(body: bytes) -> str:
    """Where Telnyx was told to open its WebSocket."""
    asked = json.loads(body)
    assert asked["stream_bidirectional_mode"] == "rtp"
    assert asked["stream_bidirectional_codec"] == "PCMU"
    return str(asked["stream_url"].removeprefix("wss://desk.example"))


class Stream:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, event: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"event": event, "stream_id": "s1"} | fields))

    async def say(self, data: bytes, order: list[int]) -> None:
        for number in order:
            payload = base64.b64encode(data[number * 160 : number * 160 + 160]).decode()
            media = {
                "track": "inbound", "chunk": str(number + 1), "timestamp": str(number * 20),
                "payload": payload,
            }  # fmt: skip
            await self.send("media", media=media, sequence_number=str(number + 2))

    async def next(self, event: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                frame: dict[str, Any] = json.loads(await self.socket.recv())
                if frame["event"] == event:
                    return frame


@asynccontextmanager
async def stream(
    site: CallSite, path: str, media_format: dict[str, Any] = FORMAT
) -> AsyncIterator[Stream]:
    async with connect(site.ws_url + path, proxy=None) as socket:
        stream = Stream(socket)
        await stream.send("connected", version="1.0.0")
        start = {"call_control_id": CALL, "media_format": media_format, "from": CALLER}
        await stream.send("start", start=start, sequence_number="1")
        yield stream


@asynccontextmanager
async def call(site: CallSite, api: StandIn) -> AsyncIterator[tuple[Held, Stream]]:
    assert (await post(site, "call.initiated")).status_code == 200
    [answered] = await api.wait(f"{ACTIONS}/answer")
    held = await site.calls.next()
    async with stream(site, path_of(answered.body)) as opened:
        await held.transport.answer()
        yield held, opened


async def test_sound_that_comes_out_of_order_is_heard_in_order(
    site: CallSite, api: StandIn
) -> None:
    said = tone(0.2, RATE)
    async with call(site, api) as (held, stream):
        await stream.say(MuLaw().encode(said), [0, 2, 1, 3, 5, 4, 6, 7, 9, 8])
        await held.until(lambda held: len(held.heard) >= len(said))
    assert np.abs(held.heard[: len(said)] - said).max() < 0.02
    assert held.call.address == f"telnyx:{CALLER}"


async def test_desk_is_heard_and_told_what_was_played(site: CallSite, api: StandIn) -> None:
    answer = tone(0.1, RATE)
    async with call(site, api) as (held, stream):
        await held.transport.play(answer)
        media = await stream.next("media")
        assert base64.b64decode(media["media"]["payload"]) == MuLaw().encode(answer)
        mark = await stream.next("mark")
        await stream.send("mark", mark=mark["mark"])
        await held.until(lambda held: held.played == 800)
        await held.transport.clear()
        await stream.next("clear")
        await stream.send("dtmf", dtmf={"digit": "5"})
        await held.until(lambda held: held.keys == "5")


async def test_caller_hangs_up(site: CallSite, api: StandIn) -> None:
    async with call(site, api) as (held, _):
        await post(site, "call.hangup", hangup_cause="normal_clearing")
        assert await held.ended() is EndReason.CALLER


async def test_desk_hangs_up_and_transfers(site: CallSite, api: StandIn) -> None:
    async with call(site, api) as (held, _):
        api.fail(f"{ACTIONS}/transfer", JSONResponse({"errors": [{"code": "90018"}]}, 422))
        assert not await held.transport.transfer("+15550100009")
        assert await held.transport.transfer("sip:desk@pbx.example")
        assert await held.ended() is EndReason.TRANSFERRED
        assert api.made(f"{ACTIONS}/transfer")[-1].json() == {"to": "sip:desk@pbx.example"}


async def test_stream_that_fails_is_started_again(site: CallSite, api: StandIn) -> None:
    async with call(site, api) as (held, opened):
        opened.socket.transport.abort()
        await held.until(lambda held: held.all(Dropped))
    await post(site, "streaming.failed")
    [again] = await api.wait(f"{ACTIONS}/streaming_start")
    async with stream(site, path_of(again.body)) as opened:
        await held.until(lambda held: held.all(Resumed))
        await held.transport.hang_up()
        assert await held.ended() is EndReason.DESK
    assert api.made(f"{ACTIONS}/hangup")


async def test_busy_desk_refuses(site: CallSite, api: StandIn) -> None:
    site.calls.full = True
    await post(site, "call.initiated")
    [refused] = await api.wait(f"{ACTIONS}/reject")
    assert refused.json() == {"cause": "USER_BUSY"}


async def test_event_that_comes_twice_is_one_call(site: CallSite, api: StandIn) -> None:
    await post(site, "call.initiated")
    await post(site, "call.initiated")
    await api.wait(f"{ACTIONS}/answer")
    assert site.calls.open == 1


@pytest.mark.parametrize(
    "signed",
    [{"key": Ed25519PrivateKey.from_private_bytes(b"f" * 32)}, {"age_s": 400}, {"age_s": -400}],
)
async def test_forged_and_old_events_are_refused(site: CallSite, signed: Any) -> None:
    assert (await post(site, "call.initiated", **signed)).status_code == 401
    assert site.calls.open == 0


async def test_socket_of_no_call_is_refused(site: CallSite) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        async with stream(site, "/calls/telnyx/made-up"):
            pass


async def test_codec_that_was_not_agreed_ends_the_call(site: CallSite, api: StandIn) -> None:
    await post(site, "call.initiated")
    [answered] = await api.wait(f"{ACTIONS}/answer")
    held = await site.calls.next()
    async with stream(site, path_of(answered.body), FORMAT | {"encoding": "OPUS"}):
        assert await held.ended() is EndReason.LOST


async def test_customer_is_called_back(site: CallSite, api: StandIn) -> None:
    outgoing = Call(
        id="call_1", channel=CHANNEL, customer=CustomerId("cus_1"), outgoing=True,
        address=f"telnyx:{CALLER}",
    )  # fmt: skip
    await site.front.dial(outgoing)
    held = await site.calls.next()
    [made] = api.made("/v2/calls")
    assert (made.json()["to"], made.json()["from"]) == (CALLER, DESK)
    async with stream(site, path_of(made.body)):
        await held.transport.answer()
    await post(site, "call.hangup", direction="outgoing", hangup_cause="normal_clearing")
    assert await held.ended() is EndReason.CALLER
    await site.front.dial(outgoing)
    held = await site.calls.next()
    await post(site, "call.hangup", direction="outgoing", hangup_cause="user_busy")
    assert await held.ended() is EndReason.REFUSED
    api.fail("/v2/calls", JSONResponse({"errors": [{"code": "10016"}]}, 422))
    with pytest.raises(DeliveryFailed, match="10016"):
        await site.front.dial(outgoing)
    with pytest.raises(InvalidStatus, match="403"):
        async with stream(site, path_of(api.made("/v2/calls")[-1].body)):
            pass
