"""One customer in several apps: how they link them, what then goes on across, and what does not."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bot import keys, texts
from bot.channel import Receipt
from bot.desk import FrontDesk
from bot.draft import Draft
from bot.errors import CustomerError
from bot.history import Past
from bot.messages import (
    ChannelName,
    ConversationId,
    CustomerId,
    Message,
    MessageId,
    Reply,
    ReplyKind,
    new_id,
)
from bot.policy import Decision
from bot.store import Store
from bot.understanding import Understanding
from tests.builders import EchoPolicy, RecordingConnector, build_desk, running, wait_until


class Asking(EchoPolicy):
    """Says back what it understood, in which language, after what; asks back where told to."""

    async def decide(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
        before = [entry.item.text for entry in past.entries if isinstance(entry.item, Message)]
        self.asked.append(understanding.typed)
        return Decision(
            ReplyKind.ANSWER,
            f"{understanding.language}: {understanding.typed} | {' / '.join(before)}",
            why="echo",
            suggestions=("Red ones", "Blue ones") if "which" in understanding.typed else (),
        )


class App:
    """An app and its one customer."""

    def __init__(self, channel: str, customer: str, desk: FrontDesk, *, locale: str = "") -> None:
        self.channel = ChannelName(channel)
        self.customer = CustomerId(customer)
        self.conversation = ConversationId(f"con_{channel}_{customer}")
        self.locale = locale
        self._desk = desk
        self._connector = RecordingConnector()
        self._connector.channel = self.channel
        desk.connect(self._connector)
        self._seen = 0

    async def send(self, text: str, *, verified: str = "", shared: bool = False) -> Receipt:
        sent = Message(
            id=MessageId(new_id("m")),
            channel=self.channel,
            conversation=self.conversation,
            customer=self.customer,
            text=text,
            locale=self.locale,
            sent_at=time.time(),
            shared=shared,
        )
        return await self._desk.accept(sent, "{}", (verified,) if verified else ())

    async def next(self) -> Reply:
        """The next reply that has not been looked at."""
        self._seen += 1
        return (await self._connector.replies(self._seen))[self._seen - 1]

    async def says(self, text: str, **how: object) -> str:
        """Send a message; gives the answer's text."""
        await self.send(text, **how)
        return (await self.next()).text

    async def code(self) -> str:
        found = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{2}\b", await self.says("LINK"))
        assert found
        return found[0]


@pytest.fixture
async def desk(store: Store, folder: Path) -> AsyncIterator[FrontDesk]:
    desk = build_desk(store, folder, Asking())
    async with running(desk):
        yield desk


@pytest.fixture
def telegram(desk: FrontDesk) -> App:
    return App("telegram", "cus_t", desk)


@pytest.fixture
def whatsapp(desk: FrontDesk) -> App:
    return App("whatsapp", "cus_w", desk)


async def linked(one: App, other: App) -> None:
    """Link two apps, and look at what both are told."""
    assert "one customer" in await other.says(f"LINK {await one.code()}")
    assert "has just been linked" in (await one.next()).text


