"""Telegram: what the Bot API sends, what it is sent, and who may speak for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from bot.channel_settings import TelegramSection
from connectors.messaging.events import Chat
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
