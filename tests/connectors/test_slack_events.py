"""What Slack's payloads say."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import AttachmentKind
from connectors.messaging.events import Chat, Event, Reacted, Said, Withdrawn
from connectors.messaging.hook import Malformed
from connectors.slack_events import read_command, read_event, read_interaction, to_words
from tests.connectors.messaging.broken import broken
from tests.connectors.messaging.slack import (
    ANN,
    BOT,
    CHANNEL,
    COMMAND,
    DIRECT,
    DM,
    button,
    envelope,
    message,
)

FILE = {
    "id": "F1", "name": "x", "size": 12, "mode": "hosted", "is_external": False,
    "url_private": "https://files.slack.com/files-pri/T-F1/x",
}  # fmt: skip


def read(event: dict[str, Any], *channels: str) -> tuple[Event, ...]:
    return read_event(envelope(event), channels)


def said(*channels: str, **content: Any) -> Said:
    [event] = read(message(**content), *channels)
    assert isinstance(event, Said)
    return event


class TestMessages:
    def test_words_in_a_direct_message(self) -> None:
        found = said(text="Where is my order?")
        assert (found.text, found.id, found.chat) == ("Where is my order?", f"{DIRECT}:1.1", DM)

    def test_a_thread_of_a_direct_message_is_a_conversation_and_is_answered_there(self) -> None:
        found = said(ts="2.2", thread_ts="1.1", text="and now?")
        assert found.chat.address == {"channel": DIRECT, "thread": "1.1"}
        assert found.chat.place == f"{DIRECT}/1.1"

    def test_in_a_channel_a_mention_is_answered_in_its_thread(self) -> None:
        event = {"type": "app_mention", "user": ANN, "text": f"<@{BOT}> where is it?", "ts": "5.5",
                 "channel": CHANNEL, "event_ts": "5.5"}  # fmt: skip
        [found] = read(event)
        assert isinstance(found, Said)
        assert found.text == "where is it?"
        assert found.chat == Chat(ANN, {"channel": CHANNEL, "thread": "5.5"}, f"{CHANNEL}/5.5")

    def test_a_mention_that_comes_as_two_events_is_one_message(self) -> None:
        words = {"user": ANN, "text": f"hi <@{BOT}>", "ts": "5.5", "channel": CHANNEL}
        [first] = read({"type": "app_mention"} | words)
        [second] = read({"type": "message", "channel_type": "channel"} | words)
        assert first == second

    def test_a_mention_without_words_asks_whether_the_app_is_there(self) -> None:
        assert said(channel=CHANNEL, text=f"<@{BOT}>").joined
        assert not said(channel=CHANNEL, text=f"<@{BOT}> where?").joined

    def test_what_people_tell_each_other_in_a_channel_is_left_alone(self) -> None:
        assert read(message(channel=CHANNEL, text="lunch?")) == ()
        assert read(message(channel=CHANNEL, text="<@U0OTHER> lunch?", thread_ts="1.0")) == ()

    def test_a_listed_channel_and_a_thread_of_the_app_need_no_mention(self) -> None:
        assert said(CHANNEL, channel=CHANNEL, text="where is it?").text == "where is it?"
        reply = {"channel": CHANNEL, "thread_ts": "1.0", "parent_user_id": BOT, "text": "yes"}
        assert said(**reply).chat.address["thread"] == "1.0"

    @pytest.mark.parametrize("subtype", ["me_message", "thread_broadcast"])
    def test_ways_to_say_something(self, subtype: str) -> None:
        assert said(subtype=subtype, text="waits", thread_ts="1.0").text == "waits"

    @pytest.mark.parametrize(
        "content",
        [
            {"subtype": "bot_message", "bot_id": "B7", "user": None, "text": "beep"},
            {"bot_id": "B7", "text": "beep"},
            {"user": BOT, "text": "an answer"},
            {"user": BOT, "subtype": "file_share", "files": []},
            {"user": "USLACKBOT", "text": "reminder"},
            {"subtype": "channel_join", "text": "<@U061F7AUR> has joined the channel"},
            {"subtype": "pinned_item", "text": "pinned"},
            {"subtype": "channel_topic", "topic": "x"},
        ],
    )
    def test_what_no_customer_said_is_no_message(self, content: dict[str, Any]) -> None:
        assert read(message(**content)) == ()

    def test_an_edit_replaces_its_message_each_time(self) -> None:
        before = {"type": "message", "user": ANN, "text": "order 1", "ts": "1.1"}
        after = before | {"text": "order 2", "edited": {"user": ANN, "ts": "1.9"}}
        event = message("1.95", subtype="message_changed", message=after, previous_message=before)
        [found] = read(event | {"user": None, "hidden": True})
        assert isinstance(found, Said)
        assert (found.text, found.replaces, found.id) == (
            "order 2",
            f"{DIRECT}:1.1",
            f"{DIRECT}:1.1:1.9",
        )

    def test_a_preview_that_slack_adds_to_a_link_is_no_edit(self) -> None:
        before = {"type": "message", "user": ANN, "text": "<https://x.example>", "ts": "1.1"}
        after = before | {"attachments": [{"from_url": "https://x.example"}]}
        event = message(subtype="message_changed", message=after, previous_message=before)
        assert read(event) == ()
        edited = {"edited": {"user": ANN, "ts": "1.5"}}
        event = message(
            subtype="message_changed", message=after | edited, previous_message=before | edited
        )
        assert read(event) == ()

    def test_a_deleted_message_is_withdrawn(self) -> None:
        before = {"type": "message", "user": ANN, "text": "my card is 4111", "ts": "1.1"}
        deleted = message(subtype="message_deleted", deleted_ts="1.1", previous_message=before)
        tombstone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": "1.1"}
        replaced = message(subtype="message_changed", message=tombstone, previous_message=before)
        assert read(deleted) == (Withdrawn(DM, f"{DIRECT}:1.1"),)
        assert read(replaced) == (Withdrawn(DM, f"{DIRECT}:1.1"),)

    def test_a_deleted_answer_of_the_app_withdraws_nothing(self) -> None:
        before = {"type": "message", "user": BOT, "bot_id": "B1", "text": "hi", "ts": "1.1"}
        event = message(subtype="message_deleted", deleted_ts="1.1", previous_message=before)
        assert read(event) == ()
        assert read(message(subtype="message_deleted", deleted_ts="1.1")) == ()

    def test_a_shared_message_is_a_quote(self) -> None:
        shared = {"is_share": True, "is_msg_unfurl": True, "text": "Order 7 &amp; 8", "ts": "0.5"}
        preview = {"from_url": "https://x.example", "text": "a preview"}
        found = said(text="which?", attachments=[preview, shared])
        assert (found.text, found.quote) == ("which?", "Order 7 & 8")

    def test_a_huddle_and_what_is_new_next_year_are_named(self) -> None:
        assert said(subtype="huddle_thread", room={}).unsupported == ("huddle",)
        assert said(subtype="hologram").unsupported == ("hologram",)

    def test_an_opened_app_greets_and_its_home_tab_does_not(self) -> None:
        event = {"type": "app_home_opened", "user": ANN, "channel": DIRECT, "event_ts": "1.1"}
        [found] = read(event | {"tab": "messages"})
        assert isinstance(found, Said)
        assert found.joined
        assert found.chat == DM
        assert read(event | {"tab": "home"}) == ()

    def test_reactions(self) -> None:
        event = {"type": "reaction_added", "user": ANN, "reaction": "thumbsup", "item_user": BOT,
                 "item": {"type": "message", "channel": DIRECT, "ts": "2.2"}}  # fmt: skip
        assert read(event) == (Reacted(DM, f"{DIRECT}:2.2", "thumbsup"),)
        assert read(event | {"type": "reaction_removed"}) == (Reacted(DM, f"{DIRECT}:2.2", ""),)
        assert read(event | {"user": BOT}) == ()

    @pytest.mark.parametrize(
        "broken",
        [{}, {"event": 5}, {"event": {"type": "message"}},
         {"event": {"type": "app_mention", "user": ANN}},
         {"authorizations": [5], "event": {"type": "message"}},
         {"event": message(subtype="message_changed")},
         {"event": message(files=[5])}, {"event": message(files=[{"mode": "hosted"}])},
         {"event": message(files=[{"id": "F", "size": "x"}])}],
    )  # fmt: skip
    def test_what_makes_no_sense_is_malformed(self, broken: dict[str, Any]) -> None:
        with pytest.raises(Malformed):
            read_event(broken)


class TestFiles:
    @pytest.mark.parametrize(
        ("file", "kind", "media_type"),
        [
            ({"mimetype": "image/png"}, AttachmentKind.IMAGE, "image/png"),
            ({"mimetype": "video/mp4"}, AttachmentKind.VIDEO, "video/mp4"),
            ({"mimetype": "audio/mpeg"}, AttachmentKind.AUDIO, "audio/mpeg"),
            ({"mimetype": "application/pdf"}, AttachmentKind.FILE, "application/pdf"),
            ({"mimetype": "text/plain", "mode": "snippet"}, AttachmentKind.FILE, "text/plain"),
            (
                {"mimetype": "video/webm", "subtype": "slack_audio", "duration_ms": 2500},
                AttachmentKind.AUDIO,
                "audio/webm",
            ),
            (
                {"mimetype": "video/mp4", "subtype": "slack_video", "duration_ms": 2500},
                AttachmentKind.VIDEO,
                "video/mp4",
            ),
        ],
    )
    def test_each_kind_of_file(
        self, file: dict[str, Any], kind: AttachmentKind, media_type: str
    ) -> None:
        found = said(subtype="file_share", text="see", files=[FILE | file])
        [medium] = found.media
        assert (medium.kind, medium.media_type, medium.size_bytes) == (kind, media_type, 12)
        assert medium.source == f"F1 {FILE['url_private']}"
        assert medium.duration_s == (2.5 if "duration_ms" in file else None)
        assert found.text == "see"

    def test_several_files_are_one_message(self) -> None:
        files = [FILE | {"id": f"F{n}", "mimetype": "image/png"} for n in range(3)]
        assert len(said(subtype="file_share", files=files).media) == 3

    def test_a_file_of_another_workspace_is_asked_for(self) -> None:
        file = {"id": "F12345678", "mode": "file_access", "file_access": "check_file_info",
                "created": 0, "timestamp": 0, "user": ""}  # fmt: skip
        [medium] = said(subtype="file_share", files=[file]).media
        assert medium.source == "F12345678 "

    def test_what_lies_elsewhere_is_named_and_told(self) -> None:
        file = FILE | {
            "mode": "external", "is_external": True, "external_type": "gdrive",
            "title": "Invoice", "url_private": "https://docs.google.com/document/d/1",
        }  # fmt: skip
        found = said(subtype="file_share", text="see", files=[file])
        assert (found.text, found.media, found.unsupported) == (
            "see\nInvoice",
            (),
            ("external_file",),
        )
        assert said(files=[{"id": "F1", "mode": "tombstone"}]).unsupported == ("file",)
        assert said(files=[{"id": "F1", "mode": "quip"}]).unsupported == ("quip",)


class TestWords:
    @pytest.mark.parametrize(
        ("mrkdwn", "words"),
        [
            ("<@U123>, <@U124|bo> and <!here>", "@U123, @bo and @here"),
            ("in <#C1|general> or <#C2>", "in #general or #C2"),
            ("<!subteam^S1|@support> <!date^1392734382^{date}|Feb 18>", "@support Feb 18"),
            ("<https://x.example/a|the page>", "the page (https://x.example/a)"),
            ("<https://x.example/> <http://x.example|x.example>",
             "https://x.example/ http://x.example"),
            ("<mailto:ann@x.example|ann@x.example> <tel:+47|+47>", "ann@x.example +47"),
            ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
            ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
            ("*bold* _it_ `code`", "*bold* _it_ `code`"),
        ],
    )  # fmt: skip
    def test_entities_become_words(self, mrkdwn: str, words: str) -> None:
        assert to_words(mrkdwn) == words

    @pytest.mark.parametrize(
        "text", [f"<@{BOT}> hi", f"<@{BOT}>, hi", f"<@{BOT}|shop>: hi", f"hi <@{BOT}>"]
    )
    def test_mentions_of_the_app_go(self, text: str) -> None:
        assert to_words(text, {BOT}) == "hi"


class TestInteractivity:
    def test_a_pressed_button_says_its_words(self) -> None:
        [found] = read_interaction(button())
        assert found == Said(DM, f"{DIRECT}:7.7:{ANN}", text="Where is it?")

    def test_in_a_thread_it_says_them_there(self) -> None:
        place = {"type": "message", "message_ts": "2.2", "channel_id": CHANNEL, "thread_ts": "1.1"}
        [found] = read_interaction(button(container=place, channel={"id": CHANNEL}))
        assert isinstance(found, Said)
        assert found.chat == Chat(ANN, {"channel": CHANNEL, "thread": "1.1"}, f"{CHANNEL}/1.1")

    def test_a_button_that_opens_a_page_says_nothing(self) -> None:
        action = {"type": "button", "action_id": "x", "url": "https://x.example", "action_ts": "1"}
        assert read_interaction(button(actions=[action])) == ()
        assert read_interaction({"type": "view_submission"}) == ()

    def test_a_command_is_answered_in_direct_messages(self) -> None:
        [found] = read_command(COMMAND)
        assert isinstance(found, Said)
        assert (found.text, found.joined) == ("where is it?", False)
        assert found.chat == Chat(ANN, {"channel": ANN, "thread": ""}, name="ann")
        [empty] = read_command(COMMAND | {"text": ""})
        assert isinstance(empty, Said)
        assert empty.joined

    @pytest.mark.parametrize(
        "broken", [{"actions": 5}, {"user": None}, {"actions": [{"value": "x"}]}]
    )
    def test_what_makes_no_sense_is_malformed(self, broken: dict[str, Any]) -> None:
        with pytest.raises(Malformed):
            read_interaction(button(**broken))
        with pytest.raises(Malformed):
            read_command({"command": "/ask"})


FULL = message(
    subtype="file_share", thread_ts="1.0", parent_user_id=BOT, text=f"<@{BOT}> <@U2|bo> see",
    files=[FILE | {"subtype": "slack_audio", "duration_ms": 100, "mimetype": "video/webm"}],
    attachments=[{"is_share": True, "text": "x"}],
)  # fmt: skip
CHANGED = message(
    subtype="message_changed", message=FULL | {"edited": {"user": ANN, "ts": "1.2"}},
    previous_message=FULL,
)  # fmt: skip
REACTION = {
    "type": "reaction_added", "user": ANN, "reaction": "x", "item_user": BOT,
    "item": {"type": "message", "channel": DIRECT, "ts": "2.2"},
}  # fmt: skip


@given(st.one_of(*(broken(envelope(each)) for each in (FULL, CHANGED, REACTION))))
def test_whatever_an_event_holds_it_is_read_or_malformed(payload: Any) -> None:
    with suppress(Malformed):
        read_event(payload)


@given(broken(button()), broken(COMMAND))
def test_whatever_an_interaction_holds_it_is_read_or_malformed(pressed: Any, asked: Any) -> None:
    with suppress(Malformed):
        read_interaction(pressed)
    with suppress(Malformed):
        read_command(asked)