class TestCommands:
    async def test_both_sides_are_told_and_by_which_app(self, telegram: App, whatsapp: App) -> None:
        await telegram.send("LINK")
        offered = await telegram.next()
        code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{2}", offered.text)
        assert code
        assert offered.kind is ReplyKind.NOTICE
        assert "10 minutes" in offered.text
        answer = await whatsapp.says(f"link {code[0].lower()}")
        assert "I know you here and in Telegram as one customer now" in answer
        told = await telegram.next()
        assert "linked with WhatsApp" in told.text
        assert "UNLINK" in told.text
        assert (told.kind, told.turn, told.conversation) == (
            ReplyKind.NOTICE,
            "",
            telegram.conversation,
        )

    async def test_the_other_side_is_told_in_its_own_language(
        self, desk: FrontDesk, whatsapp: App
    ) -> None:
        german = App("webchat", "cus_g", desk, locale="de")
        answer = await german.says("LINK")
        assert "Ihr Code ist" in answer
        code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{2}", answer)
        assert code
        assert "the chat on our website" in await whatsapp.says(f"LINK {code[0]}")
        assert "Gespräch wurde gerade mit WhatsApp verknüpft" in (await german.next()).text

    async def test_a_used_a_wrong_and_an_own_code_are_told_apart_from_success(
        self, desk: FrontDesk, telegram: App, whatsapp: App
    ) -> None:
        eve = App("line", "cus_eve", desk)
        code = await telegram.code()
        assert "given to you here" in await telegram.says(f"LINK {code}")
        assert "one customer" in await whatsapp.says(f"LINK {code}")
        assert "not valid" in await eve.says(f"LINK {code}")
        assert "not valid" in await eve.says("LINK 4F7K-QO")
        for _ in range(4):
            assert "not valid" in await eve.says("LINK 2222-22")
        assert "too many wrong codes" in await eve.says(f"LINK {await whatsapp.code()}")
        assert await desk._people.of(eve.customer) == [eve.customer]

    async def test_a_code_is_not_shown_where_others_read_along(self, telegram: App) -> None:
        answer = await telegram.says("LINK", shared=True)
        assert "private conversation" in answer
        assert not re.search(r"[0-9A-Z]{4}-[0-9A-Z]{2}", answer)

    async def test_a_question_beside_a_command_is_answered_too(
        self, desk: FrontDesk, telegram: App
    ) -> None:
        policy = desk._runner._manager._policy
        assert isinstance(policy, Asking)
        held = asyncio.Event()
        look = desk._history.before

        async def slowly(*arguments: object) -> Past:
            await held.wait()
            return await look(*arguments)

        desk._history.before = slowly
        await telegram.send("LINK")
        await telegram.send("Where is my order please?")
        held.set()
        answer = (await telegram.next()).text
        assert "Your code is" in answer
        assert answer.endswith("en: Where is my order please? | ")
        assert policy.asked == ["Where is my order please?"]

    async def test_the_knowledge_is_not_asked_about_a_command(
        self, desk: FrontDesk, telegram: App
    ) -> None:
        for command in ("LINK", "UNLINK", "LINK 2222-22"):
            await telegram.says(command)
        policy = desk._runner._manager._policy
        assert isinstance(policy, Asking)
        assert policy.asked == []

    async def test_a_code_is_not_spoken(self, telegram: App) -> None:
        await telegram.says("Please answer by voice, where is my order?")
        await telegram.send("LINK")
        assert (await telegram.next()).speech == ()

    @pytest.mark.parametrize("language", texts.languages())
    async def test_every_sentence_is_there_in_every_language(
        self, desk: FrontDesk, language: str
    ) -> None:
        one = App("telegram", "cus_t", desk, locale=language)
        other = App("webchat", "cus_w", desk, locale=language)
        code = await one.code()
        said = [await one.says(f"LINK {code}"), await other.says("UNLINK")]
        said += [await other.says(f"LINK {code}"), (await one.next()).text]
        said += [await other.says(f"LINK {await one.code()}"), await other.says("UNLINK")]
        said += [await other.says(f"LINK {code}"), await one.says("LINK", shared=True)]
        wanted = ("link_own", "unlink_nothing", "link_done", "link_told", "link_already")
        wanted += ("unlink_done", "link_wrong", "link_shared")
        for text, name in zip(said, wanted, strict=True):
            app = "Telegram" if name != "link_told" else texts.say("app_webchat", language)
            assert text == texts.say(name, language, app=app)


