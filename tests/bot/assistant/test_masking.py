"""What is hidden from a language model on another machine, and put back into its answer."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.assistant.masking import PLACEHOLDER, Masking


@pytest.mark.parametrize(
    ("text", "language", "masked"),
    [
        ("my card 4242 4242 4242 4242 please", "en", "my card {CARD_1} please"),
        ("Karte 4242-4242-4242-4242.", "de", "Karte {CARD_1}."),
        ("amex 378282246310005", "en", "amex {CARD_1}"),
        ("IBAN DE89 3704 0044 0532 0130 00 bitte", "de", "IBAN {IBAN_1} bitte"),
        ("gb82west12345698765432", "en", "{IBAN_1}"),
        ("write to Ann.Miller+shop@mail.example!", "en", "write to {EMAIL_1}!"),
        ("call +49 30 901820 today", "en", "call {PHONE_1} today"),
        ("call (212) 736-5000 today", "en", "call {PHONE_1} today"),
        ("ruf 030 901820 an", "de", "ruf {PHONE_1} an"),
        ("llama al 912 345 678", "es", "llama al {PHONE_1}"),
        ("电话 13800138000", "zh", "电话 {PHONE_1}"),
        (
            "it is four two four two four two four two four two four two four two four two ok",
            "en",
            "it is {PHONE_1} ok",
        ),
    ],
)
def test_personal_data_is_hidden_and_comes_back(text: str, language: str, masked: str) -> None:
    masking = Masking(language=language)
    assert masking.mask(text) == masked
    assert masking.restore(masked) == text


@pytest.mark.parametrize(
    "text",
    [
        "order VT-482137 of 2026-11-27, 15:30",
        "the card 4242 4242 4242 4243 has a wrong digit",
        "code 51, error E-104, invoice RT-12345678",
        "it costs €1,299.00 or $270.61",
        "DE00 3704 0044 0532 0130 00",
        "three of five were broken",
        "see shop.example/returns",
    ],
)
def test_what_is_nobodys_stays(text: str) -> None:
    assert Masking(language="en").mask(text) == text


def test_names_are_hidden_whole_and_in_part_in_any_case() -> None:
    masking = Masking(["Anna-Lena Meier"])
    masked = masking.mask("I'm anna-lena meier. Yes, MEIER! Not Meierhof.")
    assert masked == "I'm {NAME_1}. Yes, {NAME_2}! Not Meierhof." or "eier" not in masked.replace(
        "Meierhof", ""
    )
    assert masking.restore(masked) == "I'm anna-lena meier. Yes, MEIER! Not Meierhof."


def test_the_same_datum_has_the_same_placeholder() -> None:
    masking = Masking()
    first = masking.mask("ann@mail.example and bob@mail.example")
    assert masking.mask("ANN@mail.example") in first
    assert masking.hidden == {"email": 2}


def test_a_placeholder_that_somebody_typed_stands_for_nothing() -> None:
    masking = Masking()
    masked = masking.mask("{EMAIL_1} is not ann@mail.example")
    assert masking.restore(masked) == "EMAIL_1 is not ann@mail.example"


@example(["(", " ", "+4930901820", "+4930901820"])
@given(
    st.lists(
        st.sampled_from(["4242424242424242", "a@b.example", "+4930901820", " ", "x, ", "(", "1"])
    )
)
def test_masking_loses_nothing(parts: list[str]) -> None:
    """But how a number is written: one that is there twice comes back twice as the first."""

    def plain(text: str) -> str:
        return re.sub(r"[\s.()\-]", "", text).casefold()

    text = "".join(parts)
    masking = Masking(language="de")
    masked = masking.mask(text)
    assert plain(masking.restore(masked)) == plain(text)
    for placeholder in PLACEHOLDER.findall(masked):
        assert masking.known(placeholder)
