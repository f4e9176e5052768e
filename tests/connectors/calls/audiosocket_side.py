"""Asterisk's side of AudioSocket, of bytes, from its documentation.
https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from connectors.calls.audiosocket import AudioSocket
from tests.connectors.calls.desk import CallSite

SECRET = "a word of the dialplan's"
FRAME = 320
"""Bytes of 20 ms."""


def line_of(site: CallSite) -> AudioSocket:
    line = site.front.lines["audiosocket"]
    assert isinstance(line, AudioSocket)
    return line


class Asterisk:
    """One connection of its."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *messages: str) -> None:
        """Bytes in hexadecimal."""
        self.writer.write(bytes.fromhex("".join(messages)))

    def say(self, sound: bytes) -> None:
        for start in range(0, len(sound), FRAME):
            piece = sound[start : start + FRAME]
            self.writer.write(b"\x10" + len(piece).to_bytes(2, "big") + piece)

    async def next(self) -> bytes:
        """The desk's next message, whole."""
        async with asyncio.timeout(10):
            header = await self.reader.readexactly(3)
            return header + await self.reader.readexactly(int.from_bytes(header[1:], "big"))

    async def closed(self) -> bytes:
        """What comes until the desk closes."""
        async with asyncio.timeout(10):
            return await self.reader.read()


async def curl(site: CallSite, path: str, **fields: str) -> httpx.Response:
    """What the dialplan's `CURL()` does."""
    async with httpx.AsyncClient(trust_env=False) as client:
        form = {"secret": SECRET} | fields
        return await client.post(f"{site.url}/calls/audiosocket/{path}", data=form)


@asynccontextmanager
async def connection(site: CallSite) -> AsyncIterator[Asterisk]:
    line = line_of(site)
    await line.listening.wait()
    reader, writer = await asyncio.open_connection(*line.address)
    try:
        yield Asterisk(reader, writer)
    finally:
        writer.close()
