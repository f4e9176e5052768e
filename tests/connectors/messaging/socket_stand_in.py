"""The other side of a provider's WebSocket, on a real socket: it keeps what it is told, and says
and closes what a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class Line:
    """One connection that the desk has opened."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []
        self.ready = asyncio.Event()
        """Set by the provider's side, once what has to be said first is said."""
        self._changed = asyncio.Condition()

    async def say(self, frame: dict[str, Any] | str | bytes) -> None:
        await self.socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    async def wait(
        self, wanted: Callable[[dict[str, Any]], bool], count: int = 1
    ) -> list[dict[str, Any]]:
        """The frames of a kind, once there are as many."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: sum(map(wanted, self.heard)) >= count)
        return [frame for frame in self.heard if wanted(frame)]

    async def close(self, code: int = 1000) -> None:
        await self.socket.close(code)

    async def closed(self) -> int | None:
        """Wait until it is closed; gives the code that the desk closed it with."""
        async with asyncio.timeout(20):
            await self.socket.wait_closed()
        return self.socket.close_code

    async def keep(self, frame: dict[str, Any]) -> None:
        async with self._changed:
            self.heard.append(frame)
            self._changed.notify_all()


class SocketStandIn:
    """`opened` and `heard` are what a provider does by itself."""

    def __init__(self) -> None:
        self.url = ""
        self.lines: list[Line] = []
        self._changed = asyncio.Condition()

    async def opened(self, line: Line) -> None:
        """A connection was made."""

    async def heard(self, line: Line, frame: dict[str, Any]) -> None:
        """The desk has said something."""

    async def line(self, number: int = 1) -> Line:
        """The first connection, the second, …, once there is one."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.lines) >= number)
        return self.lines[number - 1]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["SocketStandIn"]:
        """On a free port of the loopback interface, until left."""
        async with serve(self._connected, "127.0.0.1", 0) as server:
            self.url = f"ws://127.0.0.1:{_port(server)}"
            yield self

    async def _connected(self, socket: ServerConnection) -> None:
        line = Line(socket)
        await self.opened(line)
        async with self._changed:
            self.lines.append(line)
            self._changed.notify_all()
        try:
            async for text in socket:
                frame = json.loads(text)
                await line.keep(frame)
                await self.heard(line, frame)
        except ConnectionClosed:
            return


def _port(server: Server) -> int:
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port
