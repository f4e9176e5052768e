"""What stops the desk while it speaks, and what does not."""

import pytest

from bot.calls.interrupting import LONG_S, SHORT_S, interrupts

SHORT, SENTENCE = SHORT_S - 0.1, SHORT_S + 0.4


@pytest.mark.parametrize("text", ["Mhm.", "Okay.", "I see.", "Yes, okay."])
def test_listening_does_not_interrupt_however_long_it_is(text: str) -> None:
    assert not interrupts(text, "en", SHORT)
    assert not interrupts(text, "en", SENTENCE)


@pytest.mark.parametrize("text", ["Better.", "Amen.", "I. T.", "Uh?"])
def test_odd_word_that_is_heard_in_a_hum_does_not_interrupt(text: str) -> None:
    assert not interrupts(text, "en", SHORT)


@pytest.mark.parametrize("text", ["Stop!", "Wait.", "No.", "What?", "How much?"])
def test_short_words_that_stop_people_interrupt(text: str) -> None:
    assert interrupts(text, "en", SHORT)


def test_word_in_a_voice_that_has_room_for_a_sentence_interrupts() -> None:
    assert interrupts("Better.", "en", SENTENCE)


def test_long_voice_that_was_not_understood_interrupts() -> None:
    assert interrupts("", "en", LONG_S)
    assert not interrupts("", "en", SHORT)


def test_any_word_interrupts_in_a_language_without_a_list() -> None:
    assert interrupts("等等", "zh", SHORT)
    assert interrupts("attendez", "fr", SHORT)


def test_german_word_stops_the_desk() -> None:
    assert interrupts("Halt!", "de-AT", SHORT)
    assert not interrupts("Besser.", "de-AT", SHORT)
