"""How long an SMS is, and what makes it longer than it has to be."""

import pytest

from connectors.messaging.capabilities import Unit
from connectors.messaging.dialects import SMS
from connectors.messaging.document import read_markdown
from connectors.messaging.gsm import SEGMENT, length, plain
from connectors.messaging.split import split


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("Hello", 5), ("Grüße à Ø", 9), ("[5 €]", 8), ("a\nb", 3)],
)
def test_signs_of_the_alphabet_count_once_and_of_its_extension_twice(
    text: str, expected: int
) -> None:
    assert length(text) == expected


@pytest.mark.parametrize("text", ["Ж" * 67, "ç" + "a" * 66, "😀" * 33 + "a"])
def test_what_fills_a_segment_of_another_alphabet_weighs_a_segment(text: str) -> None:
    assert length(text) == SEGMENT
    assert length(text + "a") > SEGMENT


def test_typographic_signs_do_not_make_an_sms_longer() -> None:
    text = "“Yes”—it’s here… → Order\u00a07"
    assert plain(text) == '"Yes"-it\'s here... > Order 7'
    assert length(plain(text)) == len(plain(text))


def test_other_scripts_and_joined_emoji_stay_as_they_are() -> None:
    for text in ("«Где заказ?»", "👩\u200d💻 hi", "ہے\u200cں"):
        assert plain(text) == text


def test_an_answer_is_split_into_as_many_segments_whatever_its_script() -> None:
    for sentence in ("Your order is on its way. ", "Ваш заказ уже в пути. "):
        blocks = read_markdown(sentence * 100)
        texts = split(blocks, SMS, 6 * SEGMENT, Unit.SMS.length)
        assert len(texts) > 1
        assert all(Unit.SMS.length(text) <= 6 * SEGMENT for text in texts)
        assert " ".join(texts) == (sentence * 100).strip()


def test_a_list_stays_in_the_alphabet() -> None:
    [text] = split(read_markdown("- one\n- **two**\n"), SMS, 918, Unit.SMS.length)
    assert text == "- one\n- two"
