"""How long a pause may be before it ends the turn."""

import pytest

from bot.calls.endpointing import (
    AT_ONCE_S,
    BRIEF_S,
    LIKELY_MORE_S,
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
from tests.bot.calls.scripted import FALLEN, LEVEL

RAISED = Melody(
    1.5, 20, late=1.0, over_lowest=4.0, over_highest=-0.3, level=-7.7, level_quarter=-4.6,
    level_half=-4.4, stretch_s=0.23, after_s=0.2, voiced_s=1.4,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "melody", "least_s", "most_s"),
    [
        # The end, by words and voice.
        ("I have not received my new card yet.", FALLEN, AT_ONCE_S, AT_ONCE_S),
        ("Why was my payment declined?", FALLEN, AT_ONCE_S, AT_ONCE_S),
        ("How do I change my address?", RAISED, AT_ONCE_S, UNSURE_S),
        ("Yes.", LEVEL, SOON_S, SOON_S),
        # Words that want more, however the voice ends.
        ("My order number is", LEVEL, UNSURE_S, LIKELY_MORE_S),
        ("My order number is", FALLEN, UNSURE_S, LIKELY_MORE_S),
        ("I would like to", LEVEL, LIKELY_MORE_S, LIKELY_MORE_S),
        ("I bought the", FALLEN, LIKELY_MORE_S, LIKELY_MORE_S),
        ("Can you tell me when my", RAISED, LIKELY_MORE_S, LIKELY_MORE_S),
        ("It is, um,", LEVEL, OPEN_S, OPEN_S),
        # A voice that stays up.
        ("I have not received my new card.", LEVEL, UNSURE_S, LIKELY_MORE_S),
        # What is read out or spelled.
        ("My order number is 482137", FALLEN, UNSURE_S, UNSURE_S),
        ("My order number is 482", LEVEL, OPEN_S, OPEN_S),
        ("The name is B R", FALLEN, OPEN_S, OPEN_S),
        ("", LEVEL, OPEN_S, OPEN_S),
    ],
)
def test_words_and_voice_decide(
    text: str, melody: Melody | None, least_s: float, most_s: float
) -> None:
    assert least_s <= patience_s(text, "en", melody=melody) <= most_s


@pytest.mark.parametrize(
    ("text", "melody", "wait_s"),
    [
        ("Mein Paket ist nicht angekommen.", FALLEN, AT_ONCE_S),
        ("Mein Paket ist nicht angekommen.", LEVEL, OPEN_S),
        ("Mein Paket ist nicht angekommen.", None, UNSURE_S),
        ("Kann ich auf Rechnung zahlen?", RAISED, SOON_S),
        ("Wo ist meine Bestellung?", LEVEL, SOON_S),
        ("Ich möchte die", LEVEL, OPEN_S),
        ("Ich habe die", FALLEN, OPEN_S),
        ("¿Dónde está mi pedido?", FALLEN, AT_ONCE_S),
    ],
)
def test_other_languages_go_by_rules(text: str, melody: Melody | None, wait_s: float) -> None:
    locale = "es" if text.startswith("¿") else "de"
    assert patience_s(text, locale, melody=melody) == wait_s


def test_who_was_asked_for_a_number_gets_time_to_find_it() -> None:
    assert patience_s("it's", "en", Expected.NUMBER, LEVEL) == LOOKED_UP_S
    assert patience_s("4 8", "en", Expected.NUMBER, LEVEL) == LOOKED_UP_S
    assert patience_s("No.", "en", Expected.NUMBER, LEVEL) == SOON_S


def test_the_sound_of_an_end_is_believed() -> None:
    assert patience_s("ich möchte es zurückgeben", "de", melody=LEVEL, complete=0.9) == AT_ONCE_S


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
