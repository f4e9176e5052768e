"""A host that answers with the very bytes a test wants: more or less of them than it says, slowly,
for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawHost:
    """`answers`: path → what writes the whole response, or the response itself."""

    answers: dict[str, Answer | bytes] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    """Request line and headers of each request."""
    written_bytes: int = 0
    port: int = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["RawHost"]:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heads.append(head)
            answer = self.answers.get(head.split(" ")[1], b"HTTP/1.1 404 Not Found\r\n\r\n")
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                await answer(writer)
            await writer.drain()
            writer.close()

    def endless(self, head: bytes, piece: bytes = bytes(64 * 1024)) -> Answer:
        """After `head`, piece after piece until the reader is gone."""

        async def answer(writer: asyncio.StreamWriter) -> None:
            writer.write(head)
            while True:
                writer.write(piece)
                await writer.drain()
                self.written_bytes += len(piece)

        return answer


def ok(body: bytes, *headers: str) -> bytes:
    """A response with a body, and its length unless another is given."""
    given = [*headers] if any("length" in each.lower() for each in headers) else [
        f"Content-Length: {len(body)}", *headers
    ]  # fmt: skip
    return "\r\n".join(["HTTP/1.1 200 OK", *given, "", ""]).encode() + body


def moved(where: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()


def stalled(head: bytes) -> Answer:
    """`head`, and then nothing until the reader is gone."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()
        await asyncio.Event().wait()

    return answer
