"""What updates of the Bot API are understood as."""

from typing import Any

import pytest

from bot.messages import AttachmentKind
from connectors.messaging.events import Chat, Reacted, Said
from connectors.messaging.hook import Malformed
from connectors.telegram_events import parse
from tests.connectors.messaging.telegram_api import ANN, PRIVATE, update

GROUP = {"id": -100200, "type": "supergroup", "title": "Shop", "is_forum": True}
CHAT = Chat("77", {"chat": "77", "thread": ""}, locale="en", name="Ann")


def said(**content: Any) -> Said:
    [event] = parse(update(1, **content))
    assert isinstance(event, Said)
    return event


def test_words() -> None:
    found = said(text="Where is my order?")
    assert found.text == "Where is my order?"
    assert found.id == "77:1"
    assert found.chat == CHAT


def test_start_greets_and_keeps_what_follows_it() -> None:
    assert said(text="/start").joined
    assert said(text="/start").text == ""
    assert said(text="/help@shop_bot").joined
    assert said(text="/start order-7").text == "order-7"


def test_other_commands_are_words() -> None:
    assert said(text="/track 7").text == "/track 7"
    assert not said(text="/track 7").joined
    assert said(text="/ask where is it?").text == "where is it?"


def test_a_photo_is_its_largest_size_and_has_its_caption() -> None:
    sizes = [
        {"file_id": "s", "width": 90, "height": 60, "file_size": 100},
        {"file_id": "l", "width": 900, "height": 600, "file_size": 10_000},
    ]
    found = said(photo=sizes, caption="It says this")
    assert found.text == "It says this"
    [medium] = found.media
    assert (medium.kind, medium.source, medium.size_bytes) == (
        AttachmentKind.IMAGE,
        "l",
        10_000,
    )


@pytest.mark.parametrize(
    ("name", "file", "kind"),
    [
        ("voice", {"duration": 3, "mime_type": "audio/ogg"}, AttachmentKind.AUDIO),
        ("audio", {"duration": 3, "mime_type": "audio/mpeg"}, AttachmentKind.AUDIO),
        ("video", {"duration": 3, "width": 1, "height": 1}, AttachmentKind.VIDEO),
        ("video_note", {"duration": 3, "length": 200}, AttachmentKind.VIDEO),
        ("document", {"mime_type": "application/pdf"}, AttachmentKind.FILE),
        ("document", {"mime_type": "image/png"}, AttachmentKind.IMAGE),
        ("sticker", {"is_animated": False, "is_video": False}, AttachmentKind.IMAGE),
    ],
)
def test_each_kind_of_file(name: str, file: Any, kind: AttachmentKind) -> None:
    [medium] = said(**{name: file | {"file_id": "f"}}).media
    assert (medium.kind, medium.source) == (kind, "f")


def test_an_animation_is_one_file_though_it_comes_as_two() -> None:
    file = {"file_id": "f", "duration": 2, "mime_type": "video/mp4"}
    assert len(said(animation=file, document=file).media) == 1


def test_a_reply_brings_the_words_it_answers() -> None:
    earlier = {"message_id": 4, "date": 1, "chat": PRIVATE, "text": "A or B?"}
    assert said(text="B", reply_to_message=earlier).quote == "A or B?"
    chosen = {"text": "B?", "position": 5}
    assert said(text="yes", reply_to_message=earlier, quote=chosen).quote == "B?"


def test_places_and_people_become_words() -> None:
    location = {"latitude": 59.91, "longitude": 10.75}
    assert said(location=location).text == "59.91000, 10.75000"
    venue = {"location": location, "title": "Shop", "address": "High St 1"}
    assert "Shop, High St 1" in said(location=location, venue=venue).text
    contact = {"first_name": "Bo", "last_name": "Li", "phone_number": "+4712345678"}
    assert said(contact=contact).text == "Bo Li +4712345678"


def test_what_is_not_understood_is_named() -> None:
    assert said(poll={"id": "1", "question": "?"}).unsupported == ("poll",)
    assert said(story={"id": 1}, text="see").unsupported == ("story",)
    assert said(something_of_next_year={}).unsupported == ("something_of_next_year",)


def test_an_edit_replaces_its_message_each_time() -> None:
    message = update(1, text="B, sorry")["message"] | {"edit_date": 1700000009}
    [event] = parse({"update_id": 2, "edited_message": message})
    assert isinstance(event, Said)
    assert (event.text, event.replaces, event.id) == ("B, sorry", "77:1", "77:1:1700000009")


def test_a_pressed_button_says_its_words() -> None:
    query = {
        "id": "q1", "from": ANN, "data": "Where is it?",
        "message": {"message_id": 3, "date": 1, "chat": PRIVATE},
    }  # fmt: skip
    [event] = parse({"update_id": 2, "callback_query": query})
    assert isinstance(event, Said)
    assert (event.text, event.chat.address["chat"]) == ("Where is it?", "77")


def test_a_reaction_wants_no_answer() -> None:
    reaction = {
        "chat": PRIVATE, "message_id": 3, "user": ANN, "date": 1,
        "old_reaction": [], "new_reaction": [{"type": "emoji", "emoji": "👍"}],
    }  # fmt: skip
    [event] = parse({"update_id": 2, "message_reaction": reaction})
    assert event == Reacted(CHAT, "77:3", "👍")


def test_in_a_group_each_topic_and_person_is_a_conversation() -> None:
    first = said(text="hi", chat=GROUP, message_thread_id=5, is_topic_message=True)
    assert first.chat.address == {"chat": "-100200", "thread": "5"}
    assert first.chat.place == "-100200/5"
    assert said(text="hi", chat=GROUP).chat.place != first.chat.place


@pytest.mark.parametrize(
    "content",
    [
        {"text": "hi", "from": ANN | {"is_bot": True}},
        {"pinned_message": {"message_id": 1}},
        {"left_chat_member": ANN},
        {"new_chat_title": "Shop 2"},
    ],
)
def test_what_nobody_said_is_no_message(content: Any) -> None:
    assert parse(update(1, **content)) == ()


@pytest.mark.parametrize(
    "broken",
    [{"message": 5}, {"message": {}}, {"message": {"from": {}, "chat": {}}},
     {"edited_message": {"chat": {"id": 1}}}, {"callback_query": []},
     update(1, photo=[{}]), update(1, document={"file_size": "x"})],
)  # fmt: skip
def test_what_makes_no_sense_is_malformed(broken: Any) -> None:
    with pytest.raises(Malformed):
        parse(broken)
