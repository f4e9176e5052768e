"""The parts of a line without its socket: events without gaps, what was played, keeping time."""

import asyncio
import gc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.calls.transport import Dropped, Ended, EndReason, Heard, Key, LineEvent, Played
from connectors.calls import line_events
from connectors.calls.expected import Expected
from connectors.calls.line_call import LineCall
from connectors.calls.line_events import LineEvents
from connectors.calls.marked import MarkedSound
from connectors.calls.paced import PacedSound
from tests.connectors.calls.desk import tone

RATE = 8_000


async def everything(events: LineEvents) -> list[LineEvent]:
    """All that waits, up to the end."""
    events.end(EndReason.CALLER)
    return [event async for event in events.events()]


def heard(events: list[LineEvent]) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    return np.concatenate([event.samples for event in events if isinstance(event, Heard)])


async def test_gap_in_the_sender_s_clock_is_silence() -> None:
    events = LineEvents(RATE, "c")
    events.up()
    events.hear(np.ones(160, np.float32), 0)
    events.hear(np.ones(160, np.float32), 480)
    sound = heard(await everything(events))
    assert sound.tolist() == [1.0] * 160 + [0.0] * 320 + [1.0] * 160


async def test_sound_that_was_heard_already_is_left_out() -> None:
    events = LineEvents(RATE, "c")
    events.up()
    events.hear(np.ones(160, np.float32), 0)
    events.hear(np.full(160, 0.5, np.float32), 80)
    assert heard(await everything(events)).tolist() == [1.0] * 160 + [0.5] * 80


async def test_jump_of_the_sender_s_clock_is_no_hour_of_silence() -> None:
    events = LineEvents(RATE, "c")
    events.up()
    events.hear(np.ones(160, np.float32), 0)
    events.hear(np.ones(160, np.float32), RATE * 3_600)
    assert len(heard(await everything(events))) == 320


async def test_long_sound_is_passed_on_in_pieces_of_20_ms() -> None:
    events = LineEvents(RATE, "c")
    events.up()
    events.hear(tone(1, RATE))
    pieces = [event for event in await everything(events) if isinstance(event, Heard)]
    assert {len(piece.samples) for piece in pieces} == {160}


async def test_desk_that_is_too_slow_loses_the_oldest_sound_and_no_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events = LineEvents(RATE, "c")
    events.up()
    events.press("1")
    for second in range(30):
        events.hear(np.full(RATE, second, np.float32))
    events.press("2")
    came = await everything(events)
    sound = heard(came)
    assert len(sound) <= line_events.MOST_WAITING_S * RATE
    assert sound[-1] == 29
    assert [event.digit for event in came if isinstance(event, Key)] == ["1", "2"]
    assert [record.message for record in caplog.records] == ["call.too_slow"]


async def test_what_is_no_key_is_not_told() -> None:
    events = LineEvents(RATE, "c")
    for digit in ("", "12", "x", "\n", "#"):
        events.press(digit)
    assert [event for event in await everything(events) if isinstance(event, Key)] == [Key("#")]


async def test_nothing_follows_the_end() -> None:
    events = LineEvents(RATE, "c")
    events.up()
    events.end(EndReason.LOST)
    events.hear(np.ones(160, np.float32))
    events.played(5)
    assert await everything(events) == [Ended(EndReason.LOST)]


async def test_line_that_is_down_is_not_heard() -> None:
    events = LineEvents(RATE, "c")
    events.up()
    events.drop(7)
    events.hear(np.ones(160, np.float32))
    assert await everything(events) == [Dropped(7), Ended(EndReason.CALLER)]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=8), st.data())
def test_marks_tell_what_was_played(lengths: list[int], data: st.DataObject) -> None:
    sound = MarkedSound(RATE, Clock())
    marks: list[str] = []
    sent = 0
    for length in lengths:
        pieces = list(sound.pieces(np.zeros(length, np.float32)))
        assert sum(len(piece) for piece, _ in pieces) == length
        marks += [mark for _, mark in pieces]
        sent += length
    at = data.draw(st.integers(0, len(marks) - 1))
    assert sound.mark(marks[at])
    assert not sound.mark(marks[at])
    assert 0 < sound.played <= sent
    assert sound.mark(marks[-1]) == (at != len(marks) - 1)
    assert sound.played == sent
    assert sound.clear() == sent


def test_clear_counts_by_the_clock_what_marks_have_not_told() -> None:
    clock = Clock()
    sound = MarkedSound(RATE, clock)
    marks = [mark for _, mark in sound.pieces(np.zeros(RATE, np.float32))]
    clock.now = 0.15
    sound.mark(marks[0])
    clock.now = 0.2
    assert sound.clear() == 800 + 0.05 * RATE
    assert not sound.mark(marks[5])
    [again] = [mark for _, mark in sound.pieces(np.zeros(80, np.float32))]
    assert sound.mark(again)
    assert sound.played == 1_280
    for nonsense in ("", "x", "1.", "1.x", "0.1", "1.99999"):
        assert not sound.mark(nonsense)


@given(st.lists(st.integers(0, 700), max_size=12))
def test_frames_are_the_whole(lengths: list[int]) -> None:
    told: list[int] = []
    paced = PacedSound(RATE, told.append)
    sounds = [np.random.default_rng(n).normal(size=n).astype(np.float32) for n in lengths]

    async def play() -> None:
        for sound in sounds:
            await paced.play(sound)

    asyncio.run(play())
    whole = np.concatenate([np.zeros(0, np.float32), *sounds])
    frames = []
    while not paced.empty:
        frames.append(paced.next_frame())
    played = np.concatenate([np.zeros(0, np.float32), *frames])
    assert np.array_equal(played[: len(whole)], whole)
    assert not played[len(whole) :].any()
    assert paced.played == len(whole)
    assert told == sorted(told)


async def test_play_waits_while_much_is_queued_and_clear_lets_it_go() -> None:
    paced = PacedSound(RATE, lambda _: None)
    await paced.play(np.zeros(RATE * 61, np.float32))
    waiting = asyncio.create_task(paced.play(np.zeros(10, np.float32)))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert paced.clear() == 0
    await asyncio.wait_for(waiting, 1)


async def test_silent_line_is_heard_as_silence_until_it_speaks() -> None:
    events = LineEvents(RATE, "c")
    events.up()
    taken: list[LineEvent] = []

    silent = asyncio.Event()

    async def take() -> None:
        async for event in events.events():
            taken.append(event)
            if sum(isinstance(event, Heard) for event in taken) == 10:
                silent.set()

    taking = asyncio.create_task(take())
    await asyncio.wait_for(silent.wait(), 5)
    events.played(3)
    events.end(EndReason.CALLER)
    await taking
    assert not heard(taken).any()
    assert Played(3) in taken


async def test_call_that_ended_while_its_address_was_told_is_not_kept() -> None:
    expected: Expected[LineCall] = Expected()
    call = LineCall("call_1", RATE)
    call.end(EndReason.CALLER)
    name = expected.lasting(call)
    token = expected.expect(call)
    call.expect(within_s=60)
    assert expected.call(name) is None
    assert expected.take(token) is None
    gone = weakref.ref(call)
    del call
    gc.collect()
    assert gone() is None
