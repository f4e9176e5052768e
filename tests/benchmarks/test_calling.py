"""The measuring caller: what it hears, and what it notes of it."""

import numpy as np
import pytest

from benchmarks.calls.caller import FRAME_S, Caller, Saying
from benchmarks.calls.earpiece import Earpiece
from bot.calls.transport import Sound

RATE = 8_000
FRAME = round(RATE * FRAME_S)


def sound(seconds: float) -> Sound:
    return np.full(round(seconds * RATE), 0.5, np.float32)


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE), np.float32)


def hear(caller: Caller, desk: Sound) -> None:
    for at in range(0, len(desk), FRAME):
        piece = desk[at : at + FRAME]
        caller.step(np.pad(piece, (0, FRAME - len(piece))))


def test_wait_is_from_the_last_sample_of_the_voice_to_the_first_of_the_answer() -> None:
    saying = Saying(sound(0.507))
    caller = Caller([saying], RATE)
    hear(caller, np.concatenate([sound(1), silence(0.6 + 0.507 + 0.333), sound(1)]))
    assert saying.from_s == pytest.approx(1.6, abs=FRAME_S)
    assert saying.to_s == saying.from_s + 0.507
    assert saying.answered_s == pytest.approx(1 + 0.6 + 0.507 + 0.333, abs=1 / RATE)
    assert caller.done


def test_interruption_is_over_with_the_last_sample_before_the_desk_stops() -> None:
    first, second = Saying(sound(0.5)), Saying(sound(2), over_desk_s=1.0)
    caller = Caller([first, second], RATE)
    hear(caller, np.concatenate([sound(1), silence(1.4), sound(1.25), silence(3), sound(0.5)]))
    assert second.interrupts
    assert second.from_s == pytest.approx(3.4, abs=FRAME_S)
    assert second.silent_s == pytest.approx(3.65, abs=1 / RATE)


def test_what_the_desk_was_saying_before_is_no_answer() -> None:
    first, second = Saying(sound(0.5)), Saying(sound(0.5), over_desk_s=1.0)
    caller = Caller([first, second], RATE)
    hear(caller, np.concatenate([sound(1), silence(1.4), sound(3), silence(0.7), sound(0.6)]))
    assert second.answered_s == pytest.approx(6.1, abs=1 / RATE)


def test_what_the_desk_says_into_a_voice_is_no_answer_to_it() -> None:
    saying = Saying(sound(2))
    caller = Caller([saying], RATE)
    hear(caller, np.concatenate([sound(1), silence(1.6), sound(1.5), silence(0.5), sound(0.6)]))
    assert saying.to_s == pytest.approx(3.6, abs=FRAME_S)
    assert saying.answered_s == pytest.approx(4.6, abs=1 / RATE)


def test_desk_that_never_answers_is_given_up() -> None:
    saying = Saying(sound(0.5))
    caller = Caller([saying], RATE)
    hear(caller, np.concatenate([sound(1), silence(15)]))
    assert caller.done
    assert saying.answered_s is None


def test_break_inside_a_sentence_is_noted_with_its_length() -> None:
    ear = Earpiece(RATE)
    ear.put(sound(0.1))
    ear.take(round(0.13 * RATE))
    ear.put(sound(0.1))
    ear.take(FRAME)
    assert ear.gaps_s == [pytest.approx(0.03)]


def test_silence_after_a_sentence_is_no_break() -> None:
    ear = Earpiece(RATE)
    ear.put(np.concatenate([sound(0.1), silence(0.18)]))
    ear.take(round(0.4 * RATE))
    ear.put(sound(0.1))
    ear.take(FRAME)
    assert ear.gaps_s == []


def test_sound_that_is_dropped_on_purpose_is_no_break() -> None:
    ear = Earpiece(RATE)
    ear.put(sound(1))
    ear.take(round(0.5 * RATE))
    ear.clear()
    assert not ear.take(FRAME).any()
    ear.put(sound(1))
    assert ear.take(FRAME).all()
    assert ear.gaps_s == []


def test_nothing_is_played_before_enough_is_there() -> None:
    ear = Earpiece(RATE, ready_s=0.06)
    ear.put(sound(0.04))
    assert not ear.take(FRAME).any()
    ear.put(sound(0.02))
    assert ear.take(FRAME).all()
