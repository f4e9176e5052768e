"""Whose turn it is: the same sound gives the same decisions, with no clock."""

from hypothesis import given
from hypothesis import strategies as st

from bot.calls.turn_taking import Caller, Desk, Move, TurnTaking

PIECE_S = 0.032


def moves(taking: TurnTaking, voice: float, seconds: float) -> list[Move]:
    pieces = round(seconds / PIECE_S)
    return [step.move for _ in range(pieces) for step in taking.hear(voice, PIECE_S)]


def test_a_turn_begins_pauses_and_ends() -> None:
    taking = TurnTaking()
    assert moves(taking, 1.0, 1.0) == [Move.BEGAN]
    assert moves(taking, 0.0, 0.2) == [Move.PAUSED]
    assert moves(taking, 1.0, 0.5) == [Move.WENT_ON]
    assert moves(taking, 0.0, 1.7) == [Move.PAUSED, Move.FINISHED]


def test_a_pause_that_has_lasted_long_enough_ends_at_once() -> None:
    taking = TurnTaking()
    moves(taking, 1.0, 1.0)
    moves(taking, 0.0, 0.5)
    assert [step.move for step in taking.wait(0.4)] == [Move.FINISHED]


def test_a_turn_begins_where_the_voice_did() -> None:
    taking = TurnTaking()
    moves(taking, 0.0, 3.2)
    steps = [step for _ in range(5) for step in taking.hear(1.0, PIECE_S)]
    assert abs(steps[0].at_s - 3.2) < 2 * PIECE_S


def test_the_desk_is_held_and_goes_on() -> None:
    taking = TurnTaking()
    taking.desk_speaks()
    assert moves(taking, 1.0, 0.3) == [Move.BEGAN, Move.HOLD]
    assert moves(taking, 0.0, 0.2) == [Move.PAUSED]
    assert [step.move for step in taking.judge(interrupts=False)] == [Move.RESUME]
    assert (taking.desk, taking.caller) == (Desk.SPEAKING, Caller.SILENT)


def test_the_desk_goes_on_though_nobody_tells_what_the_words_were() -> None:
    taking = TurnTaking()
    taking.desk_speaks()
    moves(taking, 1.0, 0.3)
    assert moves(taking, 0.0, 1.2) == [Move.PAUSED, Move.RESUME]


def test_a_voice_that_lasts_interrupts_whatever_it_says() -> None:
    taking = TurnTaking()
    taking.desk_speaks()
    assert moves(taking, 1.0, 1.2) == [Move.BEGAN, Move.HOLD, Move.INTERRUPTED]


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6)), max_size=300))
def test_whatever_is_heard_turns_alternate(heard: list[tuple[float, int]]) -> None:
    taking = TurnTaking()
    open_turn = False
    for voice, what in heard:
        if what == 1:
            taking.desk_speaks()
        elif what == 2:
            taking.desk_listens()
        steps = taking.hear(voice, PIECE_S)
        if what == 3:
            steps += taking.wait(0.2)
        elif what == 4:
            steps += taking.judge(interrupts=voice > 0.5)
        for step in steps:
            if step.move is Move.BEGAN:
                assert not open_turn
                open_turn = True
            elif step.move in (Move.FINISHED, Move.RESUME):
                assert open_turn
                open_turn = False
