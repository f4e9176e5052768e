"""What a turn is looked up by."""

import pytest

from bot.knowledge.query import Query, Said, lean, telling_lines, views
from bot.knowledge.spelling import Spelling
from bot.knowledge.words import codes, spoken_numbers, terms

PLAIN = Spelling({"return": 5, "parcel": 9, "delivery": 7})


def test_clutter_of_a_screenshot_goes_and_trouble_counts_most() -> None:
    lines = telling_lines("10:42\n84%\nHome\nYour card was declined\nError E-104\n•••")
    assert lines == [("Home", 0.25), ("Your card was declined", 1.0), ("Error E-104", 1.0)]


@pytest.mark.parametrize("text", ["E-104", "e104", "E 104", "error E_104!"])
def test_code_has_one_spelling(text: str) -> None:
    assert "e104" in codes(text)
    assert "e104" in terms(text)


def test_spoken_numbers_become_digits() -> None:
    assert "51" in spoken_numbers("code fifty one")
    assert "51" in spoken_numbers("code five one")
    assert "54" in spoken_numbers("fifty-four")
    assert spoken_numbers("nothing here") == []


def test_short_follow_up_leans_on_the_turn_before() -> None:
    assert lean("and in Norway?") > lean("what does delivery to Norway cost")
    assert lean("what does delivery to Norway cost for a heavy parcel") == 0
    seen = views(
        Query(typed="and in Norway?", history=(Said("customer", "what is delivery in Germany"),)),
        PLAIN,
    )
    assert seen.context.startswith("what is delivery in Germany")
    assert len(seen.texts) == 2


def test_ordinary_turn_costs_one_text() -> None:
    assert len(views(Query(typed="how do I return my parcel?"), PLAIN).texts) == 1


def test_long_turn_is_looked_up_piece_by_piece() -> None:
    text = " ".join(f"This is sentence number {n} about a parcel." for n in range(12))
    assert len(views(Query(typed=text), PLAIN).pieces) == 12


def test_typing_errors_are_mended_and_words_left_alone() -> None:
    assert PLAIN.mend("retrun my parcle") == "return my parcel"
    familiar = Spelling({"packed": 3}, lambda word: word == "picked")
    assert familiar.mend("the one I picked") == "the one I picked"


def test_a_number_after_a_code_is_a_code_of_its_kind() -> None:
    history = (Said("customer", "I see E-101"), Said("desk", "E-101 means a wrong password."))
    assert "e104" in views(Query(typed="and 104?", history=history), PLAIN).codes
    assert not views(Query(typed="and 1045?", history=history), PLAIN).codes
