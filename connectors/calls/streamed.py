"""A call whose sound travels on a WebSocket of its provider's, and that is steered by its API:
Twilio, Telnyx, Vonage.

The socket may drop in the middle of a call: the transport is down until another one is attached.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from bot.calls.transport import EndReason, Sound
from bot.errors import DeliveryFailed
from connectors.calls.codecs.codec import Codec, NotThisCodec
from connectors.calls.line_call import LineCall
from connectors.calls.marked import MarkedSound
from connectors.calls.stream_socket import POLICY, UNSUPPORTED, SocketGone, StreamSocket
from connectors.messaging.hook import Malformed

log = logging.getLogger(__name__)

MOST_BAD_FRAMES = 10


class Sent(msgspec.Struct, frozen=True):
    """Sound of the caller's."""

    data: bytes
    at: int | None = None
    """Where it begins, in samples, where the provider tells."""


class Pressed(msgspec.Struct, frozen=True):
    digit: str


class Marked(msgspec.Struct, frozen=True):
    """What was sent before this mark has been played, or dropped."""

    name: str


class Over(msgspec.Struct, frozen=True):
    """The call, or this stream of it, was ended on purpose."""


Told = Sent | Pressed | Marked | Over


class Dialect(Protocol):
    """How one provider writes the frames of one stream."""

    codec: Codec

    def read(self, frame: str | bytes) -> Sequence[Told]:
        """What a frame tells, in order; nothing, where nothing matters here. Raises
        `Malformed`."""

    def sound(self, data: bytes) -> Sequence[str | bytes]: ...

    def mark(self, name: str) -> str: ...

    def clear(self) -> str: ...


class Steering(Protocol):
    """What a provider's API does to a call that is on."""

    async def hang_up(self) -> None:
        """Raises `DeliveryFailed`."""

    async def transfer(self, target: str) -> bool:
        """Raises `DeliveryFailed`."""


class StreamedCall(LineCall):
    """`bot.calls.transport.Transport`."""

    def __init__(self, call: str, sample_rate_hz: int, steering: Steering) -> None:
        """`call`: its id, for the log."""
        super().__init__(call, sample_rate_hz)
        self._steering = steering
        self._sound = MarkedSound(sample_rate_hz, asyncio.get_running_loop().time)
        self._socket: StreamSocket | None = None
        self._dialect: Dialect | None = None
        self._sending = asyncio.Lock()
        self._round = 0
        """Grows when what is being sent is not to be sent any more."""

    async def play(self, samples: Sound) -> None:
        round_ = self._round
        async with self._sending:
            socket, dialect = self._socket, self._dialect
            if socket is None or dialect is None or self._round != round_:
                return
            for piece, mark in self._sound.pieces(samples):
                for frame in dialect.sound(dialect.codec.encode(piece)):
                    await socket.send(frame)
                await socket.send(dialect.mark(mark))
                if self._round != round_:  # cleared, or dropped, while this was on its way
                    return

    async def clear(self) -> int:
        self._round += 1
        played = self._sound.clear()
        if self._socket is not None and self._dialect is not None:
            await self._socket.send(self._dialect.clear())
        return played

    async def hang_up(self) -> None:
        if self.ended or self._leaving:
            return
        self._leaving = EndReason.DESK
        try:
            await self._steering.hang_up()
        except DeliveryFailed as error:
            # Without its socket the call ends as well, if later.
            log.warning("call.hang_up_failed", extra={"call": self._call, "reason": str(error)})
        await self._close(EndReason.DESK)

    async def transfer(self, target: str) -> bool:
        if self.ended or self._leaving:
            return False
        self._leaving = EndReason.TRANSFERRED
        try:
            done = await self._steering.transfer(target)
        except DeliveryFailed as error:
            log.warning("call.transfer_failed", extra={"call": self._call, "reason": str(error)})
            done = False
        if done:
            await self._close(EndReason.TRANSFERRED)
        else:
            self._leaving = None
        return done

    async def attach(self, socket: StreamSocket, dialect: Dialect) -> None:
        """Carry the call on this socket, which has been accepted and has said what it is, until
        one of them ends."""
        self._socket, self._dialect = socket, dialect
        self._came_up()
        on_purpose = False
        try:
            on_purpose = await self._read(socket, dialect)
        except SocketGone as error:
            log.warning("call.socket_gone", extra={"call": self._call, "reason": str(error)})
        finally:
            self._socket = self._dialect = None
            self._round += 1
            self._went_down(self._sound.clear(), EndReason.CALLER if on_purpose else None)
            await socket.close()

    async def _read(self, socket: StreamSocket, dialect: Dialect) -> bool:
        """Whether the end was on purpose. Raises `SocketGone`."""
        bad = 0
        async for frame in socket.frames():
            try:
                for told in dialect.read(frame):
                    if self._take(told, dialect.codec):
                        return True
            except NotThisCodec as error:
                log.warning("call.codec", extra={"call": self._call, "reason": str(error)})
                await socket.close(UNSUPPORTED)
                raise SocketGone(str(error)) from error
            except Malformed as error:
                bad += 1
                log.warning("call.malformed", extra={"call": self._call, "reason": str(error)})
                if bad >= MOST_BAD_FRAMES:
                    await socket.close(POLICY)
                    raise SocketGone("frames that make no sense") from error
        return self.ended

    def _take(self, told: Told, codec: Codec) -> bool:
        """Whether the call is over with it. Raises `NotThisCodec`."""
        match told:
            case Sent():
                self._events.hear(codec.decode(told.data), told.at)
            case Pressed():
                self._events.press(told.digit)
            case Marked() if self._sound.mark(told.name):
                self._events.played(self._sound.played)
            case Over():
                return True
        return False

    async def _close(self, reason: EndReason) -> None:
        self.end(reason)
        if self._socket is not None:
            await self._socket.close()


async def carry(
    transport: StreamedCall | None,
    socket: StreamSocket,
    agree: Callable[[StreamSocket], Awaitable[Dialect | None]],
) -> None:
    """Take a socket for the call that it was opened for; refuse it where that is none. `agree`:
    reads the first frames, and gives the dialect of the others; None where they are not what was
    agreed, as when it raises `SocketGone`, `Malformed`, or what a missing field raises."""
    if transport is None:
        return await socket.refuse()
    await socket.accept()
    try:
        dialect = await agree(socket)
    except (SocketGone, Malformed, KeyError, TypeError):
        dialect = None
    if dialect is None:
        transport.end(EndReason.LOST)
        return await socket.close(UNSUPPORTED)
    await transport.attach(socket, dialect)
