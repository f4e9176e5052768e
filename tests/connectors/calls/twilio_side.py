"""Twilio's side of Media Streams, from its documentation; the signatures are its own SDK's.
https://www.twilio.com/docs/voice/media-streams/websocket-messages"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect

from tests.connectors.calls.desk import PUBLIC_URL, CallSite

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "the-auth-token"
SID = "CA" + "a" * 32
CALLER, DESK = "+15550100001", "+15550100002"
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
_SIGNER = RequestValidator(TOKEN)


async def post(
    site: CallSite, path: str = "", *, sign: bool = True, **fields: str
) -> httpx.Response:
    """A webhook of a call's."""
    form = {
        "CallSid": SID, "AccountSid": ACCOUNT, "From": CALLER, "To": DESK, "Direction": "inbound",
        "CallStatus": "ringing", "ApiVersion": "2010-04-01", "CallerName": "",
    } | fields  # fmt: skip
    target = f"/calls/twilio{path}"
    headers = {}
    if sign:
        headers["X-Twilio-Signature"] = _SIGNER.compute_signature(PUBLIC_URL + target, form)
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(site.url + target, data=form, headers=headers)


def stream_path(twiml: str) -> str:
    """Where TwiML has Twilio open its WebSocket."""
    [url] = re.findall(r'<Connect><Stream url="wss://desk\.example([^"]+)"/></Connect>', twiml)
    return str(url)


class TwilioStream:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        """What the desk has sent."""
        self._changed = asyncio.Condition()
        self._number = 0

    async def send(self, event: str, **fields: Any) -> None:
        self._number += 1
        message = {"event": event, "sequenceNumber": str(self._number), "streamSid": "MZ1"}
        await self.socket.send(json.dumps(message | fields))

    async def start(self, **changed: Any) -> None:
        await self.socket.send('{"event": "connected", "protocol": "Call", "version": "1.0.0"}')
        start = {
            "accountSid": ACCOUNT, "streamSid": "MZ1", "callSid": SID, "tracks": ["inbound"],
            "mediaFormat": FORMAT, "customParameters": {},
        } | changed  # fmt: skip
        await self.send("start", start=start)

    async def say(self, data: bytes, at_ms: int = 0) -> None:
        """Sound of the caller's, 20 ms a frame, from this moment of the stream on."""
        for number, start in enumerate(range(0, len(data), 160)):
            payload = base64.b64encode(data[start : start + 160]).decode()
            media = {
                "track": "inbound", "chunk": str(number + 1),
                "timestamp": str(at_ms + number * 20), "payload": payload,
            }  # fmt: skip
            await self.send("media", media=media)

    async def listen(self) -> None:
        async for frame in self.socket:
            async with self._changed:
                self.frames.append(json.loads(frame))
                self._changed.notify_all()

    async def wait(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self.of(event)) >= count)
        return self.of(event)

    def of(self, event: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["event"] == event]

    @property
    def sound(self) -> bytes:
        return b"".join(base64.b64decode(f["media"]["payload"]) for f in self.of("media"))

    async def played(self, name: str) -> None:
        """What was sent before this mark has been played."""
        await self.send("mark", mark={"name": name})


@asynccontextmanager
async def streaming(site: CallSite, path: str, *, sign: bool = True) -> AsyncIterator[TwilioStream]:
    """A WebSocket that has been opened and has said nothing."""
    headers = {}
    if sign:
        url = PUBLIC_URL.replace("https", "wss") + path
        headers["X-Twilio-Signature"] = _SIGNER.compute_signature(url, {})
    async with connect(site.ws_url + path, additional_headers=headers, proxy=None) as socket:
        stream = TwilioStream(socket)
        listening = asyncio.create_task(stream.listen())
        try:
            yield stream
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
