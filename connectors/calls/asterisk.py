"""Calls from an Asterisk exchange by its WebSocket channel: sound in binary frames, commands in
text.

Asterisk opens the socket and logs in by HTTP's Basic scheme. The dialplan puts the caller's number
and a name of the call into the address; after the call it asks whom to connect the caller with.
Asterisk could play by itself what comes at once, but does not tell how far it is: the desk keeps
time, so that it knows what was heard.
Source: https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import uuid4

import aiohttp
import msgspec

from bot.calls.transport import Call, EndReason, Sound
from bot.line_settings import AsteriskLine
from connectors.calls.codecs.codec import Codec, NotThisCodec
from connectors.calls.codecs.g711 import ALaw, MuLaw
from connectors.calls.codecs.l16 import L16
from connectors.calls.dialplan import MOST_FIELDS, ConnectNext, Dialplan, DialplanCall
from connectors.calls.line import Line, LineServices, call_id, incoming
from connectors.calls.stream_socket import UNSUPPORTED, SocketGone, StreamSocket
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, same

log = logging.getLogger(__name__)

PREPARE_S = 8.0
_CODECS: dict[str, Callable[[], Codec]] = {
    "ulaw": MuLaw,
    "alaw": ALaw,
    "slin": partial(L16, 8_000, order="little"),
    "slin16": partial(L16, 16_000, order="little"),
}


def line(settings: AsteriskLine, services: LineServices) -> "Asterisk":
    return Asterisk(settings, services)


class Asterisk(Line):
    name = "asterisk"

    def __init__(self, settings: AsteriskLine, services: LineServices) -> None:
        super().__init__(services)
        self._password = settings.password.get_secret_value()
        self._login = aiohttp.encode_basic_auth(settings.user, self._password)
        self._codec = settings.codec
        self._dialplan = Dialplan(self.name, services, settings.ari, self._call)

    async def webhook(self, hook: Hook, rest: str) -> Answer:
        fields = dict(hook.form(MOST_FIELDS))
        if not same(fields.get("secret", ""), self._password):
            raise Forged("the password is missing or wrong")
        if rest != "next":
            raise Malformed(f"nothing is at {rest}")
        return Answer(self._dialplan.next.take(fields.get("call", "")).encode())

    async def stream(self, socket: StreamSocket, rest: str) -> None:
        if rest or not same(socket.headers.get("authorization", ""), self._login):
            log.warning("asterisk.refused", extra={"reason": "the login is missing or wrong"})
            return await socket.refuse()
        await socket.accept("media" if "sec-websocket-protocol" in socket.headers else None)
        if not await self._started(socket):
            return await socket.close(UNSUPPORTED)
        name = socket.query.get("call", "")
        transport = self._dialplan.expected.call(name) if name else None
        if transport is None:
            transport = await self._rings(socket, name or str(uuid4()))
        if transport is not None and transport.waiting:
            await transport.attach(socket)
        await socket.close()

    async def dial(self, call: Call, number: str) -> None:
        await self._dialplan.dial(call, number)

    async def _rings(self, socket: StreamSocket, name: str) -> "AsteriskCall | None":
        transport = self._dialplan.transport(call_id(name), name)
        call = incoming(self.name, call_id(name), socket.query.get("from", ""))
        held = self.services.holding.begin(call, transport)
        if not await transport.wanted(held, PREPARE_S):
            await socket.send("HANGUP")
            return None
        await socket.send("ANSWER")
        return transport

    def _call(self, call: str, connect_next: ConnectNext) -> "AsteriskCall":
        return AsteriskCall(call, _CODECS[self._codec](), connect_next)

    async def _started(self, socket: StreamSocket) -> bool:
        """Whether the first message is what was agreed."""
        try:
            async for frame in socket.frames():
                kind, fields = _notification(frame)
                agreed = kind == "MEDIA_START" and fields.get("format") == self._codec
                if not agreed:
                    reason = f"{kind} with {fields.get('format')}, not {self._codec}"[:200]
                    log.warning("asterisk.refused", extra={"reason": reason})
                return agreed
        except (SocketGone, Malformed) as error:
            log.warning("asterisk.refused", extra={"reason": str(error)})
        return False


class AsteriskCall(DialplanCall):
    def __init__(self, call: str, codec: Codec, connect_next: ConnectNext) -> None:
        super().__init__(call, codec.sample_rate_hz, connect_next)
        self._codec = codec
        self._flush: Callable[[], Awaitable[None]] | None = None

    async def clear(self) -> int:
        played = await super().clear()
        if self._flush is not None:
            await self._flush()
        return played

    async def attach(self, socket: StreamSocket) -> None:
        async def send(sound: Sound) -> None:
            await socket.send(self._codec.encode(sound))

        async def close() -> None:
            await socket.send("HANGUP")
            await socket.close()

        self._flush = partial(socket.send, "FLUSH_MEDIA")
        try:
            await self.carry(send=send, read=lambda: self._read(socket), close=close)
        finally:
            self._flush = None

    async def _read(self, socket: StreamSocket) -> EndReason:
        """Asterisk closes when the caller hangs up, and does not come back."""
        try:
            async for frame in socket.frames():
                if isinstance(frame, bytes):
                    self._events.hear(self._codec.decode(frame))
                    continue
                kind, fields = _notification(frame)
                if kind == "DTMF_END":
                    self._events.press(fields.get("digit", ""))
        except (NotThisCodec, SocketGone, Malformed) as error:
            log.warning("call.line_lost", extra={"call": self._call, "reason": str(error)})
            await socket.close(UNSUPPORTED)
            return EndReason.LOST
        return EndReason.CALLER


def _notification(frame: str | bytes) -> tuple[str, dict[str, str]]:
    """What Asterisk tells: `NAME key:value …`, or the same in JSON. Raises `Malformed`."""
    if isinstance(frame, bytes):
        raise Malformed("sound before MEDIA_START")
    if frame.startswith("{"):
        try:
            found = msgspec.json.decode(frame, type=dict[str, object])
        except (msgspec.DecodeError, RecursionError) as error:
            raise Malformed("a notification is not JSON") from error
        return str(found.get("event", "")), {name: str(value) for name, value in found.items()}
    name, *words = frame.split()[:50] or [""]
    pairs = (word.partition(":") for word in words)
    return name, {key: value for key, colon, value in pairs if colon}
