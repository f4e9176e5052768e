"""Calls from the chat widget: arranged over the chat's own connection, which knows the customer.

Sound travels by WebRTC. Where that finds no way, it travels over a WebSocket, in frames of linear
PCM of 16 bits, little-endian, at 16 kHz; its address holds a token that only this widget has, and
is good for as long as the call, so that a connection that was lost can be opened again.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from aiortc import RTCIceServer

from bot.calls.transport import Call, Caption, EndReason, Sound
from bot.errors import CustomerError
from bot.line_settings import BrowserLine, IceServer
from bot.messages import Conversation, ConversationId, new_id
from connectors.calls.codecs.codec import NotThisCodec
from connectors.calls.codecs.l16 import L16
from connectors.calls.expected import Expected
from connectors.calls.line import Line, LineServices
from connectors.calls.line_call import LineCall
from connectors.calls.paced_call import PacedCall
from connectors.calls.stream_socket import POLICY, UNSUPPORTED, SocketGone, StreamSocket
from connectors.calls.webrtc import WebRtcCall
from connectors.messaging.hook import Malformed

log = logging.getLogger(__name__)

PREPARE_S = 8.0
PCM_RATE_HZ = 16_000
_CLEAR = '{"type":"clear"}'

Show = Callable[[str, Caption | EndReason], None]
"""Takes a call's id, and what is said in it or why it is over."""


class Taken(msgspec.Struct, frozen=True):
    """How the widget's sound comes to the desk."""

    call: str
    sdp: str = ""
    url: str = ""


class BrowserCalls(Line):
    name = "browser"

    def __init__(self, settings: BrowserLine, services: LineServices) -> None:
        super().__init__(services)
        self.ice_servers: tuple[IceServer, ...] = settings.ice
        self._expected: Expected[PcmCall] = Expected()
        self._calls: dict[ConversationId, tuple[str, LineCall]] = {}

    async def begin(
        self,
        conversation: Conversation,
        *,
        offer: str,
        locale: str,
        verified: Sequence[str],
        show: Show,
    ) -> Taken:
        """Take a call that belongs to a chat. One that was on there ends: its page is gone, or the
        customer calls anew. `offer`: SDP; empty where there is no WebRTC.

        Raises `CustomerError` (`call_busy`, `call_not_understood`).
        """
        await self.hang_up(conversation.id)
        name = new_id("call")
        transport = self._transport(name, show, webrtc=bool(offer))
        call = Call(
            id=name,
            channel=conversation.channel,
            customer=conversation.customer,
            conversation=conversation.id,
            verified=tuple(verified),
            locale=locale,
        )
        held = self.services.holding.begin(call, transport)
        self._calls[conversation.id] = (name, transport)
        held.add_done_callback(lambda _: self._over(conversation.id, name, transport, show))
        if not await transport.wanted(held, PREPARE_S):
            transport.end(EndReason.REFUSED)
            raise CustomerError("call_busy")
        if isinstance(transport, WebRtcCall):
            try:
                return Taken(name, sdp=await transport.take(offer))
            except Malformed as error:
                transport.end(EndReason.LOST)
                log.warning("call.malformed", extra={"call": name, "reason": str(error)})
                raise CustomerError("call_not_understood") from error
        assert isinstance(transport, PcmCall)
        token = self._expected.lasting(transport)
        transport.expect()
        return Taken(name, url=f"/calls/browser/{token}")

    async def hang_up(self, conversation: ConversationId, call: str = "") -> None:
        """The customer ends their call: the one named, or whichever is on."""
        name, transport = self._calls.get(conversation, ("", None))
        if transport is not None and call in ("", name):
            await transport.leave()

    async def stream(self, socket: StreamSocket, rest: str) -> None:
        transport = self._expected.call(rest)
        if transport is None or not transport.waiting:
            return await socket.refuse()
        await socket.accept()
        await transport.attach(socket)

    def _transport(self, name: str, show: Show, *, webrtc: bool) -> "WebRtcCall | PcmCall":
        def caption(said: Caption) -> None:
            show(name, said)

        if not webrtc:
            return PcmCall(name, caption)
        servers = [
            RTCIceServer(
                urls=each.urls,
                username=each.username or None,
                credential=each.credential.get_secret_value() or None,
            )
            for each in self.ice_servers
        ]
        return WebRtcCall(name, servers, caption)

    def _over(
        self, conversation: ConversationId, name: str, transport: LineCall, show: Show
    ) -> None:
        if self._calls.get(conversation, ("",))[0] == name:
            del self._calls[conversation]
        transport.end(EndReason.LOST)
        show(name, transport.end_reason or EndReason.LOST)


class PcmCall(PacedCall):
    """Sound over a WebSocket."""

    def __init__(self, call: str, caption: Callable[[Caption], None]) -> None:
        super().__init__(call, PCM_RATE_HZ, caption)
        self._codec = L16(PCM_RATE_HZ, order="little")
        self._clear: Callable[[], Awaitable[None]] | None = None

    async def clear(self) -> int:
        played = await super().clear()
        if self._clear is not None:
            await self._clear()
        return played

    async def attach(self, socket: StreamSocket) -> None:
        async def send(sound: Sound) -> None:
            await socket.send(self._codec.encode(sound))

        async def clear() -> None:
            await socket.send(_CLEAR)

        self._clear = clear
        try:
            await self.carry(send=send, read=lambda: self._read(socket), close=socket.close)
        finally:
            self._clear = None
            await socket.close()

    async def _read(self, socket: StreamSocket) -> EndReason | None:
        try:
            async for frame in socket.frames():
                if not isinstance(frame, bytes):
                    await socket.close(POLICY)
                    return None
                self._events.hear(self._codec.decode(frame))
        except NotThisCodec as error:
            log.warning("call.codec", extra={"call": self._call, "reason": str(error)})
            await socket.close(UNSUPPORTED)
        except SocketGone as error:
            log.warning("call.socket_gone", extra={"call": self._call, "reason": str(error)})
        return None


def line(settings: BrowserLine, services: LineServices) -> BrowserCalls:
    return BrowserCalls(settings, services)
