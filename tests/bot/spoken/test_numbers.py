"""Numbers as words: counted, ordinal, of years, and what stays as it is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.spoken.numbers import in_words, numbers_in_words, parsed


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "30 days", "thirty days"),
        ("en", "100,000 items", "one hundred thousand items"),
        ("en", "3.14 and -5", "three point one four and minus five"),
        ("en", "the 1st and 22nd", "the first and twenty-second"),
        ("en", "in 1999 and 2026 items",
         "in nineteen ninety-nine and two thousand twenty-six items"),
        ("en", "version 2.10.3", "version two dot ten dot three"),
        ("en", "agent 007", "agent zero zero seven"),
        ("en", "iPhone15 and A4paper", "iPhone15 and A4paper"),
        ("de", "1.500 Stück", "eintausendfünfhundert Stück"),
        ("de", "1,5 und 21", "eins Komma fünf und einundzwanzig"),
        ("de", "1 Rechnung, 1 Artikel, nur 1", "eine Rechnung, ein Artikel, nur eins"),
        ("de", "seit 1999", "seit neunzehnhundertneunundneunzig"),
        ("es", "21 horas, 21 libros, 1 de mayo", "veintiuna horas, veintiún libros, uno de mayo"),
        ("es", "200 unidades", "doscientas unidades"),
        ("es", "el 3.º piso", "el tercero piso"),
        ("fr", "1,5 et le 1er", "un virgule cinq et le premier"),
        ("zh", "共105个", "共一百零五个"),
        ("ar", "125", "مائة وخمسة وعشرون"),
        ("ja", "1,500円", "千五百円"),
        ("pl", "3 i 3,5", "trzy i 3,5"),
        ("xx", "3 days", "3 days"),
    ],
)  # fmt: skip
def test_numbers_are_said_as_their_language_says_them(
    language: str, written: str, spoken: str
) -> None:
    assert numbers_in_words(written, language) == spoken


@pytest.mark.parametrize(
    ("written", "language", "number"),
    [
        ("1,234.56", "de", Decimal("1234.56")),
        ("1.234,56", "en", Decimal("1234.56")),
        ("1.500", "de", 1500),
        ("1.500", "en", Decimal("1.500")),
        ("1,500", "en", 1500),
        ("1,500", "de", Decimal("1.500")),
        ("1.500", "es", 1500),
        ("1\u202f500", "fr", 1500),
        ("1’500", "de", 1500),
        ("1.234.567", "en", 1_234_567),
        ("129.50", "de", Decimal("129.50")),
    ],
)
def test_points_and_commas_mean_what_they_mean_there(
    written: str, language: str, number: int | Decimal
) -> None:
    assert parsed(written, language) == number


@given(st.integers(0, 10**12), st.sampled_from(["en", "de", "es", "zh", "ar", "fr", "ja"]))
def test_every_number_has_words(number: int, language: str) -> None:
    said = in_words(number, language)
    assert said
    assert not any(letter.isdecimal() for letter in said)
    assert "\xad" not in said
