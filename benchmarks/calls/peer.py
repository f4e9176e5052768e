"""Pipecat in a virtual environment of its own, made once in `build/pipecat`, and a caller's line to
it."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.calls.earpiece import Earpiece
from benchmarks.calls.lines import Told, reading
from benchmarks.desk_process import REPOSITORY, DeskProcess
from benchmarks.peer_environment import CannotBeCompared, last_line, python_of
from bot.calls.transport import Sound
from connectors.calls.codecs.l16 import L16

PACKAGES = (
    "pipecat-ai[silero,websocket]==1.14.0",
    "moonshine-voice==0.0.73",
    "espeakng-loader==0.2.4",
    "langcodes",
    "msgspec",
)
"""The others are what the desk's Moonshine and espeak need."""
FOLDER = REPOSITORY / "build" / "pipecat"
NAME = "Pipecat"


class PipecatLine:
    """Sound as raw PCM; what is told of turns comes in frames of text."""

    def __init__(self, socket: ClientConnection) -> None:
        self.rate_hz = 16_000
        self.ear = Earpiece(self.rate_hz)
        self.told: list[Told] = []
        self.judged: list[tuple[float, bool]] = []
        """When Smart Turn said whether the turn is complete."""
        self.over = False
        self._socket = socket
        self._codec = L16(self.rate_hz, order="little")

    async def send(self, frame: Sound) -> None:
        try:
            await self._socket.send(self._codec.encode(frame))
        except ConnectionClosed:
            self.over = True

    async def hear(self, count: int) -> Sound:
        return self.ear.take(count)

    async def hang_up(self) -> None:
        await self._socket.close()

    async def read(self) -> None:
        clock = asyncio.get_running_loop().time
        async for frame in self._socket:
            if isinstance(frame, bytes):
                self.ear.put(self._codec.decode(frame))
                continue
            message = json.loads(frame)
            if message["type"] == "clear":
                self.ear.clear()
            elif message["type"] == "turn":
                self.told.append(Told(clock(), True, message["text"], True))
            elif message["type"] == "judged":
                self.judged.append((clock(), message["complete"]))
        self.over = True


@asynccontextmanager
async def pipecat_line(address: str) -> AsyncIterator[PipecatLine]:
    """`address`: of its sound."""
    async with connect(address, compression=None, proxy=None) as socket:
        line = PipecatLine(socket)
        async with reading(line.read()):
            yield line


@contextmanager
def pipecat() -> Iterator[str]:
    """A process of it; gives the address of its sound. It holds one call at a time. Raises
    `CannotBeCompared`."""
    script = str(Path(__file__).with_name("pipecat_peer.py"))
    python = python_of(FOLDER, PACKAGES)
    paths = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    try:
        process = DeskProcess([str(python), "-W", "ignore", script], {"PYTHONPATH": paths})
    except RuntimeError as error:
        raise CannotBeCompared(last_line(str(error))) from error
    try:
        found = re.search(r"(?m)^sound (\S+)$", process.output())
        if found is None:
            raise CannotBeCompared("it does not tell where it listens")
        yield found.group(1)
    finally:
        process.stop()
