"""Where sentences end, in several scripts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sentences import LONGEST, length, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is on its way. It comes tomorrow!", ["It is on its way.", "It comes tomorrow!"]),
        ("Really? Yes… Good.", ["Really?", "Yes…", "Good."]),
        ('He said "wait." Then he left.', ['He said "wait."', "Then he left."]),
        ("(It is free.) You pay nothing.", ["(It is free.)", "You pay nothing."]),
        ("Open the app\nTap Orders", ["Open the app", "Tap Orders"]),
        ("It costs 3.50 euros.", ["It costs 3.50 euros."]),
        ("Ask Dr. Smith or Mrs. J. Miller. They know.",
         ["Ask Dr. Smith or Mrs. J. Miller.", "They know."]),
        ("Bring e.g. a coat. Or two.", ["Bring e.g. a coat.", "Or two."]),
        ("Das gilt z. B. Ostern bzw. Pfingsten. Danke.",
         ["Das gilt z. B. Ostern bzw. Pfingsten.", "Danke."]),
        ("El Sr. Ruiz llamó. ¿Quién? Él.", ["El Sr. Ruiz llamó.", "¿Quién?", "Él."]),
        ("您的订单已发货。明天到达！可以吗？", ["您的订单已发货。", "明天到达！", "可以吗？"]),
        ("他说“好。”然后走了。", ["他说“好。”", "然后走了。"]),
        ("هل وصل الطلب؟ نعم. شكرا.", ["هل وصل الطلب؟", "نعم.", "شكرا."]),
        ("आदेश भेजा गया। कल मिलेगा।", ["आदेश भेजा गया।", "कल मिलेगा।"]),
        ("... !", []),
        ("", []),
    ],
)  # fmt: skip
def test_sentences_end_where_readers_end_them(text: str, expected: list[str]) -> None:
    assert list(sentences(text)) == expected


def test_a_long_sentence_is_taken_in_breaths() -> None:
    clause = "the parcel was handed over to the carrier in the evening"
    found = list(sentences(", ".join([clause] * 12) + "."))
    assert all(length(piece) <= LONGEST for piece in found)
    assert all(piece.endswith((clause + ",", clause + ".")) for piece in found)
    assert len(found) < 6


def test_what_has_no_comma_is_split_at_a_space() -> None:
    found = list(sentences("word " * 200))
    assert all(length(piece) <= LONGEST and set(piece.split()) == {"word"} for piece in found)


@given(st.text(alphabet='ab 。.!?,،中文\n"”0', max_size=900))
def test_nothing_is_lost_or_too_long(text: str) -> None:
    found = list(sentences(text))
    assert re.sub(r"[\W_]", "", "".join(found)) == re.sub(r"[\W_]", "", text)
    assert all(length(piece) <= LONGEST for piece in found)
