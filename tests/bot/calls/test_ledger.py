"""What was said is what went out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.calls.ledger import Ledger, Piece, heard_words

RATE_HZ = 1000


def piece(text: str, seconds: float) -> Piece:
    return Piece("rep_1", text, np.arange(round(seconds * RATE_HZ), dtype=np.float32))


def test_a_sentence_counts_when_it_is_over() -> None:
    ledger = Ledger(RATE_HZ)
    ledger.add(piece("One two.", 1.0))
    assert ledger.advance(999)[1] == []
    assert [said.text for said in ledger.advance(1000)[1]] == ["One two."]


def test_of_a_sentence_that_was_stopped_the_words_that_were_over_count() -> None:
    ledger = Ledger(RATE_HZ)
    ledger.add(piece("aaaa bbbb cccc dddd", 4.0))
    ledger.advance(2500)
    (rest,) = ledger.stop()
    said = ledger.heard_of(rest)
    assert said is not None
    assert (said.text, said.whole) == ("aaaa bbbb", False)


def test_what_never_began_was_not_heard() -> None:
    ledger = Ledger(RATE_HZ)
    ledger.add(piece("One.", 1.0))
    ledger.add(piece("Two.", 1.0))
    ledger.advance(500)
    assert ledger.heard_of(ledger.stop()[1]) is None


def test_it_goes_on_a_little_before_the_stop() -> None:
    ledger = Ledger(RATE_HZ)
    ledger.add(piece("One two three.", 4.0))
    ledger.advance(3000)
    (rest,) = ledger.stop()
    assert 2100 <= rest.begin <= 3000
    ledger.add(rest)
    assert ledger.given == 3000 + 4000 - rest.begin
    assert [said.whole for said in ledger.advance(ledger.given)[1]] == [True]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.lists(st.integers(0, 60)))
def test_all_that_goes_out_is_given_back_once(lengths: list[int], steps: list[int]) -> None:
    ledger = Ledger(RATE_HZ)
    whole = np.arange(sum(lengths), dtype=np.float32)
    at = 0
    for length in lengths:
        ledger.add(Piece("rep", "word", whole[at : at + length]))
        at += length
    out = [ledger.advance(ledger.played + step)[0] for step in steps]
    assert np.array_equal(np.concatenate([np.zeros(0), *out]), whole[: ledger.played])


def test_words_by_their_share_of_the_sound() -> None:
    assert heard_words("one two three", 0.0) == ""
    assert heard_words("one two three", 0.6) == "one two"
    assert heard_words("one two three", 1.0) == "one two three"
