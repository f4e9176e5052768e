"""Calls from WhatsApp, by the Cloud API: its webhooks bring the caller's description of the session
(SDP), the desk answers with its own, and the sound travels by WebRTC.

The webhooks come to the same address as messages, where `connectors/whatsapp.py` checks Meta's
signature. Meta repeats webhooks for days; a call that is told of late is over.
Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/reference.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from aiortc import RTCIceServer

from bot.calls.transport import Call, EndReason, Sound
from bot.channel_settings import WhatsAppSection
from bot.errors import DeliveryFailed
from bot.line_settings import WhatsAppLine
from connectors.calls.expected import Expected
from connectors.calls.line import CHANNEL, Line, LineServices, call_id
from connectors.calls.line_call import ATTACH_S
from connectors.calls.webrtc import CONNECT_S, WebRtcCall, ice_servers
from connectors.customer_ids import customer_id
from connectors.messaging.hook import Malformed
from connectors.messaging.meta import Graph

log = logging.getLogger(__name__)

PREPARE_S = 8.0
RING_S = 40
OLDEST_S = 60
"""How late a webhook may be for somebody still to wait."""


def line(settings: tuple[WhatsAppLine, WhatsAppSection], services: LineServices) -> "WhatsAppCalls":
    return WhatsAppCalls(*settings, services)


class WhatsAppCalls(Line):
    name = "whatsapp"

    def __init__(
        self, settings: WhatsAppLine, channel: WhatsAppSection, services: LineServices
    ) -> None:
        """`channel`: the number that customers write to, which they call as well."""
        super().__init__(services)
        self._phone = channel.phone
        self._graph = Graph(channel, services.api)
        self._ice = ice_servers(settings.ice)
        self._expected: Expected[WhatsAppCall] = Expected()

    def happened(self, value: Mapping[str, Any]) -> None:
        """What a signed webhook tells in its field `calls`. Never waits."""
        try:
            if value["metadata"]["phone_number_id"] != self._phone:
                return
            users = {str(each.get("wa_id")): each for each in value.get("contacts") or ()}
            for call in value.get("calls") or ():
                self._event(call, users)
            for status in value.get("statuses") or ():
                self._status(status)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("whatsapp.call_malformed", extra={"reason": type(error).__name__})

    async def dial(self, call: Call, number: str) -> None:
        """WhatsApp allows it where the customer has given leave to be called."""
        transport = WhatsAppCall(call.id, self._ice, self._graph, self._phone, accepted=False)
        session = {"sdp_type": "offer", "sdp": await transport.offer()}
        asked = {"to": number.removeprefix("+"), "action": "connect", "session": session}
        with transport.dialled(RING_S):
            try:
                made = await self._graph.post(
                    f"{self._phone}/calls", what="calls", json=_PRODUCT | asked
                )
                transport.provider_id = str(made["calls"][0]["id"])
            except DeliveryFailed as error:
                reason = f"WhatsApp does not call: {error}"
                raise DeliveryFailed(reason, permanent=error.permanent) from error
            except (KeyError, IndexError, TypeError) as error:
                reason = "WhatsApp does not say which call it has made"
                raise DeliveryFailed(reason, permanent=True) from error
        self._expected.keep(transport.provider_id, transport)
        self.services.holding.begin(call, transport)

    def _event(self, call: Mapping[str, Any], users: Mapping[str, Mapping[str, Any]]) -> None:
        name, event = str(call["id"]), call["event"]
        transport = self._expected.call(name)
        if event == "terminate" and transport is not None:
            transport.end(EndReason.CALLER if transport.begun else EndReason.REFUSED)
        elif event == "connect":
            session = call["session"]
            if session["sdp_type"] == "answer" and transport is not None:
                self.services.holding.besides(_taken(transport, str(session["sdp"])))
            elif session["sdp_type"] == "offer" and transport is None:
                if time.time() - float(call["timestamp"]) > OLDEST_S:
                    log.info("whatsapp.call_missed", extra={"call": call_id(name)})
                    return
                number = str(call["from"])
                user = str((users.get(number) or {}).get("user_id") or number)
                self._rings(name, number, user, str(session["sdp"]))

    def _status(self, status: Mapping[str, Any]) -> None:
        transport = self._expected.call(str(status["id"]))
        if status.get("type") != "call" or transport is None:
            return
        if status["status"] == "ACCEPTED":
            transport.accepted()
        elif status["status"] == "REJECTED":
            transport.end(EndReason.REFUSED)

    def _rings(self, name: str, number: str, user: str, offer: str) -> None:
        transport = WhatsAppCall(call_id(name), self._ice, self._graph, self._phone)
        transport.provider_id = name
        self._expected.keep(name, transport)
        call = Call(
            id=call_id(name),
            channel=CHANNEL,
            # The same as of their messages.
            customer=customer_id(self.name, self._phone, user),
            address=f"{self.name}:+{number}" if number.isdecimal() else "",
            # WhatsApp lets nobody call from a number that they have not proved to be theirs.
            verified=(f"tel:+{number}",) if number.isdecimal() else (),
        )
        self.services.holding.besides(self._take(call, transport, offer))

    async def _take(self, call: Call, transport: "WhatsAppCall", offer: str) -> None:
        held = self.services.holding.begin(call, transport)
        try:
            if not await transport.wanted(held, PREPARE_S):
                transport.end(EndReason.REFUSED)
                return await transport.act("reject")
            await transport.act(
                "accept", {"sdp_type": "answer", "sdp": await transport.take(offer)}
            )
        except (DeliveryFailed, Malformed) as error:
            log.warning("call.not_answered", extra={"call": call.id, "reason": str(error)})
            transport.end(EndReason.LOST)


class WhatsAppCall(WebRtcCall):
    def __init__(
        self,
        call: str,
        ice: Iterable[RTCIceServer],
        graph: Graph,
        phone: str,
        *,
        accepted: bool = True,
    ) -> None:
        """`accepted`: False where the desk calls. The way for the sound is there while it still
        rings; somebody listens only once a webhook says so."""
        super().__init__(call, tuple(ice))
        self._accepted = accepted
        self._connected = False
        self.provider_id = ""
        self._graph = graph
        self._path = f"{phone}/calls"

    async def taken(self, answer: str) -> None:
        await super().taken(answer)
        if not self._accepted:
            self.expect(RING_S + ATTACH_S, EndReason.REFUSED)

    def accepted(self) -> None:
        """The customer has picked up."""
        if self._accepted or self.ended:
            return
        self._accepted = True
        if self._connected:
            super()._came_up()
        else:
            self.expect(CONNECT_S)

    def _came_up(self) -> None:
        self._connected = True
        if self._accepted:
            super()._came_up()

    def _hear(self, samples: Sound, at: int) -> None:
        if self._accepted:
            super()._hear(samples, at)

    async def hang_up(self) -> None:
        if not self.ended and not self._leaving:
            try:
                await self.act("terminate")
            except DeliveryFailed as error:
                # Without its sound the call ends as well, if later.
                log.warning("call.hang_up_failed", extra={"call": self._call, "reason": str(error)})
        await super().hang_up()

    async def act(self, action: str, session: Mapping[str, str] | None = None) -> None:
        """Raises `DeliveryFailed`."""
        asked = _PRODUCT | {"call_id": self.provider_id, "action": action}
        if session:
            asked["session"] = dict(session)
        await self._graph.post(self._path, what="calls", json=asked)


_PRODUCT: dict[str, Any] = {"messaging_product": "whatsapp"}


async def _taken(transport: WhatsAppCall, answer: str) -> None:
    try:
        await transport.taken(answer)
    except Malformed as error:
        log.warning("call.malformed", extra={"reason": str(error)})
        transport.end(EndReason.LOST)
