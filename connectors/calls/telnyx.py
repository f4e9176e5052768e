"""Calls on numbers of Telnyx's: Call Control, its sound by media streaming.

A signed webhook tells that it rings; the desk answers by the API, with the address of a WebSocket.
Telnyx does not sign the opening of that; its address holds a token that is good for one.
Sources: https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming,
https://developers.telnyx.com/docs/voice/programmable-voice/receiving-webhooks,
https://developers.telnyx.com/api/call-control.
"""

import base64
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bot.calls.transport import Call, EndReason
from bot.errors import DeliveryFailed
from bot.line_settings import TelnyxLine
from connectors.calls.codecs.codec import Codec
from connectors.calls.codecs.g711 import MuLaw
from connectors.calls.expected import Expected
from connectors.calls.line import Line, LineServices, call_id, incoming
from connectors.calls.mulaw_media import media_of, sound_of
from connectors.calls.reordering import Reordering
from connectors.calls.stream_socket import StreamSocket
from connectors.calls.streamed import Marked, Over, Pressed, Sent, StreamedCall, Told, carry
from connectors.messaging.hook import Answer, Forged, Hook, Malformed
from connectors.messaging.socket import read_frame

log = logging.getLogger(__name__)

OLDEST_S = 300
"""How far a signature's time may be from the desk's."""
PREPARE_S = 8.0
RING_S = 30
_FORMAT = {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}


def line(settings: TelnyxLine, services: LineServices) -> "Telnyx":
    return Telnyx(settings, services)


class Telnyx(Line):
    name = "telnyx"

    def __init__(self, settings: TelnyxLine, services: LineServices) -> None:
        super().__init__(services)
        key = base64.b64decode(settings.public_key)
        self._public_key = Ed25519PublicKey.from_public_bytes(key)
        self._settings = settings
        self._expected: Expected[StreamedCall] = Expected()

    async def webhook(self, hook: Hook, rest: str) -> Answer:
        self._verify(hook)
        try:
            told = hook.json()["data"]
            self._happened(told["event_type"], told["payload"])
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed(f"not an event: {type(error).__name__}") from error
        return Answer()

    async def stream(self, socket: StreamSocket, rest: str) -> None:
        await carry(self._expected.take(rest), socket, _agreed)

    async def dial(self, call: Call, number: str) -> None:
        settings = self._settings
        if not (settings.number and settings.connection and self.services.public_url):
            reason = "calls.lines.telnyx needs `number` and `connection`, and the desk `server.url`"
            raise DeliveryFailed(reason, permanent=True)
        steering = CallControl(self.services, settings)
        transport = StreamedCall(call.id, MuLaw.sample_rate_hz, steering)
        asked = {
            "connection_id": settings.connection,
            "to": number,
            "from": settings.number,
            "timeout_secs": RING_S,
            **self._streaming(transport),
        }
        with transport.dialled(RING_S):
            data = await steering.post("/v2/calls", asked)
        steering.call = str(data.get("call_control_id", ""))
        self._expected.keep(steering.call, transport)
        self.services.holding.begin(call, transport)

    def _happened(self, event: str, payload: Mapping[str, Any]) -> None:
        name = str(payload["call_control_id"])
        transport = self._expected.call(name)
        if event == "call.initiated" and payload["direction"] == "incoming":
            if transport is None:  # else the webhook came twice
                self._rings(name, str(payload.get("from", "")))
        elif transport is None:
            return
        elif event == "call.hangup":
            taken = transport.begun or payload.get("hangup_cause") not in _UNANSWERED
            transport.end(EndReason.CALLER if taken else EndReason.REFUSED)
        elif event in ("streaming.failed", "streaming.stopped") and transport.waiting:
            self.services.holding.besides(self._stream_again(name, transport))

    def _rings(self, name: str, number: str) -> None:
        steering = CallControl(self.services, self._settings, name)
        transport = StreamedCall(call_id(name), MuLaw.sample_rate_hz, steering)
        self._expected.keep(name, transport)
        call = incoming(self.name, call_id(name), number)
        self.services.holding.besides(self._take(call, transport, steering))

    async def _take(self, call: Call, transport: StreamedCall, steering: "CallControl") -> None:
        held = self.services.holding.begin(call, transport)
        try:
            if not await transport.wanted(held, PREPARE_S):
                await steering.act("reject", {"cause": "USER_BUSY"})
                transport.end(EndReason.REFUSED)
                return
            transport.expect()
            await steering.act("answer", self._streaming(transport))
        except DeliveryFailed as error:
            log.warning("call.not_answered", extra={"call": call.id, "reason": str(error)})
            transport.end(EndReason.LOST)

    async def _stream_again(self, name: str, transport: StreamedCall) -> None:
        steering = CallControl(self.services, self._settings, name)
        try:
            await steering.act("streaming_start", self._streaming(transport))
        except DeliveryFailed as error:
            log.warning("call.not_resumed", extra={"reason": str(error)})

    def _streaming(self, transport: StreamedCall) -> dict[str, Any]:
        token = self._expected.expect(transport)
        return {
            "stream_url": f"{self.services.public_socket}/calls/telnyx/{token}",
            "stream_track": "inbound_track",
            "stream_codec": "PCMU",
            "stream_bidirectional_mode": "rtp",
            "stream_bidirectional_codec": "PCMU",
        }

    def _verify(self, hook: Hook) -> None:
        """Raises `Forged`."""
        moment = hook.headers.get("telnyx-timestamp", "")
        if not (moment.isascii() and moment.isdigit() and len(moment) < 16):
            raise Forged("the signature is missing")
        if abs(hook.received_at - int(moment)) > OLDEST_S:
            raise Forged("the signature is of another time")
        try:
            given = base64.b64decode(hook.headers.get("telnyx-signature-ed25519", ""))
            self._public_key.verify(given, f"{moment}|".encode() + hook.body)
        except (InvalidSignature, ValueError) as error:
            raise Forged("the signature is wrong") from error


