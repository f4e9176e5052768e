"""The desk's side of a call, scripted by the test, behind a real server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import numpy as np

from bot.calls.transport import (
    Call,
    Ended,
    EndReason,
    Heard,
    Key,
    LineEvent,
    Played,
    Sound,
    Transport,
)
from bot.errors import TooFast
from connectors.calls.front import CallFront, open_lines
from connectors.server import Server
from connectors.web import build_app

PUBLIC_URL = "https://desk.example"
E = TypeVar("E", bound=LineEvent)


class Held:
    """A call that the desk holds, as the test sees it."""

    def __init__(self, call: Call, transport: Transport) -> None:
        self.call = call
        self.transport = transport
        self.events: list[LineEvent] = []
        self._changed = asyncio.Condition()

    async def collect(self) -> None:
        async for event in self.transport.events():
            async with self._changed:
                self.events.append(event)
                self._changed.notify_all()

    async def until(self, condition: Callable[["Held"], Any]) -> Any:
        """Wait for something to have happened; gives what the condition gives."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: condition(self))
        return condition(self)

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def heard(self) -> Sound:
        return np.concatenate([np.zeros(0, np.float32), *(e.samples for e in self.all(Heard))])

    @property
    def keys(self) -> str:
        return "".join(event.digit for event in self.all(Key))

    @property
    def played(self) -> int:
        return max((event.samples for event in self.all(Played)), default=0)

    async def ended(self) -> EndReason:
        [last] = await self.until(lambda held: held.all(Ended))
        return last.reason


class ScriptedCalls:
    """`bot.calls.transport.Calls`."""

    def __init__(self) -> None:
        self.full = False
        """Set: no more calls are taken."""
        self.answers = True
        """Cleared: it rings."""
        self._held: asyncio.Queue[Held] = asyncio.Queue()
        self.open = 0
        """Calls that are held now."""

    async def hold(self, call: Call, transport: Transport) -> None:
        if self.full:
            raise TooFast(10)
        held = Held(call, transport)
        self._held.put_nowait(held)
        self.open += 1
        try:
            async with asyncio.TaskGroup() as group:
                if self.answers:
                    group.create_task(transport.answer())
                group.create_task(held.collect())
        except asyncio.CancelledError:
            await transport.hang_up()
            raise
        finally:
            self.open -= 1

    async def next(self) -> Held:
        """The next call that comes."""
        async with asyncio.timeout(10):
            return await self._held.get()


class CallSite:
    def __init__(self, calls: ScriptedCalls, front: CallFront, url: str) -> None:
        self.calls = calls
        self.front = front
        self.url = url
        self.ws_url = url.replace("http", "ws", 1)


@asynccontextmanager
async def call_site(configured: Mapping[str, Any]) -> AsyncIterator[CallSite]:
    """The lines of the test's own, behind a real server."""
    calls = ScriptedCalls()
    async with (
        open_lines(configured, calls=calls, public_url=PUBLIC_URL) as front,
        serving(build_app(calls=front)) as url,
    ):
        running = asyncio.create_task(front.run())
        try:
            yield CallSite(calls, front, url)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = Server(app, host="127.0.0.1", port=0, on_ready=started.set_result)
    task = asyncio.create_task(server.serve())
    try:
        yield await started
    finally:
        server.stop()
        await task


def tone(seconds: float, sample_rate_hz: int, pitch_hz: float = 440.0) -> Sound:
    times = np.arange(int(seconds * sample_rate_hz), dtype=np.float32) / sample_rate_hz
    return np.asarray(np.sin(2 * np.pi * pitch_hz * times) * 0.5, np.float32)


def others() -> set[asyncio.Task[Any]]:
    """The tasks that run besides the test itself."""
    return asyncio.all_tasks() - {asyncio.current_task()}
