"""A call over a bad network, on real UDP: what was said is understood on both sides."""

import asyncio
from pathlib import Path

import numpy as np

from bot.calls.transport import Call, EndReason, Sound
from bot.messages import ChannelName, CustomerId
from connectors.calls.line import Holding
from connectors.calls.webrtc import WebRtcCall
from models.audio import SAMPLE_RATE_HZ, decode, resampled
from models.moonshine import MoonshineTranscriber
from tests.connectors.calls.desk import Held, ScriptedCalls, others
from tests.connectors.calls.lossy_network import WEATHER, LossyNetwork, share
from tests.connectors.calls.peer import RATE, Browser

ASKED = ("LJ001-0003.wav", "LJ001-0004.wav")
ANSWERED = ("LJ001-0005.wav", "LJ001-0007.wav")
"""Some thirty different words a side: of fewer, one that is lost by chance weighs too much."""
LATEST_S = 0.06
"""A loop that is later than this is a worse network than the one that is tested."""


def clip(path: Path) -> Sound:
    return decode(path.read_bytes(), limit_s=30, sample_rate_hz=RATE)


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
        np.concatenate([clip(shared_data / "ljspeech" / name) for name in names])
        for names in (ASKED, ANSWERED)
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
    assert min(share(*each) for each in texts) >= 0.75, (texts, call.lag_s)
    async with asyncio.timeout(10):
        while left := others() - before:
            await asyncio.wait(left)
