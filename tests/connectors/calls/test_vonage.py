"""Calls by Vonage: signed webhooks, NCCOs, and the Voice API's socket."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.responses import JSONResponse
from vonage_jwt import verify_signature
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from bot.calls.transport import Call, Dropped, EndReason, Resumed
from bot.errors import DeliveryFailed
from bot.line_settings import VonageLine
from bot.messages import CustomerId
from connectors.calls.codecs.l16 import L16
from connectors.calls.line import CHANNEL
from tests.connectors.calls.desk import CallSite, Held, call_site, tone
from tests.connectors.messaging.stand_in import StandIn

APPLICATION = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
SECRET = "the signature secret of the account, long"
CALL = "63f61863-4a51-4f6b-86e1-46edebcf9356"
CALLER, DESK = "15550100001", "15550100002"
RATE = 16_000
TYPE = "audio/l16;rate=16000"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def api() -> AsyncIterator[StandIn]:
    api = StandIn()
    api.answer("PUT", f"/v1/calls/{CALL}", {})
    api.answer("POST", "/v1/calls", {"uuid": CALL, "status": "started"})
    async with api.serving():
        yield api


@pytest.fixture
async def site(api: StandIn, key: rsa.RSAPrivateKey) -> AsyncIterator[CallSite]:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    given = {
        "application": APPLICATION, "private_key": pem.decode(), "signature_secret": SECRET,
        "number": DESK, "api": api.url,
    }  # fmt: skip
    async with call_site({"vonage": VonageLine.model_validate(given)}) as site:
        yield site


async def post(
    site: CallSite, path: str, *, secret: str = SECRET, claims: Any = None, **told: Any
) -> httpx.Response:
    body = json.dumps({"uuid": CALL, "from": CALLER, "to": DESK} | told).encode()
    signed = {
        "iat": int(time.time()), "jti": "j", "iss": "Vonage", "api_key": "a",
        "application_id": APPLICATION, "payload_hash": hashlib.sha256(body).hexdigest(),
    } | (claims or {})  # fmt: skip
    token = jwt.encode(signed, secret, algorithm="HS256")
    assert verify_signature(token, secret)
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await client.post(f"{site.url}/calls/vonage/{path}", content=body, headers=headers)


def path_of(ncco: Any) -> str:
    """Where an NCCO has Vonage open its WebSocket."""
    [connecting] = ncco
    [endpoint] = connecting["endpoint"]
    assert (endpoint["type"], endpoint["content-type"]) == ("websocket", TYPE)
    return str(endpoint["uri"].removeprefix("wss://desk.example"))


@asynccontextmanager
async def stream(
    site: CallSite, path: str, content_type: str = TYPE
) -> AsyncIterator[ClientConnection]:
    async with connect(site.ws_url + path, proxy=None) as socket:
        connected = {"event": "websocket:connected", "content-type": content_type}
        await socket.send(json.dumps(connected))
        yield socket


@asynccontextmanager
async def call(site: CallSite) -> AsyncIterator[tuple[Held, ClientConnection]]:
    ncco = (await post(site, "answer")).json()
    held = await site.calls.next()
    async with stream(site, path_of(ncco)) as socket:
        await held.transport.answer()
        yield held, socket


async def test_sound_goes_both_ways_in_frames_of_20_ms(site: CallSite) -> None:
    said, codec = tone(0.2, RATE), L16(RATE, order="little")
    async with call(site) as (held, socket):
        data = codec.encode(said)
        for start in range(0, len(data), 640):
            await socket.send(data[start : start + 640])
        await held.until(lambda held: len(held.heard) >= len(said))
        assert np.abs(held.heard[: len(said)] - said).max() < 1e-4
        await held.transport.play(said[:1_500])
        frames = [await socket.recv() for _ in range(6)]
        sound = b"".join(frame for frame in frames if isinstance(frame, bytes))
        assert {len(frame) for frame in frames if isinstance(frame, bytes)} == {640}
        assert sound == data[:3_000].ljust(3_200, b"\0")
        notify = json.loads(frames[5])
        assert notify["action"] == "notify"
        told = {"event": "websocket:notify", "payload": notify["payload"]}
        await socket.send(json.dumps(told))
        await held.until(lambda held: held.played == 1_500)
        await held.transport.clear()
        assert json.loads(await socket.recv()) == {"action": "clear"}
        await socket.send('{"event": "websocket:dtmf", "digit": "9", "duration": 260}')
        await held.until(lambda held: held.keys == "9")
    assert held.call.address == f"vonage:+{CALLER}"


async def test_caller_hangs_up(site: CallSite) -> None:
    async with call(site) as (held, _):
        await post(site, "event", status="completed")
        assert await held.ended() is EndReason.CALLER


async def test_api_is_called_with_the_application_s_token(
    site: CallSite, api: StandIn, key: rsa.RSAPrivateKey
) -> None:
    async with call(site) as (held, _):
        assert await held.transport.transfer("+15550100009")
        assert await held.ended() is EndReason.TRANSFERRED
    [made] = api.made(f"/v1/calls/{CALL}")
    [action] = made.json()["destination"]["ncco"]
    assert action["endpoint"] == [{"type": "phone", "number": "15550100009"}]
    token = made.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, key.public_key(), algorithms=["RS256"])
    assert claims["application_id"] == APPLICATION


async def test_desk_hangs_up(site: CallSite, api: StandIn) -> None:
    async with call(site) as (held, socket):
        await held.transport.hang_up()
        assert await held.ended() is EndReason.DESK
        await asyncio.wait_for(socket.wait_closed(), 10)
    assert api.made(f"/v1/calls/{CALL}")[-1].json() == {"action": "hangup"}


async def test_dropped_socket_is_opened_again(site: CallSite) -> None:
    async with call(site) as (held, socket):
        socket.transport.abort()
        await held.until(lambda held: held.all(Dropped))
    ncco = (await post(site, "event", status="disconnected")).json()
    async with stream(site, path_of(ncco)):
        await held.until(lambda held: held.all(Resumed))


async def test_busy_desk_ends_the_call(site: CallSite) -> None:
    site.calls.full = True
    assert (await post(site, "answer")).json() == []


@pytest.mark.parametrize(
    "signed",
    [
        {"secret": "another secret that is long enough, too"},
        {"claims": {"iat": int(time.time()) - 400}},
        {"claims": {"payload_hash": "0" * 64}},
        {"claims": {"application_id": "f" * 36}},
        {"claims": {"iss": "Somebody"}},
    ],
)
async def test_forged_webhooks_are_refused(site: CallSite, signed: Any) -> None:
    assert (await post(site, "answer", **signed)).status_code == 401
    assert site.calls.open == 0


async def test_codec_that_was_not_agreed_ends_the_call(site: CallSite) -> None:
    ncco = (await post(site, "answer")).json()
    held = await site.calls.next()
    async with stream(site, path_of(ncco), "audio/l16;rate=8000"):
        assert await held.ended() is EndReason.LOST


async def test_half_a_sample_drops_the_line(site: CallSite) -> None:
    async with call(site) as (held, socket):
        await socket.send(b"\0" * 641)
        await held.until(lambda held: held.all(Dropped))


async def test_socket_of_no_call_is_refused(site: CallSite) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        async with stream(site, "/calls/vonage/made-up"):
            pass


async def test_customer_is_called_back(site: CallSite, api: StandIn) -> None:
    outgoing = Call(
        id="call_1", channel=CHANNEL, customer=CustomerId("cus_1"), outgoing=True,
        address=f"vonage:+{CALLER}",
    )  # fmt: skip
    await site.front.dial(outgoing)
    held = await site.calls.next()
    [made] = api.made("/v1/calls")
    assert made.json()["to"] == [{"type": "phone", "number": CALLER}]
    async with stream(site, path_of(made.json()["ncco"])):
        await held.transport.answer()
        await post(site, "event", status="completed")
        assert await held.ended() is EndReason.CALLER
    await site.front.dial(outgoing)
    held = await site.calls.next()
    await post(site, "event", status="busy")
    assert await held.ended() is EndReason.REFUSED
    api.fail("/v1/calls", JSONResponse({}, 503))
    with pytest.raises(DeliveryFailed):
        await site.front.dial(outgoing)
    with pytest.raises(InvalidStatus, match="403"):
        async with stream(site, path_of(api.made("/v1/calls")[-1].json()["ncco"])):
            pass
