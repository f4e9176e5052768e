"""What every call has, whatever carries its sound: it rings, is up, drops and comes back, ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from bot.calls.transport import Caption, EndReason, LineEvent
from connectors.calls.line_events import LineEvents

ATTACH_S = 20.0
"""How long a call that was answered, or whose connection has dropped, waits for one."""


class LineCall:
    """The part of `bot.calls.transport.Transport` that needs no sound."""

    def __init__(
        self, call: str, sample_rate_hz: int, show: Callable[[Caption], None] | None = None
    ) -> None:
        """`call`: its id, for the log. `show`: shows captions, where the line can."""
        self._show = show
        self.end_reason: EndReason | None = None
        """None until it has ended."""
        self.sample_rate_hz = sample_rate_hz
        self.answer_wanted = asyncio.Event()
        """Set once the desk wants to take the call."""
        self._call = call
        self._events = LineEvents(sample_rate_hz, call)
        self._up = asyncio.Event()
        """Set once the call has been up, or never will be."""
        self._attached = False
        self._begun = False
        self._overdue: asyncio.TimerHandle | None = None
        self._leaving: EndReason | None = None
        """Why the desk is about to end the call."""
        self._forget: list[Callable[[], object]] = []
        """What is called once the call has ended."""

    @property
    def ended(self) -> bool:
        return self._events.ended

    @property
    def waiting(self) -> bool:
        """A connection may be attached."""
        return not self.ended and not self._attached

    @property
    def begun(self) -> bool:
        """It has been up."""
        return self._begun

    def events(self) -> AsyncIterator[LineEvent]:
        return self._events.events()

    async def answer(self) -> None:
        self.answer_wanted.set()
        await self._up.wait()

    def caption(self, caption: Caption) -> None:
        if self._show is not None:
            self._show(caption)

    async def leave(self) -> None:
        """The caller hangs up, by the line's own way to say so."""
        self.end(EndReason.CALLER)

    async def wanted(self, held: "asyncio.Task[bool]", timeout_s: float) -> bool:
        """Wait until the desk takes the call, or for as long as it may ring. False: it does not,
        and `held`, which holds the call, has ended."""
        wanted = asyncio.create_task(self.answer_wanted.wait())
        try:
            await asyncio.wait(
                {wanted, held}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            wanted.cancel()
        return not held.done()

    def expect(self, within_s: float = ATTACH_S, otherwise: EndReason = EndReason.LOST) -> None:
        """The other side was told where to connect; if it does not in time the call is over,
        `otherwise`. It may be over already: who calls can have hung up while they were told."""
        self._on_time()
        if self.ended:
            return
        loop = asyncio.get_running_loop()
        self._overdue = loop.call_later(within_s, self.end, otherwise)

    @contextmanager
    def dialled(self, ring_s: float) -> Iterator[None]:
        """While the provider is asked to call somebody. Where that fails the call is over: their
        telephone may ring all the same, and nobody is to be held in silence. Otherwise it rings
        for `ring_s` seconds at most."""
        try:
            yield
        except BaseException:
            self.end(EndReason.REFUSED)
            raise
        if self.waiting:
            self.expect(ring_s + ATTACH_S, EndReason.REFUSED)

    def when_over(self, forget: Callable[[], object]) -> None:
        """Call this once the call has ended, which may be now."""
        if self.ended:
            forget()
        else:
            self._forget.append(forget)

    def end(self, reason: EndReason) -> None:
        """The call is over; for the desk's own reason where it was about to end it."""
        self._on_time()
        if not self.ended:
            self.end_reason = self._leaving or reason
            self._events.end(self.end_reason)
            forgetting, self._forget = self._forget, []
            for forget in forgetting:
                forget()
        self._up.set()

    def _came_up(self) -> None:
        """A connection carries the call from now on."""
        self._on_time()
        self._attached = True
        if self._begun:
            self._events.resume()
        else:
            self._events.up()
        self._begun = True
        self._up.set()

    def _went_down(self, played: int, reason: EndReason | None) -> None:
        """The connection is gone. `reason`: why the call is over with it; None: it may come
        back."""
        self._attached = False
        if reason or self._leaving:
            self.end(reason or EndReason.DESK)
        elif not self.ended:
            self._events.drop(played)
            self.expect()

    def _on_time(self) -> None:
        if self._overdue:
            self._overdue.cancel()
            self._overdue = None
