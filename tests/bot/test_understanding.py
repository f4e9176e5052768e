import msgspec
import pytest

from bot.language import language_of, primary
from bot.messages import ConversationId, Message, MessageId
from bot.understanding import Social, corrected, social
from tests.builders import message


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hi!", Social.GREETING),
        ("good morning everyone", Social.GREETING),
        ("Guten Tag", Social.GREETING),
        ("你好", Social.GREETING),
        ("مرحبا", Social.GREETING),
        ("ok great, thanks a lot 🙏", Social.THANKS),
        ("muchas gracias", Social.THANKS),
        ("Danke schön!", Social.THANKS),
        ("شكراً", Social.THANKS),
        ("thanks, bye", Social.GOODBYE),
        ("hasta luego", Social.GOODBYE),
        ("hi, where is my order?", None),
        ("thanks but it still does not work", None),
        ("highlight", None),
        ("", None),
    ],
)
def test_a_courtesy_is_one_only_if_it_is_nothing_else(text: str, kind: Social | None) -> None:
    assert social(text) is kind


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wo ist meine Bestellung?", "de"),
        ("dónde está mi pedido", "es"),
        ("我的订单在哪里", "zh"),
        ("أين طلبي", "ar"),
        ("my card was declined code 51", "en"),
        ("merci beaucoup pour votre aide", "fr"),
    ],
)
def test_the_words_tell_the_language(text: str, language: str) -> None:
    assert language_of(text, "en") == language


@pytest.mark.parametrize("text", ["VT-482137", "ok", "E-104", "  "])
def test_where_words_do_not_tell_the_language_stays(text: str) -> None:
    assert language_of(text, "de") == "de"


def test_the_primary_language_of_a_tag() -> None:
    assert primary("de-AT") == "de"
    assert primary("zh_Hans_CN") == "zh"
    assert primary("") == ""


def correction(id: str, of: str) -> Message:
    return msgspec.structs.replace(said(id), replaces=MessageId(of))


def said(id: str) -> Message:
    return message(ConversationId("con_1"), id, id=id)


@pytest.mark.parametrize(
    "messages",
    [
        [said("a"), correction("b", "a"), correction("c", "a")],
        [said("a"), correction("b", "a"), correction("c", "b")],
        [correction("b", "a"), correction("c", "a")],
    ],
)
def test_of_several_corrections_the_last_counts(messages: list[Message]) -> None:
    assert [found.id for found in corrected(messages)] == ["c"]


def test_what_is_not_corrected_stays() -> None:
    messages = [said("a"), said("b"), correction("c", "a"), said("d")]
    assert [found.id for found in corrected(messages)] == ["b", "c", "d"]
