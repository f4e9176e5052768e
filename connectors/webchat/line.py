"""The way out to one widget: frames in order, without a task of its own, never without bound."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_HELD_CHARS = 2_000_000
"""What may wait for a client that reads slowly; one that lets more gather is cut off, and fetches
the rest from the log when it comes back."""


class Line:
    """What a session and the connector send through.

    Frames pushed while one is on its way are held and follow it. A line begins held: nothing
    passes the welcome, which `open` sends.
    """

    __slots__ = ("_abort", "_busy", "_flusher", "_held", "_held_chars", "_send", "cut")

    def __init__(self, send: Send, abort: Callable[[], None]) -> None:
        """`send`: ASGI's. `abort`: ends the connection without waiting for the other side."""
        self._send = send
        self._abort = abort
        self._held: list[str] = []
        self._held_chars = 0
        self._busy = True
        self._flusher: asyncio.Task[None] | None = None
        self.cut = False
        """True once nothing can be sent any more."""

    async def open(self, *frames: str) -> None:
        """Send the first frames, and what has been pushed meanwhile after them."""
        self._held[:0] = frames
        await self._flush()

    async def tell(self, frame: str) -> None:
        """Send, and wait while the client's buffers are full."""
        self._hold(frame)
        if not self._busy:
            self._busy = True
            await self._flush()

    def push(self, frame: str) -> None:
        """Send as soon as possible; never waits."""
        self._hold(frame)
        if not self._busy:
            self._busy = True
            self._flusher = asyncio.get_running_loop().create_task(self._flush())

    async def close(self, code: int, frame: str | None = None) -> None:
        """End the connection from our side, with a last frame."""
        if self.cut:
            return
        self.cut = True
        try:
            if frame is not None:
                await self._send({"type": "websocket.send", "text": frame})
            await self._send({"type": "websocket.close", "code": code})
        except OSError:
            return  # the other side was faster

    def _hold(self, frame: str) -> None:
        if self.cut:
            return
        self._held.append(frame)
        self._held_chars += len(frame)
        if self._held_chars > MOST_HELD_CHARS and self._busy and len(self._held) > 1:
            self.cut = True
            self._held.clear()
            self._abort()

    async def _flush(self) -> None:
        try:
            while self._held and not self.cut:
                frames, self._held, self._held_chars = self._held, [], 0
                for frame in frames:
                    await self._send({"type": "websocket.send", "text": frame})
        except OSError:  # the server's way to say that the client is gone
            self.cut = True
        finally:
            self._busy = False
            self._flusher = None
