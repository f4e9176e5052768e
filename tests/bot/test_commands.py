"""Which messages are commands, however they are typed, and which are questions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import CODE_ALPHABET, CODE_CHARS, Ask, Command, command_of, write_code
from bot.messages import Attachment, AttachmentId, AttachmentKind, ConversationId
from tests.builders import message

PICTURE = Attachment(AttachmentId("att_1"), AttachmentKind.IMAGE, "image/png", 1)


def asked(text: str, *attachments: Attachment) -> Command | None:
    return command_of(message(ConversationId("con_1"), text, *attachments))


@pytest.mark.parametrize(
    "text",
    ["LINK", "link", "/link", " Link. ", "/link@shop_bot", "!link", "**LINK**", "`link`",
     "verknüpfen", "Verknüpfen", "vincular", "关联", "绑定。", "ربط", "رَبط", "ｌｉｎｋ"],
)  # fmt: skip
def test_a_code_is_asked_for(text: str) -> None:
    assert asked(text) == Command(Ask.CODE)


@pytest.mark.parametrize(
    "text",
    ["UNLINK", "/unlink", "Verknüpfung aufheben", "desvincular", "取消关联", "解绑",
     "إلغاء الربط", "فك  الربط"],
)  # fmt: skip
def test_to_be_unlinked_is_asked_for(text: str) -> None:
    assert asked(text) == Command(Ask.UNLINK)


@pytest.mark.parametrize(
    "text",
    ["LINK 4F7K-Q2", "link 4f7k-q2", "/link 4F7KQ2", "link@shop_bot 4F7K-Q2", "LINK: 4F7K Q2",
     "link 4F7K–Q2.", "verknüpfen 4F7K-Q2", "绑定4F7K-Q2", "关联：４Ｆ７Ｋ－Ｑ２", "ربط ٤F٧K-Q٢",
     "link\n4F7K-Q2"],
)  # fmt: skip
def test_a_code_is_read_however_it_is_typed(text: str) -> None:
    assert asked(text) == Command(Ask.LINK, "4F7K-Q2")


@pytest.mark.parametrize("text", ["LINK 4F7K-QO", "link 4F7K-Q", "link 4F7-Q2", "LINK 11111-11"])
def test_what_tries_to_be_a_code_and_is_none_is_a_wrong_one(text: str) -> None:
    assert asked(text) == Command(Ask.LINK)


@pytest.mark.parametrize(
    "text",
    ["", "link please", "Can you send me the link?", "the link 4F7K-Q2 does not work", "linked",
     "linkedin", "4F7K-Q2", "unlink 4F7K-Q2", "link to my order", "how do I link my phone",
     "LINK " + "A" * 200, "link link link"],
)  # fmt: skip
def test_everything_else_is_a_question(text: str) -> None:
    assert asked(text) is None


def test_words_beside_a_picture_are_no_command() -> None:
    assert asked("link", PICTURE) is None


@given(st.text(CODE_ALPHABET, min_size=CODE_CHARS, max_size=CODE_CHARS))
def test_every_code_that_can_be_given_out_is_understood(symbols: str) -> None:
    code = write_code(symbols)
    for typed in (code, code.lower(), symbols, code.replace("-", " ")):
        assert asked(f"link {typed}") == Command(Ask.LINK, code)


@given(st.text(max_size=80))
def test_nothing_that_can_be_written_breaks_it(text: str) -> None:
    found = asked(text)
    assert found is None or isinstance(found.ask, Ask)
