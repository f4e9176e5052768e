"""Replies on their way to the app: each part once, in order, at the provider's pace; an answer
grows where the app allows it."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from bot import keys
from bot.channel import Delta, Typing
from bot.desk import FrontDesk
from bot.errors import DeliveryFailed, Unavailable
from bot.limiter import RedisLimiter
from bot.messages import (
    Attachment,
    AttachmentId,
    AttachmentKind,
    ChannelName,
    ConversationId,
    Message,
    MessageId,
    Reply,
    ReplyId,
    ReplyKind,
    TurnId,
)
from bot.store import Store
from connectors.limiter import Rate
from connectors.messaging import courier as module
from connectors.messaging.courier import Courier
from connectors.messaging.events import Chat
from connectors.messaging.intake import Intake
from connectors.messaging.render import Text, Voice
from tests.builders import EchoPolicy, build_desk, wait_until
from tests.connectors.messaging.pigeon import CAN, QUICK, Pigeon

ANN = Chat("ann", {"loft": "7"})
BEN = Chat("ben", {"loft": "8"})
LONG = "The first sentence is here. " * 5
SPEECH = Attachment(AttachmentId("att_aaaaaaaa"), AttachmentKind.AUDIO, "audio/ogg; codecs=opus", 9)


class Loft:
    """A courier with its pigeon, on a desk that does not answer by itself."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.desk: FrontDesk = build_desk(store, folder, EchoPolicy())
        self.now = time.time()
        self.open(Pigeon())

    def open(self, pigeon: Pigeon) -> None:
        """Send by this pigeon, as a desk that was started anew."""
        self.pigeon = pigeon
        self.courier = Courier(pigeon, self.desk, RedisLimiter(self.store), clock=lambda: self.now)
        self._intake = Intake(
            self.desk, pigeon.channel, pigeon.account, text_chars=8_000, attachments=10
        )

    async def hear(self, chat: Chat = ANN) -> ConversationId:
        """Have a customer write; gives their conversation."""
        conversation = self._intake.conversation(chat)
        message = Message(
            MessageId("m1"),
            self.pigeon.channel,
            conversation,
            self._intake.customer(chat),
            text="hello",
        )
        await self.desk.accept(message, msgspec.json.encode(chat.address).decode())
        return conversation

    async def reply(self, text: str = "Hi", *, chat: Chat = ANN, turn: str = "1") -> Reply:
        conversation = await self.hear(chat)
        return Reply(
            ReplyId(f"rep_{conversation}_{turn}"),
            self.pigeon.channel,
            conversation,
            self._intake.customer(chat),
            TurnId(turn),
            ReplyKind.ANSWER,
            text,
        )

    def grow(self, reply: Reply, text: str, at: int = 0) -> None:
        self.courier.show(Delta(reply.conversation, reply.id, at, text, reply.channel))


@pytest.fixture
async def loft(store: Store, tmp_path: Path) -> AsyncIterator[Loft]:
    loft = Loft(store, tmp_path)
    yield loft
    await loft.courier.close()