_UNANSWERED = ("user_busy", "no_answer", "timeout", "call_rejected", "originator_cancel")


class CallControl:
    """`streamed.Steering` by Telnyx's API."""

    def __init__(self, services: LineServices, settings: TelnyxLine, call: str = "") -> None:
        """`call`: its call_control_id."""
        self.call = call
        self._services = services
        self._api = settings.api
        self._headers = {"Authorization": f"Bearer {settings.key.get_secret_value()}"}

    async def hang_up(self) -> None:
        await self.act("hangup", {})

    async def transfer(self, target: str) -> bool:
        await self.act("transfer", {"to": target})
        return True

    async def act(self, action: str, asked: dict[str, Any]) -> None:
        """Raises `DeliveryFailed`."""
        await self.post(f"/v2/calls/{quote(self.call, safe='')}/actions/{action}", asked)

    async def post(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Raises `DeliveryFailed`."""
        reply = await self._services.api.call(
            "POST", f"{self._api}{path}", what="calls", json=asked, headers=self._headers
        )
        if not reply.ok:
            errors = reply.json().get("errors")
            first = errors[0] if isinstance(errors, list) and errors else {}
            code = first.get("code", "no code") if isinstance(first, dict) else "no code"
            raise DeliveryFailed(f"Telnyx refuses: HTTP {reply.status}, error {code}")
        data = reply.json().get("data")
        return data if isinstance(data, dict) else {}


class MediaStreaming:
    """`streamed.Dialect` of one stream. Media may come out of order; its chunks are numbered."""

    def __init__(self) -> None:
        self.codec: Codec = MuLaw()
        self._order: Reordering[Sent] = Reordering()

    def read(self, frame: str | bytes) -> Sequence[Told]:
        message = read_frame(frame)
        try:
            match message.get("event"):
                case "media" if message["media"].get("track", "inbound") == "inbound":
                    media = message["media"]
                    return self._order.add(int(media["chunk"]) % 65_536, sound_of(media))
                case "dtmf":
                    return [Pressed(str(message["dtmf"]["digit"]))]
                case "mark":
                    return [Marked(str(message["mark"]["name"]))]
                case "stop":
                    return [Over()]
                case "error":
                    log.warning("telnyx.error", extra={"code": message["payload"].get("code")})
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Malformed(f"not a frame of media streaming: {type(error).__name__}") from error
        return []

    def sound(self, data: bytes) -> Sequence[str]:
        return [_frame("media", media=media_of(data))]

    def mark(self, name: str) -> str:
        return _frame("mark", mark={"name": name})

    def clear(self) -> str:
        return _frame("clear")


def _frame(event: str, **rest: Any) -> str:
    return msgspec.json.encode({"event": event} | rest).decode()


async def _agreed(socket: StreamSocket) -> MediaStreaming | None:
    async for frame in socket.frames():
        message = read_frame(frame)
        if message.get("event") != "connected":
            return MediaStreaming() if message["start"]["media_format"] == _FORMAT else None
    return None
