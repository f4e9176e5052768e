"""A call on a line that plays what comes at once, so that the desk has to keep time: AudioSocket,
Asterisk's WebSocket, PCM from a browser."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.calls.transport import Caption, EndReason, Sound
from connectors.calls.line_call import LineCall
from connectors.calls.paced import PacedSound


class PacedCall(LineCall):
    """`bot.calls.transport.Transport`, without a way to reach a person."""

    def __init__(
        self, call: str, sample_rate_hz: int, show: Callable[[Caption], None] | None = None
    ) -> None:
        super().__init__(call, sample_rate_hz, show)
        self._sound = PacedSound(sample_rate_hz, self._events.played)
        self._close: Callable[[], Awaitable[None]] | None = None

    async def play(self, samples: Sound) -> None:
        if self._attached:
            await self._sound.play(samples)

    async def clear(self) -> int:
        return self._sound.clear()

    async def hang_up(self) -> None:
        await self._leave(EndReason.DESK)

    async def leave(self) -> None:
        await self._leave(EndReason.CALLER)

    async def transfer(self, target: str) -> bool:
        return False

    async def carry(
        self,
        *,
        send: Callable[[Sound], Awaitable[None]],
        read: Callable[[], Awaitable[EndReason | None]],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        """Carry the call on a connection until it ends. `send`: 20 ms of sound. `read`: takes what
        comes, until the connection ends, and gives why the call is over with it; None where it may
        come back. `close`: ends the connection, so that `read` returns."""
        self._close = close
        self._came_up()
        pacer = asyncio.create_task(self._sound.run(send), name=f"pacing {self._call}")
        reason = None
        try:
            reason = await read()
        finally:
            self._close = None
            pacer.cancel()
            await asyncio.gather(pacer, return_exceptions=True)
            self._went_down(self._sound.clear(), reason)

    async def _leave(self, reason: EndReason) -> None:
        if self.ended or self._leaving:
            return
        self._leaving = reason
        if self._close is not None:
            await self._close()
        self.end(reason)