class TestAcross:
    async def test_what_was_asked_in_one_app_goes_on_in_the_other(
        self, telegram: App, whatsapp: App
    ) -> None:
        await telegram.says("I have the router XR-5")
        assert await whatsapp.says("is it fast") == "en: is it fast | "
        await linked(telegram, whatsapp)
        answer = await whatsapp.says("does it get warm")
        assert answer == "en: does it get warm | I have the router XR-5 / is it fast"
        assert (await telegram.says("and loud too")).endswith("is it fast / does it get warm")

    async def test_the_newest_of_all_conversations_count_though_this_one_is_long(
        self, telegram: App, whatsapp: App
    ) -> None:
        await linked(telegram, whatsapp)
        for number in range(8):
            await telegram.says(f"old question {number}")
        await whatsapp.says("does the blue one float")
        answer = await telegram.says("and the red one")
        assert answer.endswith(
            "old question 3 / old question 4 / old question 5 / old question 6 / old question 7 / "
            "does the blue one float"
        )

    async def test_a_question_that_was_left_open_is_answered_in_the_other_app(
        self, telegram: App, whatsapp: App
    ) -> None:
        await telegram.says("which shoes are there")
        await linked(telegram, whatsapp)
        assert (await whatsapp.says("2")).startswith("en: Blue ones | ")

    async def test_a_number_answers_what_stands_before_the_customer_s_eyes(
        self, desk: FrontDesk, telegram: App, whatsapp: App
    ) -> None:
        await linked(telegram, whatsapp)
        await telegram.says("which shoes are there")
        await whatsapp.says("do you have socks")
        assert (await telegram.says("1")).startswith("en: Red ones | ")

    async def test_the_language_follows(self, desk: FrontDesk, telegram: App) -> None:
        widget = App("webchat", "cus_w", desk, locale="en")
        assert (await telegram.says("Wo ist denn meine Bestellung?")).startswith("de: ")
        assert (await widget.says("ok")).startswith("en: ")
        await linked_in_german(telegram, widget)
        assert (await widget.says("ok")).startswith("de: ")

    async def test_how_they_want_to_be_answered_follows(self, telegram: App, whatsapp: App) -> None:
        await telegram.says("Please answer by voice from now on")
        await linked(telegram, whatsapp)
        await whatsapp.send("where is my order")
        assert (await whatsapp.next()).speech

    async def test_conversations_stay_their_own(
        self, desk: FrontDesk, telegram: App, whatsapp: App
    ) -> None:
        await linked(telegram, whatsapp)
        await telegram.says("I have a secret")
        assert "secret" not in str(await desk.entries(whatsapp.conversation))
        [own] = await desk.conversations(whatsapp.customer)
        assert own.id == whatsapp.conversation

    async def test_in_a_group_nothing_is_known_from_elsewhere(
        self, telegram: App, whatsapp: App
    ) -> None:
        await linked(telegram, whatsapp)
        await telegram.says("I have an illness")
        assert await whatsapp.says("what do I have", shared=True) == "en: what do I have | "

    async def test_who_unlinks_is_known_no_more_and_keeps_their_own(
        self, telegram: App, whatsapp: App
    ) -> None:
        await linked(telegram, whatsapp)
        await telegram.says("I have the router XR-5")
        await whatsapp.says("is it fast")
        assert "on your own again" in await whatsapp.says("UNLINK")
        assert await whatsapp.says("still there") == "en: still there | is it fast"
        assert (await telegram.says("hm hm")).endswith("| I have the router XR-5")

    async def test_three_apps_are_one_customer(
        self, desk: FrontDesk, telegram: App, whatsapp: App
    ) -> None:
        line = App("line", "cus_l", desk)
        await linked(telegram, whatsapp)
        await linked(whatsapp, line)
        await telegram.says("I have the router XR-5")
        assert (await line.says("is it fast")).endswith("| I have the router XR-5")

    async def test_a_verified_number_links_from_the_first_message_on(
        self, desk: FrontDesk, telegram: App, whatsapp: App
    ) -> None:
        await telegram.says("I have the router XR-5", verified="tel:+4712345678")
        answer = await whatsapp.says("is it fast", verified="tel:+47 12 34 56 78")
        assert answer.endswith("| I have the router XR-5")
        stranger = App("line", "cus_l", desk)
        assert await stranger.says("is it fast", verified="tel:+4712345679") == "en: is it fast | "

    async def test_what_comes_later_in_another_app_is_not_before(
        self, desk: FrontDesk, telegram: App, whatsapp: App
    ) -> None:
        await linked(telegram, whatsapp)
        receipt = await telegram.send("first")
        await telegram.next()
        [earlier] = [e.item for e in await desk.entries(telegram.conversation, receipt.seq - 1, 2)][
            :1
        ]
        assert isinstance(earlier, Message)
        await whatsapp.says("second")
        past = await desk._history.before(earlier, receipt.seq)
        assert past.entries == ()


async def linked_in_german(one: App, other: App) -> None:
    await other.says(f"LINK {await one.code()}")
    await one.next()


class TestNotices:
    async def test_one_comes_once_and_in_its_place_in_the_log(
        self, desk: FrontDesk, store: Store, telegram: App, whatsapp: App
    ) -> None:
        await linked(telegram, whatsapp)
        [notice] = [
            entry.item
            for entry in await desk.entries(telegram.conversation)
            if isinstance(entry.item, Reply) and "linked with" in entry.item.text
        ]
        outbox = desk._runner._outbox
        await asyncio.gather(*(outbox.tell(notice) for _ in range(3)))
        await wait_until(lambda: not outbox._lanes)
        entries = await desk.entries(telegram.conversation)
        assert [entry.seq for entry in entries] == [1, 2, 3]
        assert await store.run("XLEN", keys.outbox(keys.partition_of(telegram.conversation))) == 0

    async def test_a_forgotten_conversation_is_told_nothing(
        self, desk: FrontDesk, store: Store, telegram: App, whatsapp: App
    ) -> None:
        await linked(telegram, whatsapp)
        [*_, last] = await desk.entries(telegram.conversation)
        assert isinstance(last.item, Reply)
        gone = msgspec.structs.replace(
            last.item, conversation=ConversationId("con_gone"), id="rep_gone"
        )
        await desk._runner._outbox.tell(gone)
        assert not await store.run("KEYS", "*con_gone*")


async def test_nobody_is_shown_another_s_conversation_by_naming_it(
    desk: FrontDesk, telegram: App
) -> None:
    await telegram.says("I have the router XR-5")
    eve = App("telegram", "cus_eve", desk)
    eve.conversation = telegram.conversation
    with pytest.raises(CustomerError, match="unknown_conversation"):
        await eve._desk.accept(
            Message(MessageId("m"), eve.channel, eve.conversation, eve.customer, "hi", sent_at=1.0)
        )
    assert await desk.conversations(eve.customer) == []
