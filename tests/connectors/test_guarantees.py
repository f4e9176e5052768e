"""What every messaging app is promised, by Telegram and by processes that are killed: each message
answered once, in order, and nothing lost."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from bot import keys
from bot.channel_settings import TelegramSection
from bot.dead_letters import DeadLetters
from bot.messages import Reply
from bot.store import Store
from connectors.messaging.events import Chat, Withdrawn
from connectors.messaging.intake import conversation_id
from connectors.telegram import Telegram
from tests.connectors.messaging.desk_process import DeskProcess
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.stand_in import Call
from tests.connectors.messaging.telegram_api import (
    SECRET,
    TOKEN,
    BotApi,
    refusal,
    update,
    webhooks,
)

CHAT = Chat("77", {"chat": "77", "thread": ""}, locale="en")
CONVERSATION = conversation_id(Telegram.channel, TOKEN.partition(":")[0], CHAT)
NOWHERE = "http://127.0.0.1:1"
THREE_PARTS = "&" * 2_000
"""Its answer is longer than two messages: each sign is five letters in Telegram's HTML."""


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    api = BotApi()
    async with api.serving():
        yield api


@asynccontextmanager
async def desk(redis_url: str, folder: Path, api_url: str) -> AsyncIterator[DeskProcess]:
    """A desk in a process of its own; killed at the end, if not before."""
    process = DeskProcess(redis_url, folder, api_url)
    try:
        yield process
    finally:
        process.kill()


async def until(condition: Callable[[], Any], limit_s: float = 60) -> None:
    """Poll what another process does; a condition may be awaitable."""
    async with asyncio.timeout(limit_s):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.02)  # what another process does wakes nobody here


async def outbox_is_empty(store: Store) -> bool:
    return not await store.run("XLEN", keys.outbox(keys.partition_of(CONVERSATION)))


async def replies(store: Store) -> int:
    return sum(b'"type":"reply"' in row[1][1] for row in await _log(store))


async def _log(store: Store) -> list[Any]:
    found: list[Any] = await store.run("XRANGE", keys.log(CONVERSATION), "-", "+")
    return found


class TestProcesses:
    async def test_each_webhook_three_times_from_two_processes_is_answered_once(
        self, store: Store, redis_url: str, tmp_path: Path, api: BotApi
    ) -> None:
        async with (
            desk(redis_url, tmp_path, api.url) as one,
            desk(redis_url, tmp_path, api.url) as other,
            webhooks(await one.url()) as first,
            webhooks(await other.url()) as second,
        ):
            for number in range(1, 6):
                body = update(number, text=f"question {number}")
                ways = [each.deliver(body) for each in (first, second) for _ in range(3)]
                assert set(await asyncio.gather(*ways)) == {200}
                await until(lambda n=number: len(api.sent) >= n)
            await until(lambda: outbox_is_empty(store))
        assert api.texts() == [f"You said: question {number}" for number in range(1, 6)]
        assert len(await _log(store)) == 10

    async def test_a_kill_between_the_answer_and_the_provider_costs_no_answer(
        self, store: Store, redis_url: str, tmp_path: Path, api: BotApi
    ) -> None:
        async with (
            desk(redis_url, tmp_path, NOWHERE) as first,  # Telegram is never reached
            webhooks(await first.url()) as telegram,
        ):
            assert await telegram.deliver(update(1, text="hello")) == 200
            await until(lambda: _is(replies(store), 1))
            first.kill()
        assert api.sent == []
        async with desk(redis_url, tmp_path, api.url) as second:
            await second.url()
            await until(lambda: outbox_is_empty(store))
        assert api.texts() == ["You said: hello"]

    async def test_a_kill_in_the_middle_of_a_reply_sends_the_rest_of_it_once(
        self, store: Store, redis_url: str, tmp_path: Path, api: BotApi
    ) -> None:
        taken, hang = api._handlers["POST", api.method("sendMessage")], asyncio.Event()

        async def stops_after_the_first(call: Call) -> Response:
            if api.sent:
                await hang.wait()
                return refusal(500, "too late")
            answer = taken(call)
            assert isinstance(answer, Response)
            return answer

        api.answer("POST", api.method("sendMessage"), stops_after_the_first)
        async with (
            desk(redis_url, tmp_path, api.url) as first,
            webhooks(await first.url()) as telegram,
        ):
            await telegram.deliver(update(1, text=THREE_PARTS))
            await api.wait(api.method("sendMessage"), 2)
            first.kill()
        hang.set()
        assert len(api.sent) == 1
        api.answer("POST", api.method("sendMessage"), taken)
        async with desk(redis_url, tmp_path, api.url) as second:
            await second.url()
            await until(lambda: outbox_is_empty(store))
        assert len(api.sent) == 3
        assert "".join(api.texts()).count("&amp;") == 2_000

    async def test_a_kill_before_the_answer_is_made_costs_no_answer(
        self, store: Store, redis_url: str, tmp_path: Path, api: BotApi
    ) -> None:
        settings = TelegramSection(token=TOKEN, secret=SECRET, api=api.url)
        taking = ChannelSite(store, tmp_path)
        apps = {"telegram": ("connectors.telegram", settings)}
        async with taking.open(apps, answers=False), webhooks(taking.url) as telegram:
            assert await telegram.deliver(update(1, text="hello")) == 200
        async with desk(redis_url, tmp_path, api.url) as process:
            await process.url()
            await until(lambda: outbox_is_empty(store) if api.sent else False)
        assert api.texts() == ["You said: hello"]


async def _is(found: Any, wanted: int) -> bool:
    return bool(await found == wanted)


