"""Which numbers may be called, and how numbers are read."""

import pytest

from bot.dialling import Dialling, looks_like_number, written

NORDIC = Dialling(["+47", "+46"])


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+4782900000", "premium rate"),
        ("+4781500000", "shared cost"),
        ("+12125550100", "another country"),
        ("+47", "no number"),
        ("+4722", "too short"),
        ("+472233445566778", "too long"),
        ("22334455", "no country"),
        ("sip:me@evil.example", "no number"),
        ("", "nothing"),
    ],
)
def test_numbers_that_cost_or_do_not_exist_are_never_called(number: str, why: str) -> None:
    assert not NORDIC.allows(number), why


def test_premium_numbers_abroad_are_not_called_either() -> None:
    world = Dialling(["+44", "+1", "+88"])
    for number in ("+449098790000", "+19005550100", "+447012345678", "+881621234567"):
        assert not world.allows(number)
    assert world.allows("+442079460000")


def test_without_prefixes_no_number_is_called() -> None:
    assert not Dialling([]).allows("+4722334455")
    assert Dialling([]).read("22334455", "en") == ""


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("22 33 44 55", "en"),
        ("+47 22 33 44 55", "en"),
        ("0047 22334455", "en"),
        ("my number is two two, three three, four four, five five", "en"),
        ("double two double three double four double five", "en"),
        ("plus forty-seven twenty-two thirty-three forty-four fifty-five", "en"),
        ("zwei zwei drei drei vier vier fünf fünf", "de"),
        ("dos dos tres tres cuatro cuatro cinco cinco", "es"),
        ("二二三三四四五五", "zh"),
        ("٢٢٣٣٤٤٥٥", "ar"),
    ],
)
def test_a_number_is_read_from_what_is_said_or_typed(said: str, language: str) -> None:
    assert NORDIC.read(said, language) == "+4722334455"


def test_a_premium_number_is_not_taken_for_one_of_another_country() -> None:
    assert Dialling(["+47", "+49"]).read("82 90 00 00", "en") == ""
    assert looks_like_number("82 90 00 00", "en")
    assert not looks_like_number("tomorrow at ten", "en")


def test_a_number_is_written_for_people() -> None:
    assert written("+4722334455") == "+47 22 33 44 55"
