"""The other side of a WebRTC call, by aiortc: it plays a clip, and keeps what it hears."""

import asyncio
from fractions import Fraction

import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame

from bot.calls.transport import Sound
from connectors.calls.webrtc import _JITTER_BUFFER, _Incoming

RATE = 48_000
_FRAME = 960


class Clip(MediaStreamTrack):
    """A sound in real time, and silence behind it."""

    kind = "audio"

    def __init__(self, sound: Sound) -> None:
        super().__init__()
        self._sound = (np.clip(sound, -1, 1) * 32_767).astype(np.int16)
        self._at = 0
        self._began = 0.0

    def say(self, sound: Sound) -> None:
        """Play this from now on."""
        silence = np.zeros(max(0, self._at - len(self._sound)), np.int16)
        said = (np.clip(sound, -1, 1) * 32_767).astype(np.int16)
        self._sound = np.concatenate([self._sound, silence, said])

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(max(0.0, self._began + self._at / RATE - loop.time()))
        piece = np.zeros(_FRAME, np.int16)
        part = self._sound[self._at : self._at + _FRAME]
        piece[: len(part)] = part
        frame = AudioFrame.from_ndarray(np.repeat(piece, 2)[np.newaxis], "s16", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, Fraction(1, RATE)
        self._at += _FRAME
        return frame


class Peer:
    def __init__(self, sound: Sound) -> None:
        self.connection = RTCPeerConnection()
        self.clip = Clip(sound)
        self.connection.addTrack(self.clip)
        self.heard: list[Sound] = []
        self._more = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self.connection.on("track", self._listen)

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def answer(self, offer: str) -> str:
        await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return str(self.connection.localDescription.sdp)

    async def close(self) -> None:
        await self.connection.close()
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def hears(self, loud: float = 0.2) -> None:
        """Wait until something is heard that is not silence."""
        async with asyncio.timeout(15):
            while not any(np.abs(piece).max() > loud for piece in self.heard):
                self._more.clear()
                await self._more.wait()

    def _listen(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.create_task(self._keep(track))

    async def _keep(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self.heard.append(frame.to_ndarray()[0, ::2].astype(np.float32) / 32_768)
                self._more.set()
        except MediaStreamError:
            return


class Browser(Peer):
    """A peer that leaves room for what is lost, as browsers do; aiortc's own joins what is left."""

    def __init__(self, sound: Sound) -> None:
        super().__init__(sound)
        self.pieces: dict[int, Sound] = {}
        self.connection.on("track", self._receive)

    @property
    def sound(self) -> Sound:
        sound = np.zeros(max(self.pieces) + RATE, np.float32)
        for at, piece in self.pieces.items():
            sound[at : at + len(piece)] = piece
        return sound

    def _receive(self, _: MediaStreamTrack) -> None:
        for transceiver in self.connection.getTransceivers():
            setattr(transceiver.receiver, _JITTER_BUFFER, _Incoming(self._keep_at))

    def _keep_at(self, samples: Sound, at: int) -> None:
        self.pieces[at] = samples
