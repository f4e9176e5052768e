"""What calls come in on; each kind of line is one subclass in one file."""

import asyncio
import hashlib
import logging
import re
from abc import ABC
from collections.abc import Coroutine
from typing import Any

import msgspec

from bot.calls.transport import Call, Calls, Transport
from bot.errors import DeliveryFailed, TooFast
from bot.messages import ID_PATTERN, ChannelName
from connectors.calls.stream_socket import StreamSocket
from connectors.customer_ids import customer_id
from connectors.messaging.api import Api
from connectors.messaging.hook import Answer, Hook, Malformed

log = logging.getLogger(__name__)

CHANNEL = ChannelName("call")
"""Of what is said on the telephone, whichever line it comes on."""
DIALLED = re.compile(r"\+?[0-9]{2,20}")
"""A number that can be called back."""


class Holding:
    """The calls of this process, each in a task of its own."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._tasks: set[asyncio.Task[bool]] = set()
        self._others: set[asyncio.Task[None]] = set()

    def begin(self, call: Call, transport: Transport) -> asyncio.Task[bool]:
        """Let the desk talk. The task's result: False where the desk holds as many calls as it
        may, and this one is to be refused as busy."""
        task = asyncio.create_task(self._hold(call, transport), name=f"call {call.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def besides(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what a webhook asks for after it has been answered."""
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def close(self) -> None:
        """Hang up on everybody."""
        tasks = [*self._tasks, *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hold(self, call: Call, transport: Transport) -> bool:
        try:
            await self._calls.hold(call, transport)
        except TooFast:
            log.warning("call.busy", extra={"call": call.id, "channel": call.channel})
            return False
        except Exception:
            # One call's trouble is not the others'.
            log.exception("call.failed", extra={"call": call.id, "channel": call.channel})
        return True


class LineServices(msgspec.Struct, frozen=True):
    """What the desk lends to a line."""

    api: Api
    holding: Holding
    public_url: str = ""
    """The desk's address as providers know it (`https://desk.example`); empty where it has none."""

    @property
    def public_socket(self) -> str:
        """The same for WebSockets."""
        return self.public_url.replace("http", "ws", 1)


class Line(ABC):
    """One account, or one exchange. What not every kind has is refused here."""

    name: str
    """Its section below `calls.lines`, and its path below `/calls/`."""

    def __init__(self, services: LineServices) -> None:
        self.services = services

    async def webhook(self, hook: Hook, rest: str) -> Answer:
        """A request to `/calls/NAME/REST`. Raises `Forged`, `Malformed`, `Unavailable`."""
        raise Malformed(f"{self.name} sends no webhooks")

    async def stream(self, socket: StreamSocket, rest: str) -> None:
        """A WebSocket to `/calls/NAME/REST`, for as long as it lasts."""
        await socket.refuse()

    async def run(self) -> None:
        """Where a line has a server of its own: serve, until cancelled."""
        return

    async def dial(self, call: Call, number: str) -> None:
        """Call a customer; returns once the provider rings there, and the desk has the call then.
        Raises `DeliveryFailed`."""
        raise DeliveryFailed(f"{self.name} calls nobody", permanent=True)


def incoming(line: str, call: str, number: str) -> Call:
    """A call that a customer makes from a number, as far as the line knows it. Numbers can be
    forged, and verify nobody. `call`: an id of the desk's pattern."""
    return Call(
        id=call,
        channel=CHANNEL,
        customer=customer_id("call", line, number or call),
        address=f"{line}:{number}" if DIALLED.fullmatch(number) else "",
    )


def call_id(given: str) -> str:
    """The provider's id where it fits the desk's pattern; one that follows from it elsewhere."""
    if ID_PATTERN.fullmatch(given):
        return given
    return f"call_{hashlib.sha256(given.encode()).hexdigest()[:40]}"
