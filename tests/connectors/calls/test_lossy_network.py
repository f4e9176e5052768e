"""A call over a bad network, on real UDP: what was said is understood on both sides."""

import asyncio
import re
from pathlib import Path

import numpy as np
from aiortc.mediastreams import MediaStreamTrack

from bot.calls.transport import Call, EndReason, Sound
from bot.messages import ChannelName, CustomerId
from connectors.calls.line import Holding
from connectors.calls.webrtc import _JITTER_BUFFER, WebRtcCall, _Incoming
from models.audio import SAMPLE_RATE_HZ, decode, resampled
from models.moonshine import MoonshineTranscriber
from tests.connectors.calls.desk import Held, ScriptedCalls, others
from tests.connectors.calls.lossy_network import LossyNetwork, Weather
from tests.connectors.calls.peer import RATE, Peer

ASKED, ANSWERED = "LJ001-0004.wav", "LJ001-0005.wav"
WEATHER = Weather(lost=0.05, overtaken=0.03, late=0.01, burst_every=75)
LATEST_S = 0.06
"""A loop that is later than this is a worse network than the one that is tested."""


def share(heard: str, said: str) -> float:
    """How many of the words that are understood of what was said are among those of what came."""
    before, after = (set(re.findall(r"[a-z]+", text.lower())) for text in (said, heard))
    return len(before & after) / len(before)


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


class BadCall:
    """The caller asks and the desk answers, both at once, over one network."""

    def __init__(self, asked: Sound, answered: Sound, seed: int) -> None:
        self._length_s = max(len(asked), len(answered)) / RATE + 1
        self._answered = answered
        self.network = LossyNetwork(WEATHER, seed)
        self.browser = Browser(asked)
        self.lag_s = 0.0
        self.heard = np.zeros(0, np.float32)
        """By the desk."""

    async def hold(self) -> EndReason:
        calls = ScriptedCalls()
        holding = Holding(calls)
        line = WebRtcCall("call_1")
        call = Call(id="call_1", channel=ChannelName("webchat"), customer=CustomerId("cus_1"))
        holding.begin(call, line)
        held = await calls.next()
        watching = asyncio.create_task(self._watch())
        try:
            offer = await self.network.between(await self.browser.offer())
            await self.browser.accept(await self.network.between(await line.take(offer)))
            await held.transport.answer()
            await held.transport.play(self._answered)
            await self._through(held)
        finally:
            watching.cancel()
            await self.browser.close()
            reason = await held.ended()
            self.heard = held.heard
            await holding.close()
            self.network.close()
        return reason

    async def _through(self, held: Held) -> None:
        """Until both sides have said what they have to say."""
        async with asyncio.timeout(self._length_s + 20):
            while len(held.heard) < self._length_s * RATE or held.played < len(self._answered):
                await asyncio.sleep(0.1)  # sound that comes tells nobody how much of it there is

    async def _watch(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + 0.02
            await asyncio.sleep(0.02)  # the beat itself: how late it comes is measured
            self.lag_s = max(self.lag_s, clock() - due)


async def test_both_sides_are_understood_over_a_bad_network(shared_data: Path) -> None:
    transcriber = MoonshineTranscriber()
    asked, answered = (
        decode((shared_data / "ljspeech" / name).read_bytes(), limit_s=30, sample_rate_hz=RATE)
        for name in (ASKED, ANSWERED)
    )
    before = others()
    for seed in (7, 8, 9):
        call = BadCall(asked, answered, seed)
        assert await call.hold() is EndReason.CALLER
        if call.lag_s < LATEST_S:
            break
    network = call.network
    assert 0.02 < network.lost / (network.lost + network.passed) < 0.09
    assert network.delayed > 20
    texts = [
        [
            transcriber.transcribe(resampled(sound, RATE, SAMPLE_RATE_HZ)).text
            for sound in (heard, said)
        ]
        for said, heard in ((asked, call.heard), (answered, call.browser.sound))
    ]
    # One sentence each: what is lost of it is a word more or less by chance.
    shares = [share(*each) for each in texts]
    assert min(shares) >= 0.5, (texts, call.lag_s)
    assert sum(shares) / 2 >= 0.75, (texts, call.lag_s)
    async with asyncio.timeout(10):
        while left := others() - before:
            await asyncio.wait(left)
