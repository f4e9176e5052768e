"""Calls on numbers of Vonage's, by the Voice API: linear PCM at 16 kHz on a WebSocket.

A signed webhook tells that it rings; the answer (an NCCO) has Vonage open a WebSocket to the desk,
which Vonage does not sign: its address holds a token that is good for one. What has been played is
told by `notify`.
Sources: https://developer.vonage.com/en/voice/voice-api/guides/websockets,
https://developer.vonage.com/en/voice/voice-api/ncco-reference,
https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks.
"""

import hashlib
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import jwt
import msgspec

from bot.calls.transport import Call, EndReason
from bot.errors import DeliveryFailed
from bot.line_settings import VonageLine
from connectors.calls.codecs.codec import Codec
from connectors.calls.codecs.l16 import L16
from connectors.calls.expected import Expected
from connectors.calls.line import Line, LineServices, call_id, incoming
from connectors.calls.stream_socket import StreamSocket
from connectors.calls.streamed import Marked, Pressed, Sent, StreamedCall, Told, carry
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, same
from connectors.messaging.socket import read_frame

OLDEST_S = 300
PREPARE_S = 4.0
"""Vonage waits 5 s for the answer."""
RING_S = 30
RATE_HZ = 16_000
CONTENT_TYPE = f"audio/l16;rate={RATE_HZ}"
_FRAME_BYTES = RATE_HZ // 50 * 2
_OVER = {"completed": EndReason.CALLER} | dict.fromkeys(
    ("busy", "timeout", "failed", "rejected", "unanswered", "cancelled"), EndReason.REFUSED
)


def line(settings: VonageLine, services: LineServices) -> "Vonage":
    return Vonage(settings, services)


class Vonage(Line):
    name = "vonage"

    def __init__(self, settings: VonageLine, services: LineServices) -> None:
        super().__init__(services)
        self._settings = settings
        self._expected: Expected[StreamedCall] = Expected()

    async def webhook(self, hook: Hook, rest: str) -> Answer:
        claims = verify(hook, self._settings.signature_secret.get_secret_value())
        if claims.get("application_id", self._settings.application) != self._settings.application:
            raise Forged("the request is another application's")
        told = hook.json() if hook.body else dict(hook.query)
        try:
            if rest == "answer":
                return await self._rings(str(told["uuid"]), str(told.get("from") or ""))
            if rest == "event":
                return self._happened(told)
        except (KeyError, TypeError) as error:
            raise Malformed(f"not a call: {type(error).__name__}") from error
        raise Malformed(f"nothing is at {rest}")

    async def stream(self, socket: StreamSocket, rest: str) -> None:
        await carry(self._expected.take(rest), socket, _agreed)

    async def dial(self, call: Call, number: str) -> None:
        if not (self._settings.number and self.services.public_url):
            reason = "calls.lines.vonage has no `number`, or the desk no `server.url`"
            raise DeliveryFailed(reason, permanent=True)
        steering = VoiceApi(self.services, self._settings)
        transport = StreamedCall(call.id, RATE_HZ, steering)
        asked = {
            "to": [{"type": "phone", "number": number.removeprefix("+")}],
            "from": {"type": "phone", "number": self._settings.number},
            "ncco": self._connect(transport),
            "event_url": [f"{self.services.public_url}/calls/vonage/event"],
            "ringing_timer": RING_S,
        }
        with transport.dialled(RING_S):
            made = await steering.ask("POST", "/v1/calls", asked)
        steering.call = str(made.get("uuid", ""))
        self._expected.keep(steering.call, transport)
        self.services.holding.begin(call, transport)

    async def _rings(self, name: str, number: str) -> Answer:
        steering = VoiceApi(self.services, self._settings, name)
        transport = StreamedCall(call_id(name), RATE_HZ, steering)
        number = f"+{number}" if number.isdecimal() else number
        held = self.services.holding.begin(incoming(self.name, call_id(name), number), transport)
        if not await transport.wanted(held, PREPARE_S):
            return _json([])  # an empty NCCO ends the call
        self._expected.keep(name, transport)
        transport.expect()
        return _json(self._connect(transport))

    def _happened(self, told: dict[str, Any]) -> Answer:
        """What became of a leg. The socket is a leg of its own: when it is gone and the caller is
        not, Vonage asks for what comes next."""
        transport = self._expected.call(str(told.get("uuid", "")))
        status = str(told.get("status", ""))
        if transport is None:
            return Answer()
        if reason := _OVER.get(status):
            transport.end(reason)
        elif status == "disconnected" and transport.waiting:
            return _json(self._connect(transport))
        return Answer()

    def _connect(self, transport: StreamedCall) -> list[dict[str, Any]]:
        token = self._expected.expect(transport)
        endpoint = {
            "type": "websocket",
            "uri": f"{self.services.public_socket}/calls/vonage/{token}",
            "content-type": CONTENT_TYPE,
        }
        return [
            {
                "action": "connect",
                # Asks the event URL what to do once the socket is gone.
                "eventType": "synchronous",
                "eventUrl": [f"{self.services.public_url}/calls/vonage/event"],
                "endpoint": [endpoint],
            }
        ]


