import pytest

from bot.burst import announces_attachment, patience_s
from bot.messages import (
    Attachment,
    AttachmentId,
    AttachmentKind,
    ChannelName,
    ConversationId,
    CustomerId,
    Message,
    MessageId,
)


def said(text: str = "", *kinds: AttachmentKind) -> Message:
    return Message(
        id=MessageId("m"),
        channel=ChannelName("test"),
        conversation=ConversationId("con_1"),
        customer=CustomerId("cus_1"),
        text=text,
        attachments=tuple(
            Attachment(AttachmentId(f"att_{n}"), kind, "application/octet-stream", 1)
            for n, kind in enumerate(kinds)
        ),
    )


def patience(*messages: Message, waited_s: float = 0.0, since_last_s: float = 0.0) -> float:
    return patience_s(messages, waited_s=waited_s, since_last_s=since_last_s)


@pytest.mark.parametrize(
    "text", ["Where is my order?", "??", "my card was declined", "I have a screenshot, what now?"]
)
def test_words_are_answered_at_once(text: str) -> None:
    assert patience(said(text)) == 0


def test_an_image_waits_for_its_caption() -> None:
    assert patience(said("", AttachmentKind.IMAGE)) == pytest.approx(1.5)


def test_an_image_with_a_caption_is_answered_at_once() -> None:
    assert patience(said("what does this mean", AttachmentKind.IMAGE)) == 0
    assert patience(said("", AttachmentKind.IMAGE), said("??")) == 0


def test_a_voice_note_needs_no_words() -> None:
    assert patience(said("", AttachmentKind.AUDIO)) == 0
    assert patience(said("", AttachmentKind.IMAGE), said("", AttachmentKind.AUDIO)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "Here is a screenshot:",
        "see the attached picture",
        "I'll send you a photo",
        "Hier ist ein Screenshot",
        "te envío una captura",
        "这是截图",
        "إليك صورة",
    ],
)
def test_an_announced_attachment_is_waited_for(text: str) -> None:
    assert announces_attachment(text)
    assert patience(said(text)) == pytest.approx(2.5)
    assert patience(said(text), said("", AttachmentKind.IMAGE)) == 0


def test_patience_ends_with_time() -> None:
    image = said("", AttachmentKind.IMAGE)
    assert patience(image, waited_s=1.0, since_last_s=1.0) == pytest.approx(0.5)
    assert patience(image, waited_s=2.0, since_last_s=2.0) == 0


def test_typing_prolongs_the_wait_but_not_for_ever() -> None:
    image = said("", AttachmentKind.IMAGE)
    assert patience(image, waited_s=6.0, since_last_s=0.0) == pytest.approx(1.5)
    assert patience(image, waited_s=7.5, since_last_s=0.0) == pytest.approx(0.5)
    assert patience(image, waited_s=8.0, since_last_s=0.0) == 0
