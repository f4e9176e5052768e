"""What the desk and the dialplan of an Asterisk exchange do for each other: the dialplan goes on
with who answers the desk's call, and asks, when a call is over, whom to connect the caller with.

The lines are `asterisk.py` and `audiosocket.py`.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar
from uuid import uuid4

from bot.calls.transport import Call, EndReason
from bot.errors import DeliveryFailed
from bot.line_settings import Ari
from connectors.calls.asterisk_control import RING_S, AsteriskControl
from connectors.calls.expected import Expected
from connectors.calls.line import LineServices
from connectors.calls.paced_call import PacedCall

MOST_FIELDS = 20
"""Of the form that the dialplan's `CURL()` posts."""
NEXT_S = 60.0
"""How long the dialplan has to ask what comes after a call."""

ConnectNext = Callable[[str], None]
"""Takes the target that a caller is to be connected with."""


class DialplanCall(PacedCall):
    def __init__(self, call: str, sample_rate_hz: int, connect_next: ConnectNext) -> None:
        super().__init__(call, sample_rate_hz)
        self._connect_next = connect_next

    async def transfer(self, target: str) -> bool:
        """The dialplan goes on, and asks for the target."""
        if self.ended or self._leaving:
            return False
        self._connect_next(target)
        await self._leave(EndReason.TRANSFERRED)
        return True


C = TypeVar("C", bound=DialplanCall)


class Dialplan(Generic[C]):
    """The calls of one line, by the names that the dialplan has for them."""

    def __init__(
        self,
        line: str,
        services: LineServices,
        ari: Ari | None,
        transport: Callable[[str, ConnectNext], C],
    ) -> None:
        """`transport`: makes that of a call, given its id."""
        self.expected: Expected[C] = Expected()
        self.next = NextSteps()
        self._line = line
        self._holding = services.holding
        self._control = AsteriskControl(services.api, ari) if ari else None
        self._transport = transport

    def transport(self, call: str, name: str) -> C:
        return self._transport(call, partial(self.next.set, name))

    async def dial(self, call: Call, number: str) -> None:
        """As `Line.dial`."""
        if self._control is None:
            raise DeliveryFailed(f"calls.lines.{self._line} has no `ari`", permanent=True)
        name = str(uuid4())
        transport = self.transport(call.id, name)
        self.expected.keep(name, transport)
        with transport.dialled(RING_S):
            await self._control.originate(number, {"FRONTDESK_CALL": name})
        self._holding.begin(call, transport)


class NextSteps:
    """Whom callers are to be connected with, until the dialplan asks."""

    def __init__(self) -> None:
        self._targets: dict[str, str] = {}

    def set(self, call: str, target: str) -> None:
        self._targets[call] = target
        asyncio.get_running_loop().call_later(NEXT_S, self._targets.pop, call, None)

    def take(self, call: str) -> str:
        """Empty where the call is simply over."""
        return self._targets.pop(call, "")
