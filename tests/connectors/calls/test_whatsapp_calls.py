"""Calls in WhatsApp: what Meta's webhooks tell, what its API is asked, and a peer that talks."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.responses import JSONResponse

from bot.calls.transport import Call, EndReason
from bot.channel_settings import WhatsAppSection
from bot.errors import DeliveryFailed
from bot.line_settings import WhatsAppLine
from bot.messages import CustomerId
from connectors.calls.line import CHANNEL
from connectors.calls.whatsapp import WhatsAppCall, WhatsAppCalls
from connectors.customer_ids import customer_id
from connectors.messaging.hook import Forged, Hook
from connectors.messaging.provider import Services
from connectors.whatsapp import WhatsApp
from tests.builders import wait_until
from tests.connectors.calls.desk import CallSite, call_site, tone
from tests.connectors.calls.peer import RATE, Peer
from tests.connectors.messaging.graph import CREDENTIALS, VERSION, signature
from tests.connectors.messaging.stand_in import Call as Asked
from tests.connectors.messaging.stand_in import StandIn

PHONE = "743897493242"
NAME = "wacid.HBgLMTIxODU1NTI4MjgVAgARGCA="
CALLER = "972987654321"
USER = "US.13491208655302741918"
CALLS = f"{VERSION}/{PHONE}/calls"


@pytest.fixture
async def graph() -> AsyncIterator[StandIn]:
    api = StandIn()
    api.answer("POST", CALLS, lambda _: JSONResponse({"success": True, "calls": [{"id": NAME}]}))
    async with api.serving():
        yield api


@pytest.fixture
async def site(graph: StandIn) -> AsyncIterator[CallSite]:
    channel = WhatsAppSection.model_validate(
        CREDENTIALS | {"phone": PHONE, "api": graph.url + VERSION}
    )
    async with call_site({"whatsapp": (WhatsAppLine(enabled=True), channel)}) as site:
        yield site


def tell(site: CallSite, event: str, age_s: int = 0, phone: str = PHONE, **call: Any) -> None:
    """A webhook, as `connectors/whatsapp.py` passes it on."""
    line = site.front.lines["whatsapp"]
    assert isinstance(line, WhatsAppCalls)
    told = {
        "id": NAME, "from": CALLER, "to": "16315553601", "event": event,
        "timestamp": str(int(time.time()) - age_s), "direction": "USER_INITIATED",
    } | call  # fmt: skip
    line.happened(
        {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "16315553601", "phone_number_id": phone},
            "contacts": [{"profile": {"name": "Test"}, "wa_id": CALLER, "user_id": USER}],
            "calls": [told],
        }
    )


def report(site: CallSite, status: str) -> None:
    """A webhook about a call that the desk makes."""
    line = site.front.lines["whatsapp"]
    assert isinstance(line, WhatsAppCalls)
    told = {
        "id": NAME, "type": "call", "status": status, "recipient_id": CALLER,
        "timestamp": str(int(time.time())),
    }  # fmt: skip
    line.happened({"metadata": {"phone_number_id": PHONE}, "statuses": [told]})


def act(name: str) -> Any:
    def is_it(call: Asked) -> bool:
        return bool(call.json().get("action") == name)

    return is_it


async def test_customer_calls_and_both_hear_each_other(site: CallSite, graph: StandIn) -> None:
    peer = Peer(tone(2, RATE))
    offer = {"sdp_type": "offer", "sdp": await peer.offer()}
    tell(site, "connect", session=offer)
    tell(site, "connect", session=offer)  # Meta repeats webhooks
    [accepted] = await graph.wait(CALLS, where=act("accept"))
    told = accepted.json()
    assert (told["messaging_product"], told["call_id"]) == ("whatsapp", NAME)
    assert told["session"]["sdp_type"] == "answer"
    await peer.accept(told["session"]["sdp"])
    held = await site.calls.next()
    await held.transport.answer()
    await held.transport.play(tone(1, RATE))
    await held.until(lambda held: np.abs(held.heard).max(initial=0) > 0.3)
    await peer.hears()
    assert held.call.verified == (f"tel:+{CALLER}",)
    assert held.call.address == f"whatsapp:+{CALLER}"
    # The same customer as in the chat.
    assert held.call.customer == customer_id("whatsapp", PHONE, USER)
    tell(site, "terminate", status="COMPLETED")
    assert await held.ended() is EndReason.CALLER
    assert site.calls.open <= 1
    await peer.close()


async def test_desk_hangs_up(site: CallSite, graph: StandIn) -> None:
    peer = Peer(tone(1, RATE))
    tell(site, "connect", session={"sdp_type": "offer", "sdp": await peer.offer()})
    [accepted] = await graph.wait(CALLS, where=act("accept"))
    await peer.accept(accepted.json()["session"]["sdp"])
    held = await site.calls.next()
    await held.transport.answer()
    await held.transport.hang_up()
    assert await held.ended() is EndReason.DESK
    [over] = await graph.wait(CALLS, where=act("terminate"))
    assert over.json()["call_id"] == NAME
    await peer.close()


async def test_busy_desk_rejects(site: CallSite, graph: StandIn) -> None:
    site.calls.full = True
    peer = Peer(tone(1, RATE))
    tell(site, "connect", session={"sdp_type": "offer", "sdp": await peer.offer()})
    await graph.wait(CALLS, where=act("reject"))
    await peer.close()


async def test_description_that_makes_no_sense_ends_the_call(site: CallSite) -> None:
    tell(site, "connect", session={"sdp_type": "offer", "sdp": "<<RFC 8866 SDP>>"})
    held = await site.calls.next()
    assert await held.ended() is EndReason.LOST


async def test_calls_that_are_not_for_now_are_left_alone(site: CallSite, graph: StandIn) -> None:
    session = {"sdp_type": "offer", "sdp": "v=0"}
    tell(site, "connect", age_s=120, session=session)
    tell(site, "connect", phone="1", session=session)
    tell(site, "connect", session=None)
    tell(site, "terminate")
    tell(site, "something new")
    assert site.calls.open == 0
    assert not graph.calls


OUTGOING = Call(
    id="call_1", channel=CHANNEL, customer=CustomerId("cus_1"), outgoing=True,
    address=f"whatsapp:+{CALLER}",
)  # fmt: skip


async def test_customer_is_called_back(site: CallSite, graph: StandIn) -> None:
    await site.front.dial(OUTGOING)
    held = await site.calls.next()
    [made] = graph.made(CALLS)
    asked = made.json()
    assert (asked["to"], asked["action"]) == (CALLER, "connect")
    peer = Peer(tone(1, RATE))
    answer = {"sdp_type": "answer", "sdp": await peer.answer(asked["session"]["sdp"])}
    report(site, "RINGING")
    tell(site, "connect", session=answer, direction="BUSINESS_INITIATED")
    report(site, "ACCEPTED")
    await held.transport.answer()
    await held.until(lambda held: np.abs(held.heard).max(initial=0) > 0.3)
    tell(site, "terminate", status="COMPLETED")
    assert await held.ended() is EndReason.CALLER
    await peer.close()


async def test_a_call_that_rings_is_not_taken_for_answered(site: CallSite, graph: StandIn) -> None:
    await site.front.dial(OUTGOING)
    held = await site.calls.next()
    asked = graph.made(CALLS)[0].json()
    peer = Peer(tone(5, RATE))
    answer = {"sdp_type": "answer", "sdp": await peer.answer(asked["session"]["sdp"])}
    report(site, "RINGING")
    tell(site, "connect", session=answer, direction="BUSINESS_INITIATED")
    assert isinstance(held.transport, WhatsAppCall)
    await wait_until(lambda: peer.connection.connectionState == "connected")
    assert not held.transport.begun
    await held.transport.play(tone(1, RATE))
    assert (held.events, held.played) == ([], 0)
    report(site, "ACCEPTED")
    await held.until(lambda held: np.abs(held.heard).max(initial=0) > 0.3)
    assert held.transport.begun
    await peer.close()


async def test_who_does_not_pick_up_has_refused(site: CallSite, graph: StandIn) -> None:
    await site.front.dial(OUTGOING)
    held = await site.calls.next()
    peer = Peer(tone(1, RATE))
    asked = graph.made(CALLS)[0].json()
    answer = {"sdp_type": "answer", "sdp": await peer.answer(asked["session"]["sdp"])}
    tell(site, "connect", session=answer, direction="BUSINESS_INITIATED")
    await wait_until(lambda: peer.connection.connectionState == "connected")
    tell(site, "terminate", status="FAILED")
    assert await held.ended() is EndReason.REFUSED
    await peer.close()


async def test_customer_who_gave_no_leave_is_not_called(site: CallSite, graph: StandIn) -> None:
    refused = {"error": {"message": "No call permission", "code": 138006}}
    graph.fail(CALLS, JSONResponse(refused, 400))
    with pytest.raises(DeliveryFailed, match="138006") as told:
        await site.front.dial(OUTGOING)
    assert told.value.permanent
    assert site.calls.open == 0


async def test_customer_is_called_later_if_whatsapp_fails_for_now(
    site: CallSite, graph: StandIn
) -> None:
    graph.fail(CALLS, JSONResponse({"error": {"message": "Try again", "code": 131016}}, 503))
    with pytest.raises(DeliveryFailed) as told:
        await site.front.dial(OUTGOING)
    assert not told.value.permanent
    assert site.calls.open == 0


class Hooked:
    """WhatsApp's channel, as far as its webhooks go."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        settings = WhatsAppSection.model_validate(CREDENTIALS | {"phone": PHONE})
        lent: Any = None
        self.channel = WhatsApp(
            settings,
            Services(
                api=lent, download=lent, open_media=lent, as_mp3=lent, media_url=lent,
                on_call=self.told.append,
            ),
        )  # fmt: skip

    async def receive(self, update: Any, signed: str | None = None) -> None:
        body = json.dumps(update).encode()
        headers = {"x-hub-signature-256": signed or signature(body)}
        await self.channel.receive(Hook(body, headers, received_at=time.time()))


async def test_kept_webhooks_about_calls_are_passed_on(shared_data: Path) -> None:
    hooked = Hooked()
    kept = json.loads((shared_data / "webhooks/whatsapp/call_connect.json").read_text())
    for update in kept.values():
        await hooked.receive(update)
    events = [call["event"] for value in hooked.told for call in value["calls"]]
    assert events == ["connect"] * len(kept)
    assert {value["metadata"]["phone_number_id"] for value in hooked.told} == {PHONE}


async def test_forged_webhooks_about_calls_are_not() -> None:
    hooked = Hooked()
    value = {"metadata": {"phone_number_id": PHONE}, "calls": [{"event": "connect"}]}
    changes = [{"field": "calls", "value": value}]
    update = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}
    with pytest.raises(Forged):
        await hooked.receive(update, signed="sha256=" + "0" * 64)
    assert hooked.told == []
    await hooked.receive(update)
    assert hooked.told == [value]
