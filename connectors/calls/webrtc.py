"""A call by WebRTC, through `aiortc`: sound in Opus over encrypted UDP, from a browser or WhatsApp.

`aiortc` plays safe with sound that comes: it keeps 80 ms of it back, and 300 ms from the first lost
packet on. Its jitter buffer is replaced here by one that holds nothing back while all is well
(`reordering.py`); what is lost becomes silence.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import RtpPacket
from av import AudioFrame

from bot.calls.transport import Caption, EndReason, Sound
from connectors.calls.codecs.codec import NotThisCodec, to_int16
from connectors.calls.codecs.opus import RATE_HZ, OpusDecoder
from connectors.calls.line_call import LineCall
from connectors.calls.paced import FRAME_S, PacedSound
from connectors.calls.reordering import Reordering
from connectors.messaging.hook import Malformed

log = logging.getLogger(__name__)

LARGEST_SDP_CHARS = 64_000
CONNECT_S = 20.0
"""How long the two sides may look for a way to each other."""
_WRAPS = 1 << 32
_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"


class WebRtcCall(LineCall):
    """`bot.calls.transport.Transport`."""

    def __init__(
        self,
        call: str,
        ice_servers: Sequence[RTCIceServer] = (),
        show: Callable[[Caption], None] | None = None,
    ) -> None:
        super().__init__(call, RATE_HZ, show)
        self._sound = PacedSound(RATE_HZ, self._events.played)
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=list(ice_servers)))
        self._track = _Outgoing(self._sound)
        self._closing: asyncio.Task[None] | None = None
        self._peer.on("connectionstatechange", self._state_changed)
        self._peer.on("track", self._track_came)

    async def take(self, offer: str) -> str:
        """Take an offer (SDP, RFC 8866); gives the answer. The call is up once the two sides have
        found each other. Raises `Malformed`."""
        await self._describe("offer", offer)
        self._peer.addTrack(self._track)
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        if not any(each.currentDirection == "sendrecv" for each in self._peer.getTransceivers()):
            raise Malformed("the offer has no sound in both directions in a codec that is known")
        self.expect(CONNECT_S)
        return self._peer.localDescription.sdp

    async def offer(self) -> str:
        """SDP to call somebody with; `taken` takes their answer."""
        self._peer.addTrack(self._track)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        return self._peer.localDescription.sdp

    async def taken(self, answer: str) -> None:
        """Raises `Malformed`."""
        await self._describe("answer", answer)
        self.expect(CONNECT_S)

    async def play(self, samples: Sound) -> None:
        if self._attached:
            await self._sound.play(samples)

    async def clear(self) -> int:
        return self._sound.clear()

    async def hang_up(self) -> None:
        if not self.ended and not self._leaving:
            self._leaving = EndReason.DESK
            self.end(EndReason.DESK)
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def transfer(self, target: str) -> bool:
        return False

    def end(self, reason: EndReason) -> None:
        super().end(reason)
        self._attached = False
        self._sound.clear()
        if self._closing is None:
            # aiortc tells of a state from within itself, where it cannot be waited for.
            self._closing = asyncio.create_task(self._peer.close(), name=f"closing {self._call}")

    async def _describe(self, kind: str, sdp: str) -> None:
        if len(sdp) > LARGEST_SDP_CHARS:
            raise Malformed("the session's description is too long")
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(sdp, kind))
        except Exception as error:
            # aiortc has no error of its own for what it does not understand: it trips over it.
            raise Malformed(f"not a description: {type(error).__name__}") from error

    def _state_changed(self) -> None:
        state = self._peer.connectionState
        if state == "connected" and not self._attached and not self.ended:
            self._came_up()
        elif state == "closed":
            self.end(EndReason.CALLER)
        elif state == "failed":
            self.end(EndReason.LOST)

    def _track_came(self, _: MediaStreamTrack) -> None:
        for transceiver in self._peer.getTransceivers():
            if transceiver.kind == "audio":
                setattr(transceiver.receiver, _JITTER_BUFFER, _Incoming(self._hear))

    def _hear(self, samples: Sound, at: int) -> None:
        self._events.hear(samples, at)


class _Incoming:
    """In place of `aiortc.jitterbuffer.JitterBuffer`: takes every packet, gives none back, so that
    nothing is decoded twice."""

    capacity = 0

    def __init__(self, hear: Callable[[Sound, int], None]) -> None:
        self._hear = hear
        self._order: Reordering[RtpPacket] = Reordering()
        self._decoder = OpusDecoder()
        self._last: int | None = None
        self._at = 0
        """Where the stream stands: the packets' own clock wraps."""
        self._bad = False

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        for each in self._order.add(packet.sequence_number, packet):
            self._decode(each)
        return False, None

    def _decode(self, packet: RtpPacket) -> None:
        if self._last is not None:
            step = (packet.timestamp - self._last) % _WRAPS
            self._at += step if step < _WRAPS // 2 else step - _WRAPS
        self._last = packet.timestamp
        try:
            self._hear(self._decoder.decode(packet.payload), self._at)
        except NotThisCodec as error:
            if not self._bad:
                self._bad = True
                log.warning("call.codec", extra={"reason": str(error)})


class _Outgoing(MediaStreamTrack):
    """What the desk says, and silence between."""

    kind = "audio"

    def __init__(self, sound: PacedSound) -> None:
        super().__init__()
        self._sound = sound
        self._due = 0.0
        self._at = 0

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        now = asyncio.get_running_loop().time()
        self._due = max(self._due + FRAME_S, now - FRAME_S) if self._due else now
        if self._due > now:
            await asyncio.sleep(self._due - now)
        samples = to_int16(self._sound.next_frame())
        # aiortc sends stereo, and would make it of mono with three decibels less.
        both = np.repeat(samples, 2)[np.newaxis]
        frame = AudioFrame.from_ndarray(both, "s16", "stereo")
        frame.sample_rate = RATE_HZ
        frame.pts = self._at
        frame.time_base = Fraction(1, RATE_HZ)
        self._at += len(samples)
        return frame