@asynccontextmanager
async def open_site(site: ChannelSite, api: BotApi, **options: Any) -> AsyncIterator[ChannelSite]:
    settings = TelegramSection(token=TOKEN, secret=SECRET, api=api.url)
    async with site.open({"telegram": ("connectors.telegram", settings)}, **options):
        yield site


class TestOrder:
    async def test_replies_stay_in_order_while_the_provider_fails_in_turns(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        taken = api._handlers["POST", api.method("sendMessage")]
        troubles = itertools.cycle(
            [
                lambda: refusal(429, "Too Many Requests", retry_after=0),
                None,
                lambda: refusal(502, "Bad Gateway"),
                None,
                lambda: JSONResponse({}, 503, headers={"retry-after": "0"}),
                None,
            ]
        )

        def moody(call: Call) -> Any:
            trouble = next(troubles)
            return trouble() if trouble else taken(call)

        api.answer("POST", api.method("sendMessage"), moody)
        async with open_site(channels, api) as site, webhooks(site.url) as telegram:
            for number in range(1, 7):
                assert await telegram.deliver(update(number, text=f"question {number}")) == 200
                await until(lambda n=number: _is(replies(site.store), n))
            await until(lambda: len(api.sent) == 6)
            await until(lambda: outbox_is_empty(site.store))
        assert api.texts() == [f"You said: question {number}" for number in range(1, 7)]

    async def test_a_retried_reply_sends_only_the_parts_that_were_not_sent(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        taken = api._handlers["POST", api.method("sendMessage")]

        def blocked_after_the_first(call: Call) -> Any:
            return refusal(403, "Forbidden: bot was blocked") if api.sent else taken(call)

        api.answer("POST", api.method("sendMessage"), blocked_after_the_first)
        async with open_site(channels, api) as site, webhooks(site.url) as telegram:
            letters = DeadLetters(site.store, 3600)
            await telegram.deliver(update(1, text=THREE_PARTS))
            await until(letters.failed)
            [letter] = await letters.failed()
            assert "blocked" in letter.reason
            assert len(api.sent) == 1
            api.answer("POST", api.method("sendMessage"), taken)
            assert await letters.retry(letter.id)
            await until(lambda: outbox_is_empty(site.store) if len(api.sent) > 2 else False)
        assert len(api.sent) == 3
        assert "".join(api.texts()).count("&amp;") == 2_000


class TestChanges:
    """Deleted and corrected messages, whenever the word of it comes. Telegram reports corrections
    alone; what is deleted is told to the desk as the apps that report it do."""

    async def withdraw(self, site: ChannelSite, number: int) -> None:
        intake = site.messaging._intakes["telegram"]
        await intake.take(Withdrawn(CHAT, f"77:{number}"))

    async def test_deleted_before_the_answer_there_is_none(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site, webhooks(site.url) as telegram:
            await telegram.deliver(update(1, text="my card number is 4711"))
            await self.withdraw(site, 1)
            assert not await site.log("telegram", CHAT)
        async with open_site(channels, api) as site, webhooks(site.url) as telegram:
            await telegram.deliver(update(2, text="hello"))
            await until(lambda: len(api.sent) == 1)
        assert api.texts() == ["You said: hello"]

    async def test_deleted_after_the_answer_the_words_are_forgotten(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        async with open_site(channels, api) as site, webhooks(site.url) as telegram:
            await telegram.deliver(update(1, text="my card number is 4711"))
            await until(lambda: len(api.sent) == 1)
            await self.withdraw(site, 1)
            [left] = await site.log("telegram", CHAT)
            assert isinstance(left.item, Reply)
            await telegram.deliver(update(1, text="my card number is 4711"))  # delivered again
            await telegram.deliver(update(2, text="hello"))
            await until(lambda: len(api.sent) == 2)
            assert len(await site.messages("telegram", CHAT)) == 1
        assert api.texts()[1] == "You said: hello"

    async def test_deleted_before_it_came_it_is_never_taken(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        async with open_site(channels, api) as site, webhooks(site.url) as telegram:
            await self.withdraw(site, 1)
            assert await telegram.deliver(update(1, text="my card number is 4711")) == 200
            await telegram.deliver(update(2, text="hello"))
            await until(lambda: len(api.sent) == 1)
            [left] = await site.messages("telegram", CHAT)
        assert left.text == "hello"
        assert api.texts() == ["You said: hello"]

    async def test_corrected_after_the_answer_the_correction_is_answered_once(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        edited = update(1, text="where is order 2?")["message"] | {"edit_date": 5}
        async with open_site(channels, api) as site, webhooks(site.url) as telegram:
            await telegram.deliver(update(1, text="where is order 1?"))
            await until(lambda: len(api.sent) == 1)
            for _ in range(3):
                await telegram.deliver({"update_id": 9, "edited_message": edited})
            await until(lambda: len(api.sent) == 2)
            await until(lambda: outbox_is_empty(site.store))
            with contextlib.suppress(TimeoutError):
                await until(lambda: len(api.sent) > 2, limit_s=0.3)
        assert api.texts() == ["You said: where is order 1?", "You said: where is order 2?"]

    async def test_a_correction_that_comes_before_its_message_stands(
        self, channels: ChannelSite, api: BotApi
    ) -> None:
        edited = update(1, text="where is order 2?")["message"] | {"edit_date": 5}
        async with open_site(channels, api, answers=False) as site, webhooks(site.url) as telegram:
            await telegram.deliver({"update_id": 9, "edited_message": edited})
            await telegram.deliver(update(1, text="where is order 1?"))
        async with open_site(channels, api):
            await until(lambda: len(api.sent) == 1)
        assert api.texts() == ["You said: where is order 2?"]