class VoiceApi:
    """`streamed.Steering` by Vonage's API, which takes a JWT of the application's for each call."""

    def __init__(self, services: LineServices, settings: VonageLine, call: str = "") -> None:
        self.call = call
        self._services = services
        self._settings = settings

    async def hang_up(self) -> None:
        await self.ask("PUT", f"/v1/calls/{self.call}", {"action": "hangup"})

    async def transfer(self, target: str) -> bool:
        sip = target.startswith(("sip:", "sips:"))
        whom = {"type": "sip", "uri": target} if sip else _phone(target)
        destination = {"type": "ncco", "ncco": [{"action": "connect", "endpoint": [whom]}]}
        asked = {"action": "transfer", "destination": destination}
        await self.ask("PUT", f"/v1/calls/{self.call}", asked)
        return True

    async def ask(self, method: str, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Raises `DeliveryFailed`."""
        reply = await self._services.api.call(
            method,
            f"{self._settings.api}{path}",
            what="calls",
            json=asked,
            headers={"Authorization": f"Bearer {self._token()}"},
        )
        if not reply.ok:
            raise DeliveryFailed(f"Vonage refuses: HTTP {reply.status}")
        return reply.json()

    def _token(self) -> str:
        now = int(time.time())
        claims = {
            "application_id": self._settings.application,
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid4()),
        }
        key = self._settings.private_key.get_secret_value()
        try:
            return jwt.encode(claims, key, algorithm="RS256")
        except (ValueError, TypeError, jwt.InvalidKeyError):
            raise DeliveryFailed("calls.lines.vonage: `private_key` is no RSA key in PEM") from None


class VoiceSocket:
    """`streamed.Dialect` of one socket."""

    def __init__(self) -> None:
        self.codec: Codec = L16(RATE_HZ, order="little")

    def read(self, frame: str | bytes) -> Sequence[Told]:
        if isinstance(frame, bytes):
            return [Sent(frame)]
        message = read_frame(frame)
        try:
            match message.get("event"):
                case "websocket:dtmf":
                    return [Pressed(str(message["digit"]))]
                case "websocket:notify":
                    return [Marked(str(message["payload"]["mark"]))]
        except (KeyError, TypeError) as error:
            raise Malformed(f"not an event of the socket: {type(error).__name__}") from error
        return []

    def sound(self, data: bytes) -> Sequence[bytes]:
        """Vonage takes frames of 20 ms alone."""
        pieces = [data[start : start + _FRAME_BYTES] for start in range(0, len(data), _FRAME_BYTES)]
        return [piece.ljust(_FRAME_BYTES, b"\0") for piece in pieces]

    def mark(self, name: str) -> str:
        return msgspec.json.encode({"action": "notify", "payload": {"mark": name}}).decode()

    def clear(self) -> str:
        return '{"action":"clear"}'


def verify(hook: Hook, secret: str) -> dict[str, Any]:
    """What a webhook's signature says. Raises `Forged`."""
    kind, _, token = hook.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Forged("the signature is missing")
    try:
        claims: dict[str, Any] = jwt.decode(
            token.strip(),
            secret,
            algorithms=["HS256"],
            issuer="Vonage",
            # By the request's time, below.
            options={"require": ["iat", "iss"], "verify_iat": False, "verify_exp": False},
        )
    except (jwt.InvalidTokenError, ValueError) as error:
        raise Forged(f"the signature: {type(error).__name__}") from error
    issued = claims["iat"]
    if not isinstance(issued, int | float) or abs(hook.received_at - issued) > OLDEST_S:
        raise Forged("the signature is of another time")
    # A request without a body (GET) has nothing to hash.
    digest = hashlib.sha256(hook.body).hexdigest()
    if hook.body and not same(str(claims.get("payload_hash", "")).lower(), digest):
        raise Forged("the signature is of another body")
    return claims


def _phone(number: str) -> dict[str, str]:
    return {"type": "phone", "number": number.removeprefix("+")}


def _json(found: Any) -> Answer:
    return Answer(msgspec.json.encode(found), "application/json")


async def _agreed(socket: StreamSocket) -> VoiceSocket | None:
    async for frame in socket.frames():
        message = read_frame(frame)
        connected = message.get("event") == "websocket:connected"
        return VoiceSocket() if connected and message.get("content-type") == CONTENT_TYPE else None
    return None
