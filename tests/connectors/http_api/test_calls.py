"""Calls that a program asks for."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.calls.transport import EndReason
from bot.line_settings import AudioSocketLine
from connectors.calls.front import open_lines
from tests.connectors.calls.desk import ScriptedCalls
from tests.connectors.conftest import OTHER_KEY, Site
from tests.connectors.messaging.stand_in import StandIn

CALL = {"customer": "ann", "to": "audiosocket:+15550100001", "opening": "You asked for a call."}


@pytest.fixture
def calls() -> ScriptedCalls:
    return ScriptedCalls()


@pytest.fixture
async def ari() -> AsyncIterator[StandIn]:
    api = StandIn()
    api.answer("POST", "/ari/channels", {"id": "1"})
    async with api.serving():
        yield api


@pytest.fixture
async def site(closed_site: Site, calls: ScriptedCalls, ari: StandIn) -> AsyncIterator[Site]:
    line: Any = {"url": f"{ari.url}/ari", "user": "desk", "password": "pw"}
    settings = AudioSocketLine.model_validate({"secret": "s", "port": 0, "ari": line})
    async with (
        open_lines({"audiosocket": settings}, calls=calls) as lines,
        closed_site.open(lines=lines),
    ):
        yield closed_site


async def test_customer_is_called_once_for_one_key(
    site: Site, calls: ScriptedCalls, ari: StandIn
) -> None:
    async with site.api() as client:
        headers = {"Idempotency-Key": "callback-1"}
        answer = await client.post("/v1/calls", json=CALL, headers=headers)
        again = await client.post("/v1/calls", json=CALL, headers=headers)
    assert (answer.status_code, again.status_code) == (202, 409)
    held = await calls.next()
    assert held.call.id == answer.json()["call"]
    assert (held.call.outgoing, held.call.opening) == (True, CALL["opening"])
    assert len(ari.made("/ari/channels")) == 1
    await held.transport.hang_up()
    assert await held.ended() is EndReason.DESK


async def test_call_belongs_to_the_conversation_that_was_named(
    site: Site, calls: ScriptedCalls
) -> None:
    async with site.api() as client:
        said = await client.post("/v1/messages", json={"customer": "ann", "text": "Call me"})
        conversation = said.json()["conversation"]
        named = CALL | {"conversation": conversation}
        assert (await client.post("/v1/calls", json=named)).status_code == 202
    held = await calls.next()
    assert (held.call.conversation, held.call.channel) == (conversation, "http")
    async with site.api(OTHER_KEY) as client:
        assert (await client.post("/v1/calls", json=named)).status_code == 404


@pytest.mark.parametrize(
    "to", ["twilio:+15550100001", "audiosocket:PJSIP/1", "+15550100001", "audiosocket:", ""]
)
async def test_what_cannot_be_called_is_told(site: Site, ari: StandIn, to: str) -> None:
    async with site.api() as client:
        answer = await client.post("/v1/calls", json=CALL | {"to": to})
    assert answer.status_code == 422
    assert answer.json()["code"] in ("call_impossible", "bad_request")
    assert not ari.calls
