import pytest

from bot.language import language_of, primary
from bot.understanding import Social, social


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
