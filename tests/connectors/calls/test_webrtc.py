"""Calls by WebRTC: packets that are lost, late and out of order; a real peer on the other side."""

import asyncio
import random
import threading
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from aiortc.codecs.opus import OpusEncoder
from aiortc.rtp import RtpPacket
from av import AudioFrame
from hypothesis import given
from hypothesis import strategies as st

from bot.calls.transport import Call, EndReason, Sound
from bot.messages import ChannelName, CustomerId
from connectors.calls.codecs.codec import NotThisCodec
from connectors.calls.codecs.opus import OpusDecoder
from connectors.calls.line import Holding
from connectors.calls.reordering import MOST_WAITING, Reordering
from connectors.calls.webrtc import LARGEST_SDP_CHARS, WebRtcCall, _Incoming
from connectors.messaging.hook import Malformed
from tests.connectors.calls.desk import Held, ScriptedCalls, tone
from tests.connectors.calls.peer import RATE, Peer

FRAME = 960


def packets(sound: Sound, first: int = 65_500, timestamp: int = 4_294_960_000) -> list[RtpPacket]:
    """A stream of Opus whose numbers and times wrap on the way."""
    encoder = OpusEncoder()
    found = []
    for number in range(len(sound) // FRAME):
        piece = (sound[number * FRAME : (number + 1) * FRAME] * 32_767).astype(np.int16)
        frame = AudioFrame.from_ndarray(np.repeat(piece, 2)[np.newaxis], "s16", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * FRAME, Fraction(1, RATE)
        for payload in encoder.encode(frame)[0]:
            packet = RtpPacket(
                sequence_number=(first + len(found)) % 65_536,
                timestamp=(timestamp + len(found) * FRAME) % 2**32,
            )
            packet.payload = payload
            found.append(packet)
    return found


class Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[int, Sound]] = []
        self.incoming = _Incoming(lambda samples, at: self.heard.append((at, samples)))

    def take(self, stream: list[RtpPacket]) -> None:
        for packet in stream:
            self.incoming.add(packet)

    @property
    def positions(self) -> list[int]:
        return [at for at, _ in self.heard]


@given(st.permutations(range(4)), st.integers(0, 65_535), st.integers(1, 30))
def test_packets_that_overtake_each_other_are_put_right(
    order: list[int], first: int, blocks: int
) -> None:
    reordering: Reordering[int] = Reordering()
    reordering.add(first, 0)
    out = []
    for block in range(blocks):
        for place in order:
            number = 1 + block * 4 + place
            out += reordering.add((first + number) % 65_536, number)
    assert out == list(range(1, 1 + blocks * 4))


@given(st.lists(st.booleans(), min_size=10, max_size=200), st.integers(0, 65_535))
def test_lost_packets_hold_up_few(lost: list[bool], first: int) -> None:
    reordering: Reordering[int] = Reordering()
    out, sent = [], []
    for number, gone in enumerate([False, *lost]):
        if not gone:
            sent.append(number)
            out += reordering.add((first + number) % 65_536, number)
            assert len(sent) - len(out) <= MOST_WAITING
    assert out == sent[: len(out)]


def test_doubles_and_latecomers_are_left_out() -> None:
    reordering: Reordering[str] = Reordering()
    assert reordering.add(10, "a") == ["a"]
    assert reordering.add(10, "again") == []
    assert reordering.add(9, "late") == []
    assert reordering.add(11, "b") == ["b"]
    assert reordering.add(40_000, "another stream") == ["another stream"]


def test_sound_in_order_is_heard_at_once() -> None:
    ear = Ear()
    for number, packet in enumerate(packets(tone(0.5, RATE))):
        ear.take([packet])
        assert len(ear.heard) == number + 1
    assert ear.positions == list(range(0, 25 * FRAME, FRAME))
    assert np.abs(np.concatenate([s for _, s in ear.heard])[FRAME:]).max() > 0.4


def test_five_percent_lost_is_five_percent_silence() -> None:
    stream = packets(tone(4, RATE))
    chance = random.Random(7)
    kept = [packet for packet in stream if chance.random() >= 0.05]
    assert 0 < len(stream) - len(kept) < 25
    ear = Ear()
    ear.take(kept)
    assert len(kept) - len(ear.heard) <= MOST_WAITING
    begin = stream[0].timestamp
    assert ear.positions == [(p.timestamp - begin) % 2**32 for p in kept[: len(ear.heard)]]
    assert all(len(samples) == FRAME for _, samples in ear.heard)


def test_bursts_that_come_late_and_in_disorder_lose_little() -> None:
    stream = packets(tone(4, RATE))
    chance = random.Random(11)
    disordered = sorted(enumerate(stream), key=lambda pair: pair[0] + chance.uniform(0, 3))
    ear = Ear()
    ear.take([packet for _, packet in disordered])
    assert len(ear.heard) >= 0.97 * len(stream)
    assert ear.positions == sorted(ear.positions)


def test_what_is_not_opus_is_left_out() -> None:
    with pytest.raises(NotThisCodec):
        OpusDecoder().decode(b"\xff" * 3)
    ear = Ear()
    stream = packets(tone(0.2, RATE))
    stream[3].payload = b"\xff\xff\xff"
    ear.take(stream)
    assert len(ear.heard) == len(stream) - 1


async def hold(name: str = "call_1") -> tuple[ScriptedCalls, Holding, WebRtcCall, Held]:
    calls = ScriptedCalls()
    holding = Holding(calls)
    transport = WebRtcCall(name)
    call = Call(id=name, channel=ChannelName("webchat"), customer=CustomerId("cus_1"))
    holding.begin(call, transport)
    return calls, holding, transport, await calls.next()


async def test_both_sides_hear_each_other() -> None:
    before, threads = asyncio.all_tasks(), threading.active_count()
    calls, holding, transport, held = await hold()
    peer = Peer(tone(2, RATE, 440))
    await peer.accept(await transport.take(await peer.offer()))
    await held.transport.answer()
    await held.transport.play(tone(1, RATE, 880))
    await held.until(lambda held: np.abs(held.heard).max(initial=0) > 0.3)
    await peer.hears()
    await held.until(lambda held: held.played == RATE)
    sound = held.heard[np.abs(held.heard) > 0.3]
    assert len(sound) > 0
    await held.transport.play(tone(20, RATE))
    played = await held.transport.clear()
    assert RATE <= played < 3 * RATE
    await peer.close()
    assert await held.ended() is EndReason.CALLER
    await holding.close()
    async with asyncio.timeout(10):
        while left := asyncio.all_tasks() - before:
            await asyncio.wait(left)
    # The loop's own pool keeps its threads for the next who needs one.
    assert threading.active_count() <= threads + 8
    assert calls.open == 0


async def test_desk_hangs_up() -> None:
    _, holding, transport, held = await hold()
    peer = Peer(tone(1, RATE))
    await peer.accept(await transport.take(await peer.offer()))
    await held.transport.answer()
    await held.transport.hang_up()
    assert await held.ended() is EndReason.DESK
    await peer.close()
    await holding.close()


@pytest.mark.parametrize(
    "offer",
    [
        "",
        "v=0",
        "garbage\r\n" * 10,
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
        "x" * (LARGEST_SDP_CHARS + 1),
    ],
)
async def test_offer_that_makes_no_sense_is_refused(offer: str) -> None:
    _, holding, transport, held = await hold()
    with pytest.raises(Malformed):
        await transport.take(offer)
    transport.end(EndReason.LOST)
    assert await held.ended() is EndReason.LOST
    await holding.close()


async def test_offer_without_opus_is_refused() -> None:
    _, holding, transport, _ = await hold()
    peer = Peer(tone(1, RATE))
    kept = [line for line in (await peer.offer()).splitlines() if "opus" not in line.lower()]
    offer = "\r\n".join(kept).replace(" 96 ", " ") + "\r\n"
    with pytest.raises(Malformed):
        await transport.take(offer)
    await peer.close()
    await transport.hang_up()
    await holding.close()


async def test_nobody_who_connects_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.calls.webrtc.CONNECT_S", 0.2)
    _, holding, transport, held = await hold()
    peer = Peer(tone(1, RATE))
    offer: Any = await peer.offer()
    await transport.take(offer)
    assert await held.ended() is EndReason.LOST
    await peer.close()
    await holding.close()