class TestParts:
    async def test_a_long_answer_is_several_messages_in_order_to_one_address(
        self, loft: Loft
    ) -> None:
        await loft.courier.deliver(await loft.reply(LONG), 2)
        assert loft.pigeon.texts == [
            "The first sentence is here. The first sentence is here. The first sentence is here.",
            "The first sentence is here. The first sentence is here.",
        ]
        assert [where for _, where, _ in loft.pigeon.calls] == [{"loft": "7"}] * 2

    async def test_what_was_sent_before_a_failure_is_not_sent_again(self, loft: Loft) -> None:
        reply = await loft.reply(LONG)
        loft.pigeon.failures.extend([None, DeliveryFailed("busy")])
        with pytest.raises(DeliveryFailed):
            await loft.courier.deliver(reply, 2)
        loft.open(Pigeon())
        await loft.courier.deliver(reply, 2)
        [text] = loft.pigeon.texts
        assert text == "The first sentence is here. The first sentence is here."

    async def test_a_part_that_is_sent_again_has_the_same_key(self, loft: Loft) -> None:
        reply = await loft.reply()
        loft.pigeon.failures.append(DeliveryFailed("the answer was lost"))
        with pytest.raises(DeliveryFailed):
            await loft.courier.deliver(reply, 2)
        await loft.courier.deliver(reply, 2)
        first, second = loft.pigeon.keys
        assert first == second

    async def test_a_reply_delivered_twice_is_sent_once(self, loft: Loft) -> None:
        reply = await loft.reply()
        await loft.courier.deliver(reply, 2)
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.texts == ["Hi"]

    async def test_a_redis_that_is_gone_for_a_moment_has_nothing_sent_twice(
        self, loft: Loft, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.001)
        note, refusals = loft.desk.note_part, [Unavailable("Redis does not answer")] * 2

        async def fails_twice(*arguments: str) -> None:
            if refusals:
                raise refusals.pop()
            await note(*arguments)

        monkeypatch.setattr(loft.desk, "note_part", fails_twice)
        reply = await loft.reply()
        await loft.courier.deliver(reply, 2)
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.texts == ["Hi"]

    async def test_a_channel_that_breaks_is_not_asked_for_ever(self, loft: Loft) -> None:
        """A provider's answer that nobody expected may mean that it was sent."""
        loft.pigeon.failures.append(KeyError("message_id"))
        with pytest.raises(DeliveryFailed) as raised:
            await loft.courier.deliver(await loft.reply(), 2)
        assert raised.value.permanent

    async def test_an_answer_by_voice_comes_after_its_words(self, loft: Loft) -> None:
        reply = msgspec.structs.replace(await loft.reply(), speech=(SPEECH,))
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.made("send") == [Text("Hi"), Voice(SPEECH)]

    @pytest.mark.parametrize(
        "error", [DeliveryFailed("no voices", permanent=True), KeyError("the file is gone")]
    )
    async def test_a_recording_that_cannot_be_sent_leaves_the_words(
        self, loft: Loft, error: Exception
    ) -> None:
        reply = msgspec.structs.replace(await loft.reply(), speech=(SPEECH,))
        loft.pigeon.failures.extend([None, error])
        await loft.courier.deliver(reply, 2)
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.made("send") == [Text("Hi"), Voice(SPEECH)]

    async def test_a_conversation_that_is_forgotten_cannot_be_written_to(self, loft: Loft) -> None:
        reply = await loft.reply()
        await loft.store.run("FLUSHALL")
        with pytest.raises(DeliveryFailed) as raised:
            await loft.courier.deliver(reply, 2)
        assert raised.value.permanent


class TestWindow:
    @pytest.mark.parametrize(("hours", "written"), [(23.9, True), (24.1, False)])
    async def test_nobody_is_written_to_after_the_window(
        self, loft: Loft, hours: float, written: bool
    ) -> None:
        loft.open(Pigeon(replace(CAN, window=timedelta(hours=24))))
        reply = await loft.reply()
        loft.now += hours * 3600
        if not written:
            with pytest.raises(DeliveryFailed, match="more than 24 hours ago"):
                await loft.courier.deliver(reply, 2)
        else:
            await loft.courier.deliver(reply, 2)
        assert bool(loft.pigeon.texts) is written

    async def test_a_new_message_opens_the_window_again(self, loft: Loft) -> None:
        loft.open(Pigeon(replace(CAN, window=timedelta(hours=24))))
        reply = await loft.reply()
        loft.now += 25 * 3600
        heard = str(int(loft.now * 1000))
        await loft.store.run("HSET", keys.conversation(reply.conversation), "heard", heard)
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.texts == ["Hi"]


class TestPace:
    async def test_a_chat_waits_for_its_own_limit_and_no_other_waits_with_it(
        self, loft: Loft
    ) -> None:
        loft.open(Pigeon(replace(CAN, chat_pace=Rate(per_minute=60, burst=1))))
        slow, quick = await loft.reply(LONG), await loft.reply("Hi Ben", chat=BEN)
        waiting = asyncio.create_task(loft.courier.deliver(slow, 2))
        await loft.pigeon.wait("send", 1)
        await loft.courier.deliver(quick, 2)
        assert not waiting.done()
        assert loft.pigeon.texts[-1] == "Hi Ben"
        await waiting
        assert len(loft.pigeon.texts) == 3

    async def test_what_all_share_is_waited_for_in_the_order_of_asking(self, loft: Loft) -> None:
        loft.open(Pigeon(replace(CAN, pace=Rate(per_minute=1_200, burst=1))))
        chats = [Chat(f"c{number}", {"loft": str(number)}) for number in range(6)]
        replies = [await loft.reply(f"Hi {chat.user}", chat=chat) for chat in chats]
        started = time.monotonic()
        await asyncio.gather(*(loft.courier.deliver(reply, 2) for reply in replies))
        assert loft.pigeon.texts == [f"Hi {chat.user}" for chat in chats]
        assert time.monotonic() - started > 0.05 * 4


