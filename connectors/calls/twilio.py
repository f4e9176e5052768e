"""Calls on numbers of Twilio's, their sound by Media Streams.

A webhook tells that it rings; the answer, TwiML, has Twilio open a WebSocket to the desk. Webhooks
and the opening of the socket are signed; the socket's address holds a token of the call's besides,
for Twilio signs no time, and a request can be played again.
Sources: https://www.twilio.com/docs/voice/media-streams/websocket-messages,
https://www.twilio.com/docs/voice/twiml/stream, https://www.twilio.com/docs/voice/api/call-resource,
https://www.twilio.com/docs/usage/webhooks/webhooks-security.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import aiohttp
import msgspec

from bot.calls.transport import Call, EndReason
from bot.errors import DeliveryFailed
from bot.line_settings import TwilioLine
from connectors.calls.codecs.codec import Codec
from connectors.calls.codecs.g711 import MuLaw
from connectors.calls.expected import Expected
from connectors.calls.line import Line, LineServices, call_id, incoming
from connectors.calls.mulaw_media import media_of, sound_of
from connectors.calls.stream_socket import StreamSocket
from connectors.calls.streamed import Marked, Over, Pressed, StreamedCall, Told, carry
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, same
from connectors.messaging.socket import read_frame
from connectors.twilio import signature

PREPARE_S = 8.0
"""How long it rings at most while the desk gets ready; Twilio waits 15 s for the answer."""
RING_S = 30
"""How long it rings at a customer's that the desk calls."""
_FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
_UNANSWERED = {"busy", "no-answer", "failed", "canceled"}
_MOST_FIELDS = 200


def line(settings: TwilioLine, services: LineServices) -> "Twilio":
    return Twilio(settings, services)


class Twilio(Line):
    name = "twilio"

    def __init__(self, settings: TwilioLine, services: LineServices) -> None:
        super().__init__(services)
        self._token = settings.token.get_secret_value()
        self._account = settings.account
        self._number = settings.number
        self._credentials = {"Authorization": aiohttp.encode_basic_auth(self._account, self._token)}
        self._calls = f"{settings.api}/2010-04-01/Accounts/{settings.account}/Calls"
        self._expected: Expected[StreamedCall] = Expected()

    async def webhook(self, hook: Hook, rest: str) -> Answer:
        fields = self._signed(hook)
        sid = fields.get("CallSid", "")
        if not sid:
            raise Malformed("no CallSid")
        if rest == "":
            return await self._rings(sid, fields)
        if rest == "again":
            return self._again(sid)
        if rest == "status":
            return self._progressed(sid, fields)
        raise Malformed(f"nothing is at {rest}")

    async def stream(self, socket: StreamSocket, rest: str) -> None:
        url = f"{self.services.public_socket}{socket.path}"
        given = socket.headers.get("x-twilio-signature", "")
        if not any(same(given, signature(self._token, each, [])) for each in (url, f"{url}/")):
            return await socket.refuse()
        transport = self._expected.take(rest.removeprefix("stream/"))
        await carry(transport, socket, partial(_agreed, self._account))

    async def dial(self, call: Call, number: str) -> None:
        if not (self._number and self.services.public_url):
            reason = "calls.lines.twilio has no `number`, or the desk no `server.url`"
            raise DeliveryFailed(reason, permanent=True)
        steering = CallControl(self.services, self._calls, self._credentials)
        transport = StreamedCall(call.id, MuLaw.sample_rate_hz, steering)
        answered = self.services.public_url + "/calls/twilio"
        asked = {
            "To": number,
            "From": self._number,
            "Twiml": self._connect(transport),
            "Timeout": str(RING_S),
            "StatusCallback": f"{answered}/status",
            "StatusCallbackEvent": "completed",
        }
        with transport.dialled(RING_S):
            steering.sid = await steering.post("", asked)
        self._expected.keep(steering.sid, transport)
        self.services.holding.begin(call, transport)

    async def _rings(self, sid: str, fields: Mapping[str, str]) -> Answer:
        steering = CallControl(self.services, self._calls, self._credentials, sid)
        transport = StreamedCall(call_id(sid), MuLaw.sample_rate_hz, steering)
        call = incoming(self.name, call_id(sid), fields.get("From", ""))
        held = self.services.holding.begin(call, transport)
        if not await transport.wanted(held, PREPARE_S):
            return _twiml('<Reject reason="busy"/>')
        self._expected.keep(sid, transport)
        transport.expect()
        return Answer(self._connect(transport).encode(), "text/xml")

    def _again(self, sid: str) -> Answer:
        """The socket of a call has ended, and Twilio asks what comes next."""
        transport = self._expected.call(sid)
        if transport is None or not transport.waiting:
            return _twiml("<Hangup/>")
        return Answer(self._connect(transport).encode(), "text/xml")

    def _progressed(self, sid: str, fields: Mapping[str, str]) -> Answer:
        transport = self._expected.call(sid)
        status = fields.get("CallStatus", "")
        if transport is not None and (status == "completed" or status in _UNANSWERED):
            transport.end(EndReason.CALLER if status == "completed" else EndReason.REFUSED)
        return Answer()

    def _connect(self, transport: StreamedCall) -> str:
        """TwiML that gives the call a socket, and asks again when that one has ended."""
        token = self._expected.expect(transport)
        url = f"{self.services.public_socket}/calls/twilio/stream/{token}"
        again = f"{self.services.public_url}/calls/twilio/again"
        return _document(
            f"<Connect><Stream url={quoteattr(url)}/></Connect><Redirect>{escape(again)}</Redirect>"
        )

    def _signed(self, hook: Hook) -> dict[str, str]:
        """A webhook's form. Raises `Forged` and `Malformed`."""
        if not self.services.public_url:
            raise Forged("Twilio signs the desk's address, and `server.url` is not set")
        form = hook.form(_MOST_FIELDS)
        if not same(
            hook.headers.get("x-twilio-signature", ""), signature(self._token, hook.url, form)
        ):
            raise Forged("the signature is wrong")
        fields = dict(form)
        if fields.get("AccountSid") != self._account:
            raise Forged("the request is another account's")
        return fields


