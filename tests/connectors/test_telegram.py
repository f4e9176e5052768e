"""Telegram: what the Bot API sends, what it is sent, and who may speak for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from bot.channel_settings import TelegramSection
from bot.messages import AttachmentKind
from connectors.messaging.events import Chat, Reacted, Said
from connectors.messaging.hook import Malformed
from connectors.telegram import parse
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.stand_in import Call
from tests.connectors.messaging.telegram_api import (
    ANN,
    PRIVATE,
    SECRET,
    TOKEN,
    BotApi,
    refusal,
    update,
)

GROUP = {"id": -100200, "type": "supergroup", "title": "Shop", "is_forum": True}
CHAT = Chat("77", {"chat": "77", "thread": ""}, locale="en")


def said(**content: Any) -> Said:
    [event] = parse(update(1, **content))
    assert isinstance(event, Said)
    return event


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    api = BotApi()
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: BotApi, *, secret: str = SECRET, **options: Any
) -> AsyncIterator[ChannelSite]:
    settings = TelegramSection(token=TOKEN, secret=secret, api=api.url)
    async with channels.open({"telegram": ("connectors.telegram", settings)}, **options):
        yield channels


async def deliver(site: ChannelSite, body: Mapping[str, Any] | bytes, secret: str = SECRET) -> int:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret, "Content-Type": "application/json"}
    return (await site.post("telegram", content, headers)).status_code


class TestParsing:
    def test_words(self) -> None:
        found = said(text="Where is my order?")
        assert found.text == "Where is my order?"
        assert found.id == "77:1"
        assert found.chat == CHAT

    def test_start_greets_and_keeps_what_follows_it(self) -> None:
        assert said(text="/start").joined
        assert said(text="/start").text == ""
        assert said(text="/help@shop_bot").joined
        assert said(text="/start order-7").text == "order-7"

    def test_other_commands_are_words(self) -> None:
        assert said(text="/track 7").text == "/track 7"
        assert not said(text="/track 7").joined
        assert said(text="/ask where is it?").text == "where is it?"

    def test_a_photo_is_its_largest_size_and_has_its_caption(self) -> None:
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
    def test_each_kind_of_file(self, name: str, file: Any, kind: AttachmentKind) -> None:
        [medium] = said(**{name: file | {"file_id": "f"}}).media
        assert (medium.kind, medium.source) == (kind, "f")

    def test_an_animation_is_one_file_though_it_comes_as_two(self) -> None:
        file = {"file_id": "f", "duration": 2, "mime_type": "video/mp4"}
        assert len(said(animation=file, document=file).media) == 1

    def test_a_reply_brings_the_words_it_answers(self) -> None:
        earlier = {"message_id": 4, "date": 1, "chat": PRIVATE, "text": "A or B?"}
        assert said(text="B", reply_to_message=earlier).quote == "A or B?"
        chosen = {"text": "B?", "position": 5}
        assert said(text="yes", reply_to_message=earlier, quote=chosen).quote == "B?"

    def test_places_and_people_become_words(self) -> None:
        location = {"latitude": 59.91, "longitude": 10.75}
        assert said(location=location).text == "59.91000, 10.75000"
        venue = {"location": location, "title": "Shop", "address": "High St 1"}
        assert "Shop, High St 1" in said(location=location, venue=venue).text
        contact = {"first_name": "Bo", "last_name": "Li", "phone_number": "+4712345678"}
        assert said(contact=contact).text == "Bo Li +4712345678"

    def test_what_is_not_understood_is_named(self) -> None:
        assert said(poll={"id": "1", "question": "?"}).unsupported == ("poll",)
        assert said(story={"id": 1}, text="see").unsupported == ("story",)
        assert said(something_of_next_year={}).unsupported == ("something_of_next_year",)

    def test_an_edit_replaces_its_message_each_time(self) -> None:
        message = update(1, text="B, sorry")["message"] | {"edit_date": 1700000009}
        [event] = parse({"update_id": 2, "edited_message": message})
        assert isinstance(event, Said)
        assert (event.text, event.replaces, event.id) == ("B, sorry", "77:1", "77:1:1700000009")

    def test_a_pressed_button_says_its_words(self) -> None:
        query = {
            "id": "q1", "from": ANN, "data": "Where is it?",
            "message": {"message_id": 3, "date": 1, "chat": PRIVATE},
        }  # fmt: skip
        [event] = parse({"update_id": 2, "callback_query": query})
        assert isinstance(event, Said)
        assert (event.text, event.chat.address["chat"]) == ("Where is it?", "77")

    def test_a_reaction_wants_no_answer(self) -> None:
        reaction = {
            "chat": PRIVATE, "message_id": 3, "user": ANN, "date": 1,
            "old_reaction": [], "new_reaction": [{"type": "emoji", "emoji": "👍"}],
        }  # fmt: skip
        [event] = parse({"update_id": 2, "message_reaction": reaction})
        assert event == Reacted(Chat("77", {"chat": "77", "thread": ""}, locale="en"), "77:3", "👍")

    def test_in_a_group_each_topic_and_person_is_a_conversation(self) -> None:
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
    def test_what_nobody_said_is_no_message(self, content: Any) -> None:
        assert parse(update(1, **content)) == ()

    @pytest.mark.parametrize(
        "broken",
        [{"message": 5}, {"message": {}}, {"message": {"from": {}, "chat": {}}},
         {"edited_message": {"chat": {"id": 1}}}, {"callback_query": []},
         update(1, photo=[{}]), update(1, document={"file_size": "x"})],
    )  # fmt: skip
    def test_what_makes_no_sense_is_malformed(self, broken: Any) -> None:
        with pytest.raises(Malformed):
            parse(broken)


class TestWebhook:
    async def test_a_forged_request_changes_nothing(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, update(1, text="hi"), secret="wrong") == 401
            assert await deliver(site, update(1, text="hi"), secret="") == 401
            assert await site.nothing_was_taken()

    async def test_without_a_secret_no_webhook_is_believed(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        async with open_site(channels, api, secret="", answers=False) as site:
            assert await deliver(site, update(1, text="hi"), secret="") == 401
            assert await site.nothing_was_taken()

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"message": 7}'])
    async def test_a_truncated_or_senseless_body_is_refused(
        self, channels: ChannelSite, api: BotApi, body: bytes
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, body) == 400
            assert await site.nothing_was_taken()

    async def test_a_button_is_acknowledged_in_the_answer(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        query = {
            "id": "q1", "from": ANN, "data": "yes",
            "message": {"message_id": 3, "date": 1, "chat": PRIVATE},
        }  # fmt: skip
        async with open_site(channels, api, answers=False) as site:
            body = json.dumps({"update_id": 1, "callback_query": query}).encode()
            headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
            answer = await site.post("telegram", body, headers)
        assert answer.json() == {"method": "answerCallbackQuery", "callback_query_id": "q1"}


class TestConversation:
    async def test_words_a_voice_note_and_a_screenshot(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        api.keep("v1", voice_note())
        api.keep("p1", shown())
        async with open_site(channels, api) as site:
            await deliver(site, update(1, text="Hello *there* <b>"))
            [first] = await api.wait(api.method("sendMessage"))
            assert first.json()["text"] == "You said: Hello <i>there</i> &lt;b&gt;"
            assert first.json()["chat_id"] == "77"

            voice = {"file_id": "v1", "duration": 2, "mime_type": "audio/ogg"}
            await deliver(site, update(2, voice=voice))
            [spoken] = await api.wait(api.method("sendVoice"))
            name, data = spoken.form["voice"]
            assert name == "answer.ogg"
            assert data.startswith(b"OggS")
            [heard] = (await site.messages("telegram", CHAT))[1:]
            assert heard.attachments[0].source == "v1"
            texts = [each.json()["text"] for each in api.made(api.method("sendMessage"))]
            edits = [each.json()["text"] for each in api.made(api.method("editMessageText"))]
            assert any(SPOKEN.casefold() in each.casefold() for each in texts + edits)

            photo = [{"file_id": "p1", "width": 800, "height": 400}]
            await deliver(site, update(3, photo=photo, caption="what is this?"))
            last = (await api.wait(api.method("sendMessage"), 3))[-1]
            assert SHOWN in last.json()["text"]

    async def test_an_album_is_answered_once(self, channels: ChannelSite, api: BotApi) -> None:
        api.keep("p1", shown())
        api.keep("p2", shown("image/png"))
        async with open_site(channels, api) as site:
            for number in (1, 2):
                photo = [{"file_id": f"p{number}", "width": 800, "height": 400}]
                await deliver(site, update(number, photo=photo, media_group_id="g"))
            await deliver(site, update(3, text="what is wrong here?"))
            [answer] = await api.wait(api.method("sendMessage"))
            assert answer.json()["text"].count(SHOWN) == 2
            assert len(await site.replies("telegram", CHAT)) == 1

    async def test_a_duplicate_is_taken_once(self, channels: ChannelSite, api: BotApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            statuses = await asyncio.gather(
                *(deliver(site, update(1, text="hi")) for _ in range(3))
            )
            assert statuses == [200, 200, 200]
            assert len(await site.messages("telegram", CHAT)) == 1

    async def test_a_correction_is_answered_with_the_words_it_corrects_gone(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            await deliver(site, update(1, text="where is order 1?"))
            edited = update(1, text="where is order 2?")["message"] | {"edit_date": 5}
            await deliver(site, {"update_id": 9, "edited_message": edited})
        async with open_site(channels, api):
            [answer] = await api.wait(api.method("sendMessage"))
            assert answer.json()["text"] == "You said: where is order 2?"

    async def test_a_file_that_is_gone_is_told(self, channels: ChannelSite, api: BotApi) -> None:
        for _ in range(4):
            api.fail(api.method("getFile"), refusal(400, "Bad Request: file is too big"))
        async with open_site(channels, api) as site:
            document = {"file_id": "d1", "mime_type": "application/pdf", "file_size": 21 << 20}
            await deliver(site, update(1, document=document, caption="my invoice"))
            [answer] = await api.wait(api.method("sendMessage"))
        assert "You said: my invoice" in answer.json()["text"]

    async def test_too_many_requests_are_waited_for(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        api.fail(api.method("sendMessage"), refusal(429, "Too Many Requests", retry_after=1))
        async with open_site(channels, api) as site:
            await deliver(site, update(1, text="hi there"))
            calls = await api.wait(api.method("sendMessage"), 2)
        assert [call.json()["text"] for call in calls] == ["You said: hi there"] * 2

    async def test_a_blocked_bot_does_not_try_again(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        refused = refusal(403, "Forbidden: bot was blocked by the user")
        api.fail(api.method("sendMessage"), refused)
        async with open_site(channels, api) as site:
            await deliver(site, update(1, text="hi there"))
            await api.wait(api.method("sendMessage"))
            await deliver(site, update(2, text="and again"))
            calls = await api.wait(api.method("sendMessage"), 2)
        assert calls[-1].json()["text"] == "You said: and again"


class TestPolling:
    async def test_updates_are_fetched_and_confirmed_once_they_are_kept(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        waiting = [[update(1, text="hi there")], [{"update_id": 1002, "poll": {}}]]
        more = asyncio.Event()

        async def updates(call: Call) -> Response:
            if not waiting:
                await more.wait()
                return JSONResponse({"ok": True, "result": []})
            return JSONResponse({"ok": True, "result": waiting.pop(0)})

        api.answer("POST", api.method("getUpdates"), updates)
        async with open_site(channels, api, secret="") as site:
            [answer] = await api.wait(api.method("sendMessage"))
            polls = await api.wait(api.method("getUpdates"), 3)
            more.set()
            assert len(await site.messages("telegram", CHAT)) == 1
        assert answer.json()["text"] == "You said: hi there"
        assert [poll.json()["offset"] for poll in polls[:3]] == [0, 1002, 1003]


class TestOperator:
    async def test_the_account_is_named(self, channels: ChannelSite, api: BotApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            assert await provider.check() == "@shop_bot"

    async def test_the_webhook_is_registered_with_its_secret(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            await provider.register("https://desk.example/channels/telegram")
        [call] = api.made(api.method("setWebhook"))
        assert call.json()["secret_token"] == SECRET
        assert "message_reaction" in call.json()["allowed_updates"]
