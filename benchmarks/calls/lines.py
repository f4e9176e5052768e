"""Two ways to the desk, as a caller's side of them: the widget's PCM over a WebSocket, and Twilio's
Media Streams with G.711. Real sockets; what is heard on them is played as a widget, or as a
telephone network, plays it.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import asyncio
import base64
import itertools
import json
import re
import uuid
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.calls.earpiece import Earpiece
from benchmarks.widget_client import WidgetClient
from bot.calls.transport import Sound
from connectors.calls.codecs.g711 import MuLaw
from connectors.calls.codecs.l16 import L16
from connectors.twilio import signature

PUBLIC_URL = "https://desk.example"
ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "the-auth-token"
_WIDGET_READY_S = 0.06
"""What the widget keeps before it plays: READY in pcm-worklet.js."""
_ADDRESSES = (f"127.0.0.{n}" for n in itertools.cycle(range(2, 250)))
"""Every caller has one, for the desk lets nobody call too often."""
_FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
SETTINGS = f"""
server:
  url: {PUBLIC_URL}
  log: json
calls:
  longest_minutes: 60
  lines:
    twilio:
      account: {ACCOUNT}
      token: {TOKEN}
      api: http://127.0.0.1:9
"""
"""For a desk that can be called on both. Nobody asks Twilio for anything here."""


@dataclass(frozen=True)
class Told:
    """What a line says of a turn. `at`: on the event loop's clock."""

    at: float
    by_caller: bool
    text: str
    final: bool


class Line(Protocol):
    rate_hz: int
    ear: Earpiece
    told: list[Told]
    over: bool
    """The other side has hung up."""

    async def send(self, frame: Sound) -> None:
        """20 ms of the caller's."""

    async def hear(self, count: int) -> Sound:
        """The samples that are played next."""

    async def hang_up(self) -> None: ...


class WidgetLine:
    """The desk's captions come on the chat's connection."""

    def __init__(self, chat: WidgetClient, call: str, sound: ClientConnection) -> None:
        self.rate_hz = 16_000
        self.ear = Earpiece(self.rate_hz, _WIDGET_READY_S)
        self.told: list[Told] = []
        self.over = False
        self._chat = chat
        self._call = call
        self._sound = sound
        self._codec = L16(self.rate_hz, order="little")

    async def send(self, frame: Sound) -> None:
        try:
            await self._sound.send(self._codec.encode(frame))
        except ConnectionClosed:
            self.over = True

    async def hear(self, count: int) -> Sound:
        return self.ear.take(count)

    async def hang_up(self) -> None:
        await self._chat.hang_up(self._call)

    async def read_sound(self) -> None:
        async for frame in self._sound:
            if isinstance(frame, bytes):
                self.ear.put(self._codec.decode(frame))
            else:
                self.ear.clear()
        self.over = True

    async def read_captions(self) -> None:
        clock = asyncio.get_running_loop().time
        async for frame in self._chat.frames():
            if frame["type"] == "caption":
                told = Told(clock(), frame["by_caller"], frame["text"], frame["final"])
                self.told.append(told)


class TwilioLine:
    """Says nothing of turns: a telephone shows no captions."""

    def __init__(self, stream: ClientConnection) -> None:
        self.rate_hz = MuLaw.sample_rate_hz
        self.ear = Earpiece(self.rate_hz)
        self.told: list[Told] = []
        self.over = False
        self._stream = stream
        self._codec = MuLaw()
        self._sent = 0
        self._received = 0
        self._marks: deque[tuple[int, str]] = deque()
        """Where they stand among all samples that came."""

    async def send(self, frame: Sound) -> None:
        payload = base64.b64encode(self._codec.encode(frame)).decode()
        at_ms = 1000 * self._sent // self.rate_hz
        self._sent += len(frame)
        media = {"track": "inbound", "timestamp": str(at_ms), "payload": payload}
        await self._tell("media", media=media)

    async def hear(self, count: int) -> Sound:
        sound = self.ear.take(count)
        while self._marks and self._marks[0][0] <= self.ear.played:
            await self._tell("mark", mark={"name": self._marks.popleft()[1]})
        return sound

    async def hang_up(self) -> None:
        await self._tell("stop", stop={"accountSid": ACCOUNT})
        await self._stream.close()

    async def start(self, call: str) -> None:
        await self._stream.send('{"event": "connected", "protocol": "Call", "version": "1.0.0"}')
        start = {"accountSid": ACCOUNT, "streamSid": "MZ1", "callSid": call, "mediaFormat": _FORMAT}
        await self._tell("start", start=start)

    async def read(self) -> None:
        async for frame in self._stream:
            message = json.loads(frame)
            if message["event"] == "media":
                sound = self._codec.decode(base64.b64decode(message["media"]["payload"]))
                self._received += len(sound)
                self.ear.put(sound)
            elif message["event"] == "mark":
                self._marks.append((self._received, message["mark"]["name"]))
            elif message["event"] == "clear":
                await self._clear()
        self.over = True

    async def _clear(self) -> None:
        self.ear.clear()
        self._received = self.ear.played
        marks, self._marks = self._marks, deque()
        for _, name in marks:  # as Twilio does with the marks of what it drops
            await self._tell("mark", mark={"name": name})

    async def _tell(self, event: str, **fields: Any) -> None:
        try:
            await self._stream.send(json.dumps({"event": event, "streamSid": "MZ1"} | fields))
        except ConnectionClosed:
            self.over = True


@asynccontextmanager
async def widget_line(url: str) -> AsyncIterator[WidgetLine]:
    """A call from the widget of the desk at `url`."""
    chat = await WidgetClient.open(url, address=next(_ADDRESSES))
    call, address = await chat.call()
    async with connect(address, compression=None, proxy=None) as sound:
        line = WidgetLine(chat, call, sound)
        async with reading(line.read_sound(), line.read_captions()):
            yield line
    await chat.close()


@asynccontextmanager
async def twilio_line(url: str) -> AsyncIterator[TwilioLine]:
    """A call on a number of Twilio's, as Twilio brings it to the desk at `url`."""
    call = f"CA{uuid.uuid4().hex}"
    form = {"CallSid": call, "AccountSid": ACCOUNT, "From": f"+1{uuid.uuid4().int % 10**10:010}"}
    signed = signature(TOKEN, f"{PUBLIC_URL}/calls/twilio", sorted(form.items()))
    async with aiohttp.ClientSession() as web:
        headers = {"X-Twilio-Signature": signed}
        async with web.post(f"{url}/calls/twilio", data=form, headers=headers) as answer:
            twiml = await answer.text()
    found = re.search(r'<Stream url="([^"]+)"', twiml)
    if found is None:
        raise RuntimeError(f"the desk did not take a call of Twilio's: {answer.status} {twiml}")
    public_socket = PUBLIC_URL.replace("http", "ws", 1)
    address = found.group(1).replace(public_socket, url.replace("http", "ws", 1))
    headers = {"X-Twilio-Signature": signature(TOKEN, found.group(1), [])}
    async with connect(address, additional_headers=headers, compression=None, proxy=None) as stream:
        line = TwilioLine(stream)
        await line.start(call)
        async with reading(line.read()):
            yield line


@asynccontextmanager
async def reading(*readers: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """While it lasts, these run."""
    tasks = [asyncio.create_task(reader) for reader in readers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
