"""How long a pause may be before it ends the turn."""

import pytest

from bot.calls.endpointing import (
    AT_ONCE_S,
    BRIEF_S,
    LOOKED_UP_S,
    OPEN_S,
    SOON_S,
    UNSURE_S,
    Expected,
    expected_after,
    patience_s,
    wants_turn,
)
from models.melody import Melody

FALLEN, LEVEL, RAISED = Melody(-4.0, -10.0), Melody(0.0, 5.0), Melody(1.5, 20.0)


@pytest.mark.parametrize(
    ("text", "melody", "wait_s"),
    [
        ("My parcel has not arrived.", FALLEN, AT_ONCE_S),
        ("My parcel has not arrived.", LEVEL, OPEN_S),
        ("My parcel has not arrived.", None, UNSURE_S),
        ("Can I pay by invoice?", RAISED, SOON_S),
        ("Where is my order?", LEVEL, SOON_S),
        ("I would like to", FALLEN, SOON_S),
        ("I would like to", LEVEL, OPEN_S),
        ("I bought the", FALLEN, OPEN_S),
        ("It is, um,", LEVEL, OPEN_S),
        ("My order number is 482137", FALLEN, UNSURE_S),
        ("My order number is 482", LEVEL, OPEN_S),
        ("The name is B R", FALLEN, OPEN_S),
        ("Yes.", LEVEL, SOON_S),
        ("", LEVEL, OPEN_S),
    ],
)
def test_words_and_voice_decide(text: str, melody: Melody | None, wait_s: float) -> None:
    assert patience_s(text, "en", melody=melody) == wait_s


def test_who_was_asked_for_a_number_gets_time_to_find_it() -> None:
    assert patience_s("it's", "en", Expected.NUMBER, LEVEL) == LOOKED_UP_S
    assert patience_s("4 8", "en", Expected.NUMBER, LEVEL) == LOOKED_UP_S
    assert patience_s("No.", "en", Expected.NUMBER, LEVEL) == SOON_S


def test_the_sound_of_an_end_is_believed() -> None:
    assert patience_s("I want to return it", "en", melody=LEVEL, complete=0.9) == AT_ONCE_S


@pytest.mark.parametrize(
    ("said", "locale", "expected"),
    [
        ("Hello. What is your order number?", "en", Expected.NUMBER),
        ("Could you spell your name, please?", "en", Expected.SPELLED),
        ("The number is on the label. Anything else?", "en", Expected.ANYTHING),
        ("Wie lautet Ihre Bestellnummer?", "de", Expected.NUMBER),
        ("¿Cuál es su dirección?", "es", Expected.SPELLED),
    ],
)
def test_what_the_desk_asks_for(said: str, locale: str, expected: Expected) -> None:
    assert expected_after(said, locale) is expected


@pytest.mark.parametrize("words", ["Mhm.", "Uh-huh", "okay", "Yeah, right.", "I see."])
@pytest.mark.parametrize("voice_s", [BRIEF_S / 2, 2 * BRIEF_S])
def test_murmurs_want_no_turn(words: str, voice_s: float) -> None:
    assert not wants_turn(words, "en", voice_s)


@pytest.mark.parametrize("words", ["And they came.", "Other.", "I.t.", "Don't cave.", "Uh?"])
def test_what_a_murmur_is_heard_as_wants_no_turn(words: str) -> None:
    assert not wants_turn(words, "en", BRIEF_S - 0.1)
    assert wants_turn(words, "en", BRIEF_S)


@pytest.mark.parametrize(
    "words", ["Stop.", "wait", "No.", "Okay hold on", "The second one.", "Oh no.", "4.", "Two"]
)
def test_brief_words_that_ask_for_the_turn_get_it(words: str) -> None:
    assert wants_turn(words, "en", BRIEF_S / 2)


def test_many_words_want_the_turn_however_quickly_they_are_said() -> None:
    assert wants_turn("Okay but where is it?", "en", BRIEF_S / 2)


@pytest.mark.parametrize(
    ("words", "locale"), [("Moment!", "de"), ("espere", "es"), ("等一下", "zh"), ("لحظة", "ar")]
)
def test_every_language_can_interrupt_briefly(words: str, locale: str) -> None:
    assert wants_turn(words, locale, BRIEF_S / 2)


@pytest.mark.parametrize("locale", ["de", "es", "zh", "ar", "nb", ""])
def test_every_language_has_an_answer(locale: str) -> None:
    assert 0 < patience_s("ja", locale) <= LOOKED_UP_S