class TestTyping:
    async def test_is_shown_again_until_the_answer_comes(self, loft: Loft) -> None:
        reply = await loft.reply()
        loft.courier.show(Typing(reply.conversation, True, reply.channel))
        await loft.pigeon.wait("type", 3)
        await loft.courier.deliver(reply, 2)
        shown = len(loft.pigeon.made("type"))
        await wait_until(lambda: not loft.courier._tasks)
        assert len(loft.pigeon.made("type")) == shown

    async def test_ends_where_no_answer_comes(self, loft: Loft) -> None:
        conversation = await loft.hear()
        loft.courier.show(Typing(conversation, True))
        await loft.pigeon.wait("type")
        loft.courier.show(Typing(conversation, False))
        await wait_until(lambda: not loft.courier._tasks)

    async def test_ends_by_itself(self, loft: Loft, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_TYPING_LONGEST_S", 0.05)
        loft.courier.show(Typing(await loft.hear(), True))
        await loft.pigeon.wait("type")
        await wait_until(lambda: not loft.courier._tasks)

    async def test_is_shown_once_at_a_time_and_anew_after_it_ended(self, loft: Loft) -> None:
        conversation = await loft.hear()
        for on in (True, True, False, True):
            loft.courier.show(Typing(conversation, on))
        await loft.pigeon.wait("type")
        await wait_until(lambda: len(loft.courier._tasks) == 1)
        loft.courier.show(Typing(conversation, False))
        await wait_until(lambda: not loft.courier._tasks)

    async def test_an_app_without_it_is_left_alone(self, loft: Loft) -> None:
        loft.open(Pigeon(replace(CAN, typing=False)))
        loft.courier.show(Typing(await loft.hear(), True))
        assert not loft.courier._tasks

    async def test_a_channel_that_breaks_over_it_loses_no_answer(
        self, loft: Loft, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken(address: object) -> None:
            raise KeyError("loft")

        monkeypatch.setattr(loft.pigeon, "type", broken)
        reply = await loft.reply()
        loft.courier.show(Typing(reply.conversation, True))
        await wait_until(lambda: not loft.courier._tasks)
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.texts == ["Hi"]


class TestDraft:
    async def test_the_answer_takes_the_draft_s_place(self, loft: Loft) -> None:
        reply = await loft.reply("Hello Ann, it is here.")
        loft.grow(reply, "Hello **Ann")
        await loft.pigeon.wait("send")
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.texts == ["Hello **Ann"]
        assert loft.pigeon.made("edit") == [("m1", Text("Hello Ann, it is here."))]

    async def test_it_grows_with_what_is_added(
        self, loft: Loft, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_DRAFT_EVERY_S", 0.0)
        reply = await loft.reply("Hello Ann")
        loft.grow(reply, "Hello")
        await loft.pigeon.wait("send")
        loft.grow(reply, " Ann", at=5)
        await loft.pigeon.wait("edit")
        assert loft.pigeon.made("edit") == [("m1", Text("Hello Ann"))]

    async def test_further_parts_are_new_messages(self, loft: Loft) -> None:
        reply = await loft.reply(LONG)
        loft.grow(reply, "The first")
        await loft.pigeon.wait("send")
        await loft.courier.deliver(reply, 2)
        assert len(loft.pigeon.texts) == 2
        assert len(loft.pigeon.made("edit")) == 1

    async def test_an_answer_waits_for_the_draft_that_is_on_its_way(self, loft: Loft) -> None:
        reply = await loft.reply("Hello Ann")
        loft.pigeon.gate.clear()
        loft.grow(reply, "Hello")
        await loft.pigeon.wait("send")
        delivering = asyncio.create_task(loft.courier.deliver(reply, 2))
        loft.pigeon.gate.set()
        await delivering
        assert loft.pigeon.texts == ["Hello"]
        assert loft.pigeon.made("edit") == [("m1", Text("Hello Ann"))]

    async def test_an_answer_does_not_wait_for_a_draft_that_waits_for_its_pace(
        self, loft: Loft
    ) -> None:
        loft.open(Pigeon(replace(CAN, chat_pace=Rate(per_minute=30, burst=1))))
        reply = await loft.reply("Hello Ann")
        limiter = RedisLimiter(loft.store)
        await limiter.allow("send-pigeon", reply.conversation, loft.pigeon.can.chat_pace)
        loft.grow(reply, "Hello")
        await wait_until(lambda: bool(loft.courier._tasks))
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.texts == ["Hello Ann"]

    async def test_a_draft_that_fails_costs_nothing_but_itself(self, loft: Loft) -> None:
        reply = await loft.reply("Hello Ann")
        loft.pigeon.failures.append(DeliveryFailed("busy"))
        loft.grow(reply, "Hello")
        await loft.pigeon.wait("send")
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.texts == ["Hello", "Hello Ann"]

    async def test_a_draft_that_the_customer_deleted_is_sent_anew(self, loft: Loft) -> None:
        reply = await loft.reply("Hello Ann")
        loft.grow(reply, "Hello")
        await loft.pigeon.wait("send")
        loft.pigeon.failures.append(DeliveryFailed("message not found", permanent=True))
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.texts == ["Hello", "Hello Ann"]

    async def test_a_desk_that_is_started_anew_goes_on_with_the_draft(self, loft: Loft) -> None:
        reply = await loft.reply("Hello Ann")
        loft.grow(reply, "Hello")
        await loft.pigeon.wait("send")
        while "draft" not in await loft.desk.sent_parts(reply.conversation, reply.id):
            await asyncio.sleep(0)
        await loft.courier.close()
        loft.open(Pigeon())
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.texts == []
        assert loft.pigeon.made("edit") == [("m1", Text("Hello Ann"))]

    async def test_an_answer_without_words_keeps_its_recording_out_of_the_draft(
        self, loft: Loft
    ) -> None:
        reply = msgspec.structs.replace(await loft.reply(""), speech=(SPEECH,))
        loft.grow(reply, "Hm")
        await loft.pigeon.wait("send")
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.made("send")[-1] == Voice(SPEECH)
        assert loft.pigeon.made("edit") == []

    async def test_drafts_whose_answer_never_comes_are_forgotten(
        self, loft: Loft, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_DRAFT_FORGOTTEN_S", -1.0)
        reply = await loft.reply()
        for number in range(50):
            loft.grow(msgspec.structs.replace(reply, id=ReplyId(f"rep_{number}")), "Hello")
        assert len(loft.courier._drafts) == 1

    async def test_nothing_grows_outside_the_window(self, loft: Loft) -> None:
        loft.open(Pigeon(replace(CAN, window=timedelta(hours=24))))
        reply = await loft.reply()
        loft.now += 25 * 3600
        loft.grow(reply, "Hello")
        await wait_until(lambda: not loft.courier._tasks)
        assert loft.pigeon.texts == []

    async def test_an_app_that_edits_nothing_gets_the_whole_answer_alone(self, loft: Loft) -> None:
        loft.open(Pigeon(replace(CAN, edits=False, chat_pace=QUICK)))
        reply = await loft.reply("Hello Ann")
        loft.grow(reply, "Hello")
        await loft.courier.deliver(reply, 2)
        assert loft.pigeon.texts == ["Hello Ann"]


async def test_progress_in_one_channel_is_not_shown_in_another(
    store: Store, tmp_path: Path
) -> None:
    class Raven(Pigeon):
        channel = ChannelName("raven")

    desk = build_desk(store, tmp_path, EchoPolicy())
    pigeon, raven = Pigeon(), Raven()
    couriers = [Courier(each, desk, RedisLimiter(store)) for each in (pigeon, raven)]
    for courier in couriers:
        desk.connect(courier)
    intake = Intake(desk, pigeon.channel, "1", text_chars=100, attachments=1)
    conversation = intake.conversation(ANN)
    message = Message(
        MessageId("m1"), pigeon.channel, conversation, intake.customer(ANN), text="hello"
    )
    await desk.accept(message, msgspec.json.encode(ANN.address).decode())
    desk._show(Typing(conversation, True, pigeon.channel))
    desk._show(Delta(conversation, ReplyId("rep_1"), 0, "Hello", pigeon.channel))
    await pigeon.wait("type")
    await pigeon.wait("send")
    for courier in couriers:
        await courier.close()
    assert raven.calls == []
