"""A reply as the app can show it: words within its limits, buttons or numbers, a recording."""

from dataclasses import replace

import msgspec
import pytest

from bot.messages import (
    ArticleId,
    Attachment,
    AttachmentId,
    AttachmentKind,
    ChannelName,
    Citation,
    ConversationId,
    CustomerId,
    Reply,
    ReplyId,
    ReplyKind,
    TurnId,
)
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import TELEGRAM_HTML
from connectors.messaging.render import Text, Voice, choice_hint, render

CAN = Capabilities(text_limit=100, choices=3, choice_chars=10, voice="audio/ogg")
URL = "https://desk.example"


def reply(text: str = "Hello", **fields: object) -> Reply:
    whole = Reply(
        ReplyId("rep_1"),
        ChannelName("pigeon"),
        ConversationId("con_1"),
        CustomerId("cus_1"),
        TurnId("1"),
        ReplyKind.ANSWER,
        text,
    )
    return msgspec.structs.replace(whole, **fields)


def speech(media_type: str) -> Attachment:
    return Attachment(AttachmentId("att_aaaaaaaa"), AttachmentKind.AUDIO, media_type, 9)


class TestChoices:
    def test_are_buttons_under_the_last_words(self) -> None:
        first, last = render(reply("Some words. " * 10, suggestions=("Yes", "No")), CAN)
        assert isinstance(first, Text)
        assert isinstance(last, Text)
        assert (first.choices, last.choices) == ((), ("Yes", "No"))

    @pytest.mark.parametrize("suggestions", [("a", "b", "c", "d"), ("Yes", "Where is my order?")])
    def test_that_do_not_fit_are_numbered(self, suggestions: tuple[str, ...]) -> None:
        [text] = render(reply(suggestions=suggestions), CAN)
        assert isinstance(text, Text)
        assert text.choices == ()
        assert text.text.startswith(f"Hello\n\n1. {suggestions[0]}\n2. {suggestions[1]}")

    def test_an_app_without_buttons_has_numbers(self) -> None:
        [text] = render(reply(suggestions=("Yes",)), replace(CAN, choices=0))
        assert text == Text("Hello\n\n1. Yes")

    def test_are_measured_in_the_app_s_units(self) -> None:
        emoji = "😀" * 6
        [text] = render(reply(suggestions=(emoji,)), CAN)
        assert text == Text("Hello", (emoji,))
        [text] = render(reply(suggestions=(emoji,)), replace(CAN, unit=Unit.UTF16))
        assert text == Text(f"Hello\n\n1. {emoji}")

    def test_have_a_shorter_text_above_them_where_the_app_wants_that(self) -> None:
        can = replace(CAN, choices_text_limit=30)
        parts = render(reply("Some words. " * 4, suggestions=("Yes",)), can)
        assert all(isinstance(part, Text) and len(part.text) <= 30 for part in parts)
        assert [part.choices for part in parts if isinstance(part, Text)][-1] == ("Yes",)

    def test_the_same_one_twice_is_one_button(self) -> None:
        [text] = render(reply(suggestions=("Yes", "Yes", "No")), CAN)
        assert text == Text("Hello", ("Yes", "No"))

    def test_cannot_bring_marks_of_their_own(self) -> None:
        [text] = render(
            reply(suggestions=("<b>x</b>",)), replace(CAN, choices=0, dialect=TELEGRAM_HTML)
        )
        assert text == Text("Hello\n\n1. &lt;b&gt;x&lt;/b&gt;")

    def test_what_opens_a_list_is_in_the_customer_s_language(self) -> None:
        assert choice_hint("de") != choice_hint("en")


class TestSources:
    def cited(self, url: str, title: str = "Returns") -> Reply:
        return reply(citations=(Citation(ArticleId("returns"), title, url),) * 2)

    def test_are_named_once_and_linked_under_the_desk_s_address(self) -> None:
        [text] = render(self.cited("/articles/returns"), CAN, URL)
        assert text == Text(f"Hello\n\n→ Returns ({URL}/articles/returns)")

    @pytest.mark.parametrize("url", ["", "/articles/returns"])
    def test_are_named_alone_where_the_desk_has_no_address(self, url: str) -> None:
        assert render(self.cited(url), CAN) == (Text("Hello\n\n→ Returns"),)

    def test_on_another_site_are_linked_there(self) -> None:
        [text] = render(self.cited("https://help.example/r"), CAN)
        assert text == Text("Hello\n\n→ Returns (https://help.example/r)")

    @pytest.mark.parametrize("url", ["javascript:x()", "http://help.example/", "//evil.test/"])
    def test_of_other_kinds_are_not_linked(self, url: str) -> None:
        [text] = render(self.cited(url), replace(CAN, dialect=TELEGRAM_HTML))
        assert text == Text("Hello\n\n→ <i>Returns</i>")

    def test_cannot_bring_marks_of_their_own(self) -> None:
        can = replace(CAN, dialect=TELEGRAM_HTML)
        [text] = render(self.cited("", "<a href='x'>"), can)
        assert text == Text("Hello\n\n→ <i>&lt;a href='x'&gt;</i>")


class TestVoice:
    def test_is_the_format_that_the_app_plays_after_the_words(self) -> None:
        spoken = reply(speech=(speech("audio/mp4"), speech("audio/ogg; codecs=opus")))
        assert render(spoken, CAN) == (Text("Hello"), Voice(speech("audio/ogg; codecs=opus")))

    def test_that_the_app_does_not_play_is_left_out(self) -> None:
        spoken = reply(speech=(speech("audio/mp4"),))
        assert render(spoken, CAN) == (Text("Hello"),)
        assert render(spoken, replace(CAN, voice="")) == (Text("Hello"),)


def test_a_long_reply_keeps_every_part_within_the_limit_in_the_same_order_each_time() -> None:
    long = reply("A sentence of some words. " * 40, suggestions=("Yes",))
    parts = render(long, CAN, URL)
    assert parts == render(long, CAN, URL)
    assert all(isinstance(part, Text) and 0 < len(part.text) <= 100 for part in parts)
