"""A provider's WebSocket as a call needs it: frames within limits, an end that is told apart."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from connectors.requests import headers_of

FIRST_FRAME_S = 10.0
"""How long a connection may be open before it says what it is for."""
QUIET_S = 60.0
"""How long it may be silent after that; a line that is up sends sound all the time."""
LARGEST_FRAME_BYTES = 64 * 1024
"""Two seconds of the widest sound. What is larger is no piece of a call."""

GOING_AWAY, POLICY, TOO_LARGE, UNSUPPORTED = 1001, 1008, 1009, 1003


class SocketGone(Exception):
    """The other side is gone, or has kept silent for too long."""


class StreamSocket:
    """One connection. Nothing is sent before `accept`."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.path: str = scope["path"]
        self.query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        self.headers = headers_of(scope)
        self._receive = receive
        self._send = send
        self._open = False

    async def accept(self, subprotocol: str | None = None) -> None:
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})
        self._open = True

    async def refuse(self) -> None:
        """Before it was accepted: the other side gets an HTTP 403."""
        await self._receive()
        await self._send({"type": "websocket.close", "code": POLICY})

    async def frames(self) -> AsyncIterator[str | bytes]:
        """Until the other side closes. Raises `SocketGone` where it was silent for too long, or
        sent a frame that is too large, and closes then."""
        patience_s = FIRST_FRAME_S
        while self._open:
            try:
                async with asyncio.timeout(patience_s):
                    event = await self._receive()
            except TimeoutError:
                await self.close(POLICY)
                raise SocketGone(f"nothing came for {patience_s:.0f} s") from None
            patience_s = QUIET_S
            if event["type"] == "websocket.disconnect":
                self._open = False
                return
            frame: str | bytes = event.get("bytes") or event.get("text") or ""
            if len(frame) > LARGEST_FRAME_BYTES:
                await self.close(TOO_LARGE)
                raise SocketGone(f"a frame of {len(frame)} bytes")
            yield frame

    async def send(self, frame: str | bytes) -> None:
        """Waits while the other side's buffers are full. Does nothing once it is gone."""
        if not self._open:
            return
        event: dict[str, Any] = {"type": "websocket.send"}
        event["text" if isinstance(frame, str) else "bytes"] = frame
        try:
            await self._send(event)
        except OSError:  # the server's way to say that the client is gone
            self._open = False

    async def close(self, code: int = 1000) -> None:
        if not self._open:
            return
        self._open = False
        try:
            await self._send({"type": "websocket.close", "code": code})
        except OSError:
            return
