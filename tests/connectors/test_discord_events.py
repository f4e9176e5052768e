"""What Discord's payloads say."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from bot.messages import AttachmentKind
from connectors.discord_events import (
    answer_interaction,
    read_change,
    read_interaction,
    read_message,
    read_reaction,
    read_typing,
    to_words,
)
from connectors.messaging.events import Chat, Reacted, Said, Writes
from connectors.messaging.hook import Malformed
from tests.connectors.messaging.broken import broken
from tests.connectors.messaging.discord import (
    ANN,
    BO,
    BOT,
    CHANNEL,
    DIRECT,
    DM,
    GUILD,
    HERS,
    MINE,
    ask,
    file,
    in_guild,
    interaction,
    message,
    press,
)


def said(payload: dict[str, Any]) -> Said:
    [event] = read_message(payload, BOT)
    assert isinstance(event, Said)
    return event


class TestMessages:
    def test_words_in_a_direct_message(self) -> None:
        found = said(message(content="Where is my order?"))
        assert (found.text, found.id, found.chat) == (
            "Where is my order?",
            "334385199974967001",
            Chat(ANN, DM.address, name="Ann"),
        )

    def test_a_mention_in_a_server_is_answered_as_a_reply_in_its_channel(self) -> None:
        found = said(in_guild(content=f"<@{BOT}> where is it?"))
        assert found.text == "where is it?"
        address = {"channel": CHANNEL, "message": "334385199974967001"}
        assert found.chat == Chat(ANN, address, CHANNEL, name="Ann")

    def test_each_thread_and_person_has_a_conversation(self) -> None:
        thread = said(in_guild(channel_id="999"))
        other = said(in_guild(author=HERS | {"id": BO}))
        assert thread.chat.place == "999"
        assert (other.chat.user, other.chat.place) == (BO, CHANNEL)

    def test_what_people_tell_each_other_in_a_server_is_left_alone(self) -> None:
        assert read_message(in_guild(content="lunch?", mentions=[]), BOT) == ()
        assert read_message(in_guild(content="@everyone lunch?", mentions=[HERS]), BOT) == ()

    def test_a_reply_to_the_bot_needs_no_mention_where_its_words_come(self) -> None:
        answer = message(author=MINE, content="A or B?")
        reply = in_guild(content="B", mentions=[], type=19, referenced_message=answer)
        assert (said(reply).text, said(reply).quote) == ("B", "A or B?")
        assert read_message(reply | {"content": ""}, BOT) == ()

    def test_a_mention_without_words_asks_whether_the_bot_is_there(self) -> None:
        assert said(in_guild(content=f"<@{BOT}>")).joined
        assert not said(in_guild()).joined

    @pytest.mark.parametrize(
        "content",
        [
            {"author": MINE},
            {"author": HERS | {"bot": True}},
            {"webhook_id": "1", "author": {"id": "1", "username": "hook"}},
            {"type": 7},
            {"type": 6},
            {"type": 18},
            {"type": 21},
            {"type": 46},
        ],
    )
    def test_what_no_customer_said_is_no_message(self, content: dict[str, Any]) -> None:
        assert read_message(message(content="beep") | content, BOT) == ()

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({}, AttachmentKind.IMAGE),
            ({"content_type": "video/mp4", "duration_secs": 3.5}, AttachmentKind.VIDEO),
            ({"content_type": "audio/mpeg"}, AttachmentKind.AUDIO),
            ({"content_type": "application/pdf"}, AttachmentKind.FILE),
            ({"content_type": None}, AttachmentKind.FILE),
        ],
    )
    def test_each_kind_of_file(self, changes: dict[str, Any], kind: AttachmentKind) -> None:
        found = said(message(content="see", attachments=[file(**changes)]))
        [medium] = found.media
        assert (medium.kind, medium.size_bytes, found.text) == (kind, 12, "see")
        assert medium.source == f"{DIRECT}/334385199974967001/701 {file()['url']}"
        assert medium.duration_s == changes.get("duration_secs")

    def test_a_voice_message(self) -> None:
        recording = file(
            filename="voice-message.ogg", content_type="audio/ogg", duration_secs=2.1, waveform="AA"
        )
        [medium] = said(message(flags=1 << 13, attachments=[recording])).media
        assert (medium.kind, medium.duration_s) == (AttachmentKind.AUDIO, 2.1)

    def test_stickers_are_pictures_and_drawn_ones_are_named(self) -> None:
        stickers = [
            {"id": "5", "name": "wave", "format_type": 1},
            {"id": "6", "name": "gif", "format_type": 4},
            {"id": "7", "name": "lottie", "format_type": 3},
        ]
        found = said(message(sticker_items=stickers))
        assert [each.source for each in found.media] == [
            " https://cdn.discordapp.com/stickers/5.png",
            " https://media.discordapp.net/stickers/6.gif",
        ]
        assert found.unsupported == ("sticker",)

    def test_a_forwarded_message_brings_its_words_and_files(self) -> None:
        snapshot = {"message": {"content": "an older error", "attachments": [file()]}}
        reference = {"type": 1, "message_id": "1", "channel_id": "2"}
        found = said(message(message_reference=reference, message_snapshots=[snapshot]))
        assert found.text == "an older error"
        assert found.media[0].source.startswith(f"{DIRECT}/334385199974967001/701 ")

    def test_what_is_not_understood_is_named(self) -> None:
        assert said(message(poll={"question": {"text": "?"}})).unsupported == ("poll",)
        assert said(message(activity={"type": 1}, content="join")).unsupported == ("activity",)

    def test_an_edit_replaces_its_message_each_time(self) -> None:
        edited = message(content="order 2", edited_timestamp="2026-07-11T17:30:00+00:00")
        [found] = read_change(edited, BOT)
        assert isinstance(found, Said)
        assert (found.text, found.replaces) == ("order 2", "334385199974967001")
        assert found.id == "334385199974967001:2026-07-11T17:30:00+00:00"

    def test_a_preview_that_discord_adds_to_a_link_is_no_edit(self) -> None:
        preview = {"type": "link", "url": "https://x.example"}
        assert read_change(message(content="https://x.example", embeds=[preview]), BOT) == ()
        partial = {"id": "1", "channel_id": DIRECT, "embeds": [preview]}
        assert read_change(partial | {"edited_timestamp": "x"}, BOT) == ()

    def test_reactions_to_the_bot(self) -> None:
        reaction = {"user_id": ANN, "channel_id": DIRECT, "message_id": "9",
                    "emoji": {"id": None, "name": "👍"}}  # fmt: skip
        assert read_reaction(reaction, BOT, added=True) == (Reacted(DM, "9", "👍"),)
        assert read_reaction(reaction, BOT, added=False) == (Reacted(DM, "9", ""),)
        assert read_reaction(reaction | {"user_id": BOT}, BOT, added=True) == ()
        among_people = reaction | {"guild_id": GUILD, "message_author_id": BO}
        assert read_reaction(among_people, BOT, added=True) == ()

    def test_typing_in_direct_messages(self) -> None:
        typing = {"channel_id": DIRECT, "user_id": ANN, "timestamp": 1}
        assert read_typing(typing, BOT) == (Writes(DM),)
        assert read_typing(typing | {"guild_id": GUILD}, BOT) == ()

    @pytest.mark.parametrize(
        "broken",
        [{}, {"author": 5}, {"author": {"id": ANN}}, message(attachments=[{}]),
         message(attachments=5), message(attachments=[file(size="x")]), message(mentions=[5]),
         message(sticker_items=[{}]), message(message_snapshots=[5])],
    )  # fmt: skip
    def test_what_makes_no_sense_is_malformed(self, broken: dict[str, Any]) -> None:
        with pytest.raises(Malformed):
            read_message(broken, BOT)


class TestWords:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (f"<@{BO}> and <@!{BO}>", "@Bo and @Bo"),
            ("<@1> <@&2> <#3>", "@1 @role #channel"),
            ("<:wave:123> <a:dance:4> </ask:5>", ":wave: :dance: /ask"),
            ("<t:999999999999>", "<t:999999999999>"),
            ("<t:1618953630:R> <t:1618953630>", "2021-04-20 21:20 UTC 2021-04-20 21:20 UTC"),
            ("a < b > c <https://x.example>", "a < b > c <https://x.example>"),
            (f"<@{BOT}>: hi", "hi"),
            (f"hi <@!{BOT}>", "hi"),
        ],
    )
    def test_markup_becomes_words(self, content: str, words: str) -> None:
        mentions = [{"id": BO, "username": "bo", "global_name": "Bo"}]
        assert to_words(message(content=content, mentions=mentions), BOT) == words


class TestInteractions:
    def test_a_command_asks(self) -> None:
        assert read_interaction(ask()) == (
            Said(
                Chat(ANN, DM.address, locale="de", name="Ann"),
                "i:846462639134605312",
                text="where is it?",
            ),
        )

    def test_in_a_server_the_person_is_a_member(self) -> None:
        where = {"guild_id": GUILD, "channel_id": CHANNEL, "context": 0}
        payload = ask(**where, member={"user": HERS, "roles": []})
        del payload["user"]
        [found] = read_interaction(payload)
        assert isinstance(found, Said)
        assert (found.chat.user, found.chat.place) == (ANN, CHANNEL)

    def test_a_file_beside_the_question(self) -> None:
        payload = ask("see")
        payload["data"]["options"].append({"name": "file", "type": 11, "value": "701"})
        payload["data"]["resolved"] = {"attachments": {"701": file()}}
        [found] = read_interaction(payload)
        assert isinstance(found, Said)
        assert found.media[0].source == f" {file()['url']}"

    def test_a_pressed_button_says_its_words(self) -> None:
        [found] = read_interaction(press())
        assert isinstance(found, Said)
        assert found.text == "Where is it?"
        assert read_interaction(press("of-another-bot:x")) == ()

    def test_where_the_bot_may_not_write_nothing_is_asked(self) -> None:
        assert read_interaction(ask(context=2)) == ()

    def test_what_discord_is_told_at_once(self) -> None:
        assert answer_interaction({"type": 1}) == {"type": 1}
        assert answer_interaction(press()) == {"type": 6}
        assert answer_interaction(interaction(4, {})) == {"type": 8, "data": {"choices": []}}
        shown = answer_interaction(ask("where *is* it?\n@everyone"))
        assert shown["data"]["content"] == "> where \\*is\\* it?\n> @everyone"
        assert shown["data"]["allowed_mentions"] == {"parse": []}
        assert len(answer_interaction(ask("*" * 6000))["data"]["content"]) <= 2000
        assert answer_interaction(ask(""))["data"]["content"]

    @pytest.mark.parametrize(
        "broken",
        [{}, {"type": 2}, {"type": 2, "data": {}}, interaction(3, {}), ask(user=None, member=5),
         interaction(2, {"type": 1, "options": [{"type": 11, "value": "1"}]})],
    )  # fmt: skip
    def test_what_makes_no_sense_is_malformed(self, broken: dict[str, Any]) -> None:
        with pytest.raises(Malformed):
            read_interaction(broken)


FULL = in_guild(
    type=19, attachments=[file(duration_secs=1.0)], edited_timestamp="x",
    referenced_message=message(author=MINE, content="?"),
    sticker_items=[{"id": "5", "name": "wave", "format_type": 1}],
    message_snapshots=[{"message": {"content": "x", "attachments": [file()]}}],
)  # fmt: skip
ASKED = ask(guild_id=GUILD, member={"user": HERS})
REACTION = {"user_id": ANN, "channel_id": DIRECT, "message_id": "9", "emoji": {"name": "x"}}


@given(broken(FULL), broken(REACTION))
def test_whatever_a_message_holds_it_is_read_or_malformed(written: Any, reaction: Any) -> None:
    for read in (read_message, read_change):
        with suppress(Malformed):
            read(written, BOT)
    with suppress(Malformed):
        read_reaction(reaction, BOT, added=True)
    with suppress(Malformed):
        read_typing(reaction, BOT)


@given(broken(ASKED) | broken(press()))
def test_whatever_an_interaction_holds_it_is_read_or_malformed(payload: Any) -> None:
    with suppress(Malformed):
        read_interaction(payload)
    with suppress(Malformed):
        answer_interaction(payload)
