import msgspec
import pytest

from bot.burst import announces_attachment, patience_s, says_sent
from bot.messages import (
    Attachment,
    AttachmentId,
    AttachmentKind,
    ChannelName,
    ConversationId,
    CustomerId,
    Message,
    MessageId,
    Utterance,
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


def spoken(text: str) -> Message:
    """Said in a call."""
    return msgspec.structs.replace(said(text), utterance=Utterance("call_1", 0.0, 1.0))


def patience(
    *messages: Message,
    waited_s: float = 0.0,
    since_last_s: float = 0.0,
    sending: bool = False,
) -> float:
    return patience_s(messages, waited_s=waited_s, since_last_s=since_last_s, sending=sending)


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


def test_what_is_said_in_a_call_waits_for_a_file_on_its_way_but_not_for_ever() -> None:
    words = spoken("What does this mean?")
    assert patience(words) == 0
    assert patience(words, sending=True) == pytest.approx(5.0)
    assert patience(words, said("", AttachmentKind.IMAGE), waited_s=2.0, sending=True) > 0
    assert patience(words, waited_s=5.0, sending=True) == 0


def test_what_is_typed_waits_for_no_other_file() -> None:
    assert patience(said("Where is my order?"), sending=True) == 0


@pytest.mark.parametrize(
    "text",
    [
        "I have just sent you the picture.",
        "I’ve sent you a photo of it.",
        "So I just uploaded the screenshot, can you see it?",
        "Can you see the picture I just sent?",
        "Ich habe Ihnen gerade das Bild geschickt.",
        "Acabo de enviarle la foto.",
        "我刚发给你了一张照片",
        "لقد أرسلت لك الصورة الآن",
    ],
)
def test_who_says_in_a_call_that_they_have_sent_something_is_waited_for(text: str) -> None:
    assert says_sent(text)
    assert patience(spoken(text)) == pytest.approx(1.5)
    assert patience(spoken(text), since_last_s=1.5) == 0
    assert patience(said("", AttachmentKind.IMAGE), spoken(text)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "Can you send me a picture?",
        "Here is a screenshot",
        "I sent the parcel back yesterday.",
        "Ich habe ein Bild von dem Gerät.",
        "Where is the file?",
    ],
)
def test_other_words_in_a_call_wait_for_nothing(text: str) -> None:
    assert not says_sent(text)
    assert patience(spoken(text)) == 0
