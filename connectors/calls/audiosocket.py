"""Calls from an Asterisk exchange by AudioSocket: TCP, a header of three bytes before each message.

The protocol has no login. The dialplan announces a call by HTTP, with the operator's secret, and
gets the UUID that its connection then has to begin with; a UUID is good for one connection. After
the call the dialplan asks whom to connect the caller with.
Source: https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/.
"""

import asyncio
import logging
from enum import IntEnum
from uuid import UUID, uuid4

from bot.calls.transport import Call, EndReason, Sound
from bot.errors import OperatorError
from bot.line_settings import AudioSocketLine
from connectors.calls.codecs.codec import NotThisCodec
from connectors.calls.codecs.l16 import L16
from connectors.calls.dialplan import MOST_FIELDS, ConnectNext, Dialplan, DialplanCall
from connectors.calls.line import Line, LineServices, incoming
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, same

log = logging.getLogger(__name__)

PREPARE_S = 8.0
UUID_S = 5.0
"""How long a connection may be open before it says which call it is."""
QUIET_S = 60.0
RATE_HZ = 8_000
BACKLOG = 2048
_MOST_BUFFERED_BYTES = 64 * 1024


class Kind(IntEnum):
    """Of a message. Asterisk writes other rates as 0x11 and on; they are not agreed here."""

    HANG_UP = 0x00
    UUID = 0x01
    DTMF = 0x03
    SOUND_8K = 0x10
    ERROR = 0xFF


def line(settings: AudioSocketLine, services: LineServices) -> "AudioSocket":
    return AudioSocket(settings, services)


class AudioSocket(Line):
    name = "audiosocket"

    def __init__(self, settings: AudioSocketLine, services: LineServices) -> None:
        super().__init__(services)
        self._secret = settings.secret.get_secret_value()
        self._host, self._port = settings.host, settings.port
        self._dialplan = Dialplan(self.name, services, settings.ari, AudioSocketCall)
        self._connections: set[asyncio.Task[None]] = set()
        self.listening = asyncio.Event()
        self.address: tuple[str, int] = ("", 0)
        """Where it listens, once it does."""

    async def webhook(self, hook: Hook, rest: str) -> Answer:
        fields = dict(hook.form(MOST_FIELDS))
        if not same(fields.get("secret", ""), self._secret):
            raise Forged("the secret is missing or wrong")
        if rest == "announce":
            return Answer((await self._announced(fields.get("from", ""))).encode())
        if rest == "next":
            return Answer(self._dialplan.next.take(fields.get("call", "").lower()).encode())
        raise Malformed(f"nothing is at {rest}")

    async def run(self) -> None:
        """Raises `OperatorError` where the address cannot be used."""
        try:
            server = await asyncio.start_server(
                self._connected,
                self._host,
                self._port,
                limit=_MOST_BUFFERED_BYTES,
                backlog=BACKLOG,
            )
        except OSError as error:
            raise OperatorError(
                f"AudioSocket cannot listen on {self._host}:{self._port}: {error.strerror}",
                remedy="choose another `port` in calls.lines.audiosocket",
            ) from error
        self.address = server.sockets[0].getsockname()[:2]
        self.listening.set()
        async with server:
            try:
                await server.serve_forever()
            finally:
                for task in self._connections:
                    task.cancel()
                await asyncio.gather(*self._connections, return_exceptions=True)

    async def dial(self, call: Call, number: str) -> None:
        await self._dialplan.dial(call, number)

    async def _announced(self, number: str) -> str:
        """The UUID to connect with; empty where the desk is busy."""
        name = str(uuid4())
        transport = self._dialplan.transport(name, name)
        call = incoming(self.name, name, number)
        held = self.services.holding.begin(call, transport)
        if not await transport.wanted(held, PREPARE_S):
            return ""
        self._dialplan.expected.keep(name, transport)
        transport.expect()
        return name

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="audiosocket")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            transport = await self._greeted(reader)
            if transport is not None:
                await transport.attach(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            log.warning("audiosocket.refused", extra={"reason": type(error).__name__})
        finally:
            writer.close()

    async def _greeted(self, reader: asyncio.StreamReader) -> "AudioSocketCall | None":
        async with asyncio.timeout(UUID_S):
            kind, payload = await _read(reader)
        if kind != Kind.UUID or len(payload) != 16:
            log.warning("audiosocket.refused", extra={"reason": "it does not begin with a UUID"})
            return None
        transport = self._dialplan.expected.call(str(UUID(bytes=payload)))
        if transport is None or not transport.waiting:
            log.warning("audiosocket.refused", extra={"reason": "the call was not announced"})
            return None
        return transport


class AudioSocketCall(DialplanCall):
    def __init__(self, call: str, connect_next: ConnectNext) -> None:
        super().__init__(call, RATE_HZ, connect_next)
        self._codec = L16(RATE_HZ, order="little")

    async def attach(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(sound: Sound) -> None:
            writer.write(message(Kind.SOUND_8K, self._codec.encode(sound)))
            await writer.drain()

        async def close() -> None:
            writer.write(message(Kind.HANG_UP))
            writer.close()

        await self.carry(send=send, read=lambda: self._read(reader), close=close)

    async def _read(self, reader: asyncio.StreamReader) -> EndReason:
        """Asterisk does not come back once a connection is lost."""
        try:
            while True:
                async with asyncio.timeout(QUIET_S):
                    kind, payload = await _read(reader)
                if kind == Kind.SOUND_8K:
                    self._events.hear(self._codec.decode(payload))
                elif kind == Kind.DTMF:
                    self._events.press(payload.decode("latin-1"))
                elif kind == Kind.HANG_UP:
                    return EndReason.CALLER
                else:
                    raise NotThisCodec(f"a message of kind {kind:#04x}")
        except asyncio.IncompleteReadError as error:
            # Asterisk closes without a word when the caller hangs up.
            return EndReason.LOST if error.partial else EndReason.CALLER
        except (OSError, TimeoutError, NotThisCodec) as error:
            reason = f"{type(error).__name__}: {error}"[:200]
            log.warning("call.line_lost", extra={"call": self._call, "reason": reason})
            return EndReason.LOST


def message(kind: Kind, payload: bytes = b"") -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Raises `asyncio.IncompleteReadError` at the end, `OSError`."""
    header = await reader.readexactly(3)
    length = int.from_bytes(header[1:], "big")
    return header[0], await reader.readexactly(length)
