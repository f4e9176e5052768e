"""What is read out letter by letter."""

import pytest

from bot.spoken.codes import addresses_in_words, codes_in_words, phones_in_words
from bot.spoken.words import words_of


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "VT-482137", "V T, four eight two one three seven"),
        ("en", "Error E-104, 123456", "Error E, one zero four, one two three four five six"),
        ("en", "order 4711 of 4711 people", "order four seven one one of 4711 people"),
        ("en", "Order number: 20261, #9921",
         "Order number: two zero two six one, #nine nine two one"),
        ("de", "Bestellung 4711", "Bestellung vier sieben eins eins"),
        ("es", "pedido número 4711", "pedido número cuatro siete uno uno"),
        ("zh", "订单482137", "订单四 八 二 一 三 七"),
        ("ar", "الطلب رقم 4711", "الطلب رقم أربعة سبعة واحد واحد"),
        ("xx", "VT-12", "V T, 1 2"),
    ],
)  # fmt: skip
def test_codes(language: str, written: str, spoken: str) -> None:
    assert codes_in_words(written, words_of(language), language) == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "+49 30 123 45", "plus four nine, three zero, one two three, four five"),
        ("en", "1-800-555-0199 or 555-0199",
         "one, eight zero zero, five five five, zero one nine nine or five five five, "
         "zero one nine nine"),
        ("de", "(030) 1234567", "null drei null, eins zwei drei vier fünf sechs sieben"),
        ("es", "+34 912 34 56", "más tres cuatro, nueve uno dos, tres cuatro, cinco seis"),
        ("en", "10-20, 3.50, 0 30", "10-20, 3.50, 0 30"),
    ],
)  # fmt: skip
def test_telephone_numbers(language: str, written: str, spoken: str) -> None:
    assert phones_in_words(written, words_of(language), language) == spoken


def test_addresses() -> None:
    words = words_of("en")
    assert (
        addresses_in_words("see https://www.a-b.example/x?y=1", words) == "see a dash b dot example"
    )
    assert addresses_in_words("a_b@c.example", words) == "a underscore b at c dot example"
