"""What webhooks of WhatsApp's Cloud API are understood as."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.messages import AttachmentKind
from connectors.messaging.events import Event, Progressed, Reacted, Said, State, Withdrawn
from connectors.messaging.hook import Malformed
from connectors.whatsapp import _to
from connectors.whatsapp_events import parse
from tests.connectors.messaging.graph import broken_somewhere
from tests.connectors.messaging.whatsapp_updates import ANN, PHONE, message, text, webhook


def said(kind: str, content: Any = None, **beside: Any) -> Said:
    [event] = parse(webhook({"messages": [message(1, kind, content, **beside)]}), PHONE)
    assert isinstance(event, Said)
    return event


def samples(folder: Path) -> dict[str, dict[str, Any]]:
    """Every recorded update: `message/text` → its body."""
    found = {}
    for file in sorted((folder / "webhooks" / "whatsapp").glob("*.json")):
        content = json.loads(file.read_text("utf-8"))
        updates = {"update": content} if "object" in content else content
        found |= {f"{file.stem}/{name}": update for name, update in updates.items()}
    return found


def read(update: dict[str, Any]) -> tuple[Event, ...]:
    """Parsed for whichever number an update is about."""
    value = update["entry"][0]["changes"][0]["value"]
    return parse(update, value.get("metadata", {}).get("phone_number_id", PHONE))


class TestRecordedUpdates:
    def test_all_are_read_and_none_as_another_kind(self, shared_data: Path) -> None:
        updates = samples(shared_data)
        assert len(updates) == 74
        kinds = {name: [type(event) for event in read(each)] for name, each in updates.items()}
        reactions = ("reaction", "unreaction_empty", "unreaction_no_emoji")
        wanted = {
            "message": [Said],
            "edited_message": [Said],
            "flow_completion": [Said],
            "callback_button": [Said],
            "callback_selection": [Said],
            "deleted_message": [Withdrawn],
            "message_status": [Progressed],
        }
        for name, found in kinds.items():
            file, _, key = name.partition("/")
            reacted = file == "message" and key in reactions
            assert found == ([Reacted] if reacted else wanted.get(file, [])), name
        assert sum(name.startswith("message/") for name in updates) == 23

    def test_what_is_said_is_words_files_or_told_to_be_unsupported(self, shared_data: Path) -> None:
        spoken = {
            name: event
            for name, update in samples(shared_data).items()
            for event in read(update)
            if isinstance(event, Said)
        }
        assert all(each.text or each.media or each.unsupported for each in spoken.values())
        assert {name: each.unsupported for name, each in spoken.items() if each.unsupported} == {
            "message/unsupported": ("unsupported",),
            "message/unsupported_with_type": ("pool",),
            "message/interactive_message_with_err": ("interactive",),
        }
        assert {each.chat.user for each in spoken.values()} == {ANN}
        assert spoken["message/order"].text.splitlines()[0] == "3 × HAMBURGER (30 ILS)"
        assert spoken["message/contacts"].text.splitlines()[0] == "Chandler Bing +1 555-555-5555"
        assert spoken["message/referral"].quote == "AD_TITLE\nAD_DESCRIPTION"
        assert "flow_token" not in spoken["flow_completion/completion"].text

    def test_how_far_messages_have_come(self, shared_data: Path) -> None:
        found = {
            name.partition("/")[2]: read(each)[0]
            for name, each in samples(shared_data).items()
            if name.startswith("message_status/")
        }
        states = {name: each.state for name, each in found.items() if isinstance(each, Progressed)}
        assert states == {
            "sent": State.SENT,
            "delivered": State.DELIVERED,
            "read": State.READ,
            "played": State.READ,
            "failed": State.FAILED,
            "with_tracker": State.SENT,
            "group": State.READ,
        }
        failed = found["failed"]
        assert isinstance(failed, Progressed)
        assert failed.reason.startswith("130472: Failed to send message")

    def test_a_correction_and_a_deletion_name_what_they_are_about(self, shared_data: Path) -> None:
        updates = samples(shared_data)
        [edited] = read(updates["edited_message/image"])
        assert isinstance(edited, Said)
        assert edited.text == "Updated image caption"
        assert edited.replaces.startswith("wamid.HBgLMTQx")
        assert edited.id.startswith("wamid.HBgLMTY1")
        assert [medium.source for medium in edited.media] == ["1234567890"]
        [revoked] = read(updates["deleted_message/revoke"])
        assert isinstance(revoked, Withdrawn)
        assert revoked.id == "<ORIGINAL_WHATSAPP_MESSAGE_ID>"

    def test_whatever_is_broken_in_one_is_malformed_and_nothing_else(
        self, shared_data: Path
    ) -> None:
        updates = list(samples(shared_data).values())

        @settings(max_examples=200, deadline=None)
        @given(st.data())
        def broken(data: st.DataObject) -> None:
            body = broken_somewhere(data, data.draw(st.sampled_from(updates)))
            with contextlib.suppress(Malformed):
                parse(body, PHONE)

        broken()


class TestParsing:
    def test_words(self) -> None:
        found = said("text", {"body": "Where is my order?"})
        assert (found.text, found.id, found.chat.user) == ("Where is my order?", "wamid.1", ANN)
        assert found.chat.address == {"to": "972987654321", "user": ANN, "message": "wamid.1"}

    @pytest.mark.parametrize(
        ("kind", "file", "attachment"),
        [
            ("image", {"mime_type": "image/jpeg"}, AttachmentKind.IMAGE),
            ("sticker", {"mime_type": "image/webp", "animated": True}, AttachmentKind.IMAGE),
            ("audio", {"mime_type": "audio/ogg; codecs=opus", "voice": True}, AttachmentKind.AUDIO),
            ("video", {"mime_type": "video/mp4"}, AttachmentKind.VIDEO),
            ("document", {"mime_type": "application/pdf"}, AttachmentKind.FILE),
            ("document", {"mime_type": "image/png"}, AttachmentKind.IMAGE),
        ],
    )
    def test_each_kind_of_file(self, kind: str, file: Any, attachment: AttachmentKind) -> None:
        [medium] = said(kind, file | {"id": "9", "sha256": "x"}).media
        assert (medium.kind, medium.source, medium.media_type) == (
            attachment,
            "9",
            file["mime_type"],
        )

    def test_a_caption_and_a_file_name_are_kept(self) -> None:
        content = {"id": "9", "mime_type": "application/pdf"}
        found = said("document", content | {"caption": "my invoice", "filename": "i.pdf"})
        assert (found.text, found.media[0].name) == ("my invoice", "i.pdf")

    def test_the_first_opening_of_the_chat_is_greeted(self) -> None:
        assert said("request_welcome").joined

    def test_a_pressed_button_or_row_says_its_words(self) -> None:
        button = {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}}
        row = {"type": "list_reply", "list_reply": {"id": "2", "title": "No", "description": "x"}}
        assert said("interactive", button).text == "Yes"
        assert said("interactive", row).text == "No"
        assert said("button", {"payload": "p", "text": "Maybe"}).text == "Maybe"

    def test_a_reply_has_no_words_of_what_it_answers(self) -> None:
        found = said("text", {"body": "B"}, context={"from": "972123456789", "id": "wamid.0"})
        assert (found.text, found.quote) == ("B", "")

    def test_a_question_about_a_product_says_which(self) -> None:
        product = {"catalog_id": "1", "product_retailer_id": "SKU-9"}
        found = said("text", {"body": "In blue?"}, context={"referred_product": product})
        assert found.quote == "SKU-9"

    def test_what_is_not_understood_is_named(self) -> None:
        assert said("poll_of_next_year", {"name": "?"}).unsupported == ("poll_of_next_year",)
        assert said("interactive", {"type": "new_reply"}).unsupported == ("interactive",)

    def test_somebody_without_a_telephone_number_is_known_by_their_id(self) -> None:
        hidden = {"profile": {"name": "@ann"}, "user_id": ANN}
        item = message(1, "text", {"body": "hi"}, from_user_id=ANN)
        del item["from"]
        [event] = parse(webhook({"messages": [item], "contacts": [hidden]}), PHONE)
        assert isinstance(event, Said)
        assert event.chat.user == ANN
        assert _to(event.chat.address)["recipient"] == ANN
        assert "to" not in _to(event.chat.address)

    def test_several_messages_entries_and_changes_are_all_taken(self) -> None:
        body = webhook(
            {"messages": [message(1, "text", {"body": "a"}), message(2, "text", {"body": "b"})]},
            {"messages": [message(3, "text", {"body": "c"})]},
            {"statuses": [{"id": "wamid.s", "status": "read", "timestamp": "1"}]},
        )
        body["entry"] += webhook({"messages": [message(4, "text", {"body": "d"})]})["entry"]
        found = parse(body, PHONE)
        assert [each.id for each in found if isinstance(each, Said)] == [
            f"wamid.{number}" for number in (1, 2, 3, 4)
        ]
        assert Progressed("wamid.s", State.READ) in found

    def test_one_that_makes_no_sense_does_not_take_the_others_along(self) -> None:
        body = webhook({"messages": [{"type": "text"}, message(2, "text", {"body": "b"})]})
        [event] = parse(body, PHONE)
        assert isinstance(event, Said)
        assert event.text == "b"

    @pytest.mark.parametrize(
        "update",
        [
            text(1, "hi") | {"entry": webhook({"messages": []}, phone="999")["entry"]},
            webhook({"messages": [message(1, "text", {"body": "hi"})]}, phone="999"),
            webhook({"message_echoes": [message(1, "text")]}, field="smb_message_echoes"),
            webhook({"calls": [{"id": "c", "event": "connect"}]}, field="calls"),
            webhook({"event": "APPROVED"}, field="message_template_status_update"),
            text(1, "hi", group_id="g1"),
        ],
    )
    def test_what_is_for_others_or_for_nobody_is_no_message(self, update: Any) -> None:
        assert parse(update, PHONE) == ()

    @pytest.mark.parametrize(
        "broken",
        [
            {"entry": 5},
            {"entry": [{}]},
            {"entry": [{"changes": [{"field": "messages"}]}]},
            webhook({"messages": [7]}),
            webhook({"messages": [{"type": "text", "text": {}}]}),
            webhook({"messages": [message(1, "location", {"latitude": "x", "longitude": 1})]}),
            webhook({"messages": [message(1, "edit", {})]}),
            webhook({"messages": [message(1, "location", {"latitude": 10**400, "longitude": 1})]}),
            webhook(
                {
                    "messages": [
                        message(1, "interactive", {"nfm_reply": {"response_json": "[" * 100_000}})
                    ]
                }
            ),
        ],
    )
    def test_what_makes_no_sense_is_malformed(self, broken: Any) -> None:
        with pytest.raises(Malformed):
            parse(broken, PHONE)
