"""The network between a browser and the desk, which a test can pull out and plug in again."""

import asyncio
from contextlib import suppress

_BLOCK_BYTES = 65_536


class Link:
    """Forwards TCP connections from `port` to the desk's port, on this machine."""

    def __init__(self, desk_port: int) -> None:
        self._desk_port = desk_port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._frozen = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all connections, and refuse new ones."""
        if self._server:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def freeze(self) -> None:
        """The connections of now pass nothing on any more and do not end, as after a laptop's
        sleep in another network; new ones work."""
        self._frozen.set()
        self._frozen = asyncio.Event()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            with suppress(OSError):
                await self._forward(reader, writer)
        finally:
            writer.close()
            self._writers.discard(writer)
            self._connections.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._desk_port)
        ends = {writer, onward}
        self._writers |= ends
        frozen = self._frozen
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, onward, frozen))
                group.create_task(_pump(onward_reader, writer, frozen))
        finally:
            onward.close()
            self._writers -= ends


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frozen: asyncio.Event
) -> None:
    with suppress(OSError):
        while block := await reader.read(_BLOCK_BYTES):
            if not frozen.is_set():
                writer.write(block)
                await writer.drain()
    if not frozen.is_set():
        writer.close()