class CallControl:
    """`streamed.Steering` by Twilio's API."""

    def __init__(
        self, services: LineServices, url: str, credentials: Mapping[str, str], sid: str = ""
    ) -> None:
        self.sid = sid
        self._services = services
        self._url = url
        self._credentials = credentials

    async def hang_up(self) -> None:
        await self.post(f"/{self.sid}", {"Status": "completed"})

    async def transfer(self, target: str) -> bool:
        kind = "Sip" if target.startswith(("sip:", "sips:")) else "Number"
        dial = _document(f"<Dial><{kind}>{escape(target)}</{kind}></Dial>")
        await self.post(f"/{self.sid}", {"Twiml": dial})
        return True

    async def post(self, path: str, form: dict[str, str]) -> str:
        """Gives the call's SID. Raises `DeliveryFailed`."""
        reply = await self._services.api.call(
            "POST", f"{self._url}{path}.json", what="calls", data=form, headers=self._credentials
        )
        if not reply.ok:
            code = reply.json().get("code", "no code")
            raise DeliveryFailed(f"Twilio refuses: HTTP {reply.status}, error {code}")
        return str(reply.json().get("sid", ""))


class MediaStream:
    """`streamed.Dialect` of one stream."""

    def __init__(self, stream: str) -> None:
        """`stream`: its SID."""
        self.codec: Codec = MuLaw()
        self._stream = stream

    def read(self, frame: str | bytes) -> Sequence[Told]:
        message = read_frame(frame)
        try:
            match message.get("event"):
                case "media" if message["media"].get("track", "inbound") == "inbound":
                    return [sound_of(message["media"])]
                case "dtmf":
                    return [Pressed(str(message["dtmf"]["digit"]))]
                case "mark":
                    return [Marked(str(message["mark"]["name"]))]
                case "stop":
                    return [Over()]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Malformed(f"not a frame of Media Streams: {type(error).__name__}") from error
        return []

    def sound(self, data: bytes) -> Sequence[str]:
        return [self._frame("media", media=media_of(data))]

    def mark(self, name: str) -> str:
        return self._frame("mark", mark={"name": name})

    def clear(self) -> str:
        return self._frame("clear")

    def _frame(self, event: str, **rest: Any) -> str:
        return msgspec.json.encode({"event": event, "streamSid": self._stream} | rest).decode()


async def _agreed(account: str, socket: StreamSocket) -> MediaStream | None:
    async for frame in socket.frames():
        message = read_frame(frame)
        if message.get("event") == "connected":
            continue
        start = message["start"]
        agreed = start["mediaFormat"] == _FORMAT and start["accountSid"] == account
        return MediaStream(str(message["streamSid"])) if agreed else None
    return None


def _document(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'


def _twiml(inner: str) -> Answer:
    return Answer(_document(inner).encode(), "text/xml")
