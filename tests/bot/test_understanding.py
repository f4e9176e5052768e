from typing import Any

import msgspec
import pytest

from bot.history import Past
from bot.language import language_of, primary
from bot.messages import (
    ConversationId,
    CustomerId,
    Entry,
    Message,
    Reply,
    ReplyId,
    ReplyKind,
    TurnId,
)
from bot.understanding import Understanding, corrected, understand
from bot.wishes import Social, social
from tests.builders import CHANNEL, message

CONVERSATION = ConversationId("con_1")
NOTHING = Past((), {})


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


def said(id: str, text: str = "", **fields: Any) -> Message:
    return msgspec.structs.replace(message(CONVERSATION, text, id=id), **fields)


def understood(*messages: Message, past: Past = NOTHING) -> Understanding:
    return understand(messages, {}, past, "en")


def offered(*suggestions: str) -> Past:
    """A past that ends with a reply which offers something."""
    reply = Reply(
        ReplyId("rep_1"), CHANNEL, CONVERSATION, CustomerId("cus_ann"), TurnId("1"),
        ReplyKind.CLARIFY, "Which one?", suggestions=suggestions,
    )  # fmt: skip
    return Past((Entry(1, said("m0", "hi")), Entry(2, reply)), {})


class TestNumbers:
    """Apps without buttons number what the desk offers."""

    @pytest.mark.parametrize("typed", ["2", " 2 ", "2.", "2)", "(2)", "#2"])
    def test_a_bare_number_is_the_suggestion_that_it_names(self, typed: str) -> None:
        past = offered("Where is my order?", "I want my money back")
        assert understood(said("m1", typed), past=past).typed == "I want my money back"

    @pytest.mark.parametrize("typed", ["0", "3", "99", "2 of them", "2 2", "-2", "02", "two"])
    def test_anything_else_is_itself(self, typed: str) -> None:
        assert understood(said("m1", typed), past=offered("a", "b")).typed == typed

    def test_a_number_that_answers_nothing_offered_is_a_number(self) -> None:
        assert understood(said("m1", "2")).typed == "2"
        later = Past((*offered("a", "b").entries, Entry(3, said("m2", "hm"))), {})
        assert understood(said("m3", "2"), past=later).typed == "2"

    def test_the_language_is_that_of_the_suggestion(self) -> None:
        past = offered("Wo ist meine Bestellung?", "Ich möchte etwas zurückgeben")
        assert understood(said("m1", "1"), past=past).language == "de"


class TestCorrections:
    def kept(self, *messages: Message) -> list[str]:
        return [each.text for each in corrected(messages)]

    def test_a_correction_stands_for_what_it_corrects(self) -> None:
        first, other = said("m1", "order 1"), said("m2", "please")
        assert self.kept(first, other, said("e1", "order 2", replaces="m1")) == [
            "please",
            "order 2",
        ]

    @pytest.mark.parametrize("second", ["m1", "e1"])
    def test_the_last_of_several_corrections_counts(self, second: str) -> None:
        """Whether the app names the first message each time, or the correction before."""
        messages = (
            said("m1", "order 1"),
            said("e1", "order 2", replaces="m1"),
            said("e2", "order 3", replaces=second),
        )
        assert self.kept(*messages) == ["order 3"]

    def test_a_correction_of_what_was_answered_before_is_new(self) -> None:
        assert self.kept(said("e1", "order 2", replaces="m0")) == ["order 2"]

    def test_a_correction_to_nothing_takes_the_words_back(self) -> None:
        found = understood(said("m1", "order 1"), said("e1", "", replaces="m1"))
        assert found.typed == ""

    def test_what_a_corrected_message_showed_is_not_told(self) -> None:
        poll = said("m1", unsupported=("poll",))
        assert understood(poll, said("e1", "never mind", replaces="m1")).problems == ()


class TestGreetings:
    def test_who_has_joined_is_greeted(self) -> None:
        found = understood(said("m1", joined=True))
        assert found.social is Social.GREETING
        assert found.empty

    def test_who_has_joined_with_a_question_is_answered(self) -> None:
        found = understood(said("m1", joined=True), said("m2", "where is my order?"))
        assert found.social is None

    def test_nobody_is_greeted_for_nothing(self) -> None:
        assert understood(said("m1", unsupported=("poll",))).social is None

    def test_a_greeting_is_in_the_language_that_the_app_reports(self) -> None:
        assert understood(said("m1", joined=True, locale="es-MX")).language == "es"

    @pytest.mark.parametrize("locale", ["zz", "xx-NO", "abcdefgh", "..", "1"])
    def test_a_language_that_there_is_none_of_is_not_the_customers(self, locale: str) -> None:
        assert understood(said("m1", joined=True, locale=locale)).language == "en"


class TestUnsupported:
    def test_is_told_once(self) -> None:
        found = understood(
            said("m1", "hi", unsupported=("poll", "story")), said("m2", unsupported=("poll",))
        )
        assert [problem.code for problem in found.problems] == ["message_unsupported"]

    def test_is_told_beside_what_was_understood(self) -> None:
        found = understood(said("m1", "where is my order?", unsupported=("poll",)))
        assert (found.typed, len(found.problems)) == ("where is my order?", 1)

    def test_who_joins_with_it_is_told(self) -> None:
        found = understood(said("m1", joined=True, unsupported=("poll",)))
        assert (found.social, len(found.problems)) == (None, 1)
