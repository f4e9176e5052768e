"""Messages that begin their own conversation, and messages that are taken back."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from bot import keys
from bot.desk import FrontDesk
from bot.errors import CustomerError
from bot.messages import (
    Attachment,
    AttachmentKind,
    ConversationId,
    CustomerId,
    Message,
    MessageId,
)
from bot.store import Store
from tests.builders import (
    EchoPolicy,
    RecordingConnector,
    build_desk,
    message,
    new_conversation,
    running,
    wait_until,
)

CONVERSATION = ConversationId("con_1")
ADDRESS = '{"chat":"7"}'
ANN, BEN = CustomerId("cus_ann"), CustomerId("cus_ben")


@pytest.fixture
def desk(store: Store, folder: Path) -> FrontDesk:
    return build_desk(store, folder, EchoPolicy())


def texts(desk_entries: list[object]) -> list[str]:
    return [entry.item.text for entry in desk_entries]


class TestAddress:
    async def test_a_message_with_an_address_begins_its_conversation(self, desk: FrontDesk) -> None:
        receipt = await desk.accept(message(CONVERSATION, "hello"), ADDRESS)
        assert (receipt.seq, receipt.duplicate) == (1, False)
        where = await desk.whereabouts(CONVERSATION)
        assert where.address == ADDRESS
        [found] = await desk.conversations(ANN)
        assert (found.id, found.channel, found.last_seq) == (CONVERSATION, "test", 1)

    async def test_without_one_it_must_have_been_opened(self, desk: FrontDesk) -> None:
        with pytest.raises(CustomerError, match="unknown_conversation"):
            await desk.accept(message(CONVERSATION, "hello"))
        assert await desk.conversations(ANN) == []

    async def test_two_first_messages_at_once_begin_one(self, desk: FrontDesk) -> None:
        receipts = await asyncio.gather(
            *(desk.accept(message(CONVERSATION, f"n{n}"), ADDRESS) for n in range(5))
        )
        assert sorted(receipt.seq for receipt in receipts) == [1, 2, 3, 4, 5]
        assert len(await desk.conversations(ANN)) == 1

    async def test_an_address_opens_nobody_else_s_conversation(self, desk: FrontDesk) -> None:
        await desk.accept(message(CONVERSATION, "mine"), ADDRESS)
        with pytest.raises(CustomerError, match="unknown_conversation"):
            await desk.accept(message(CONVERSATION, "let me in", customer=BEN), '{"chat":"8"}')
        assert texts(await desk.entries(CONVERSATION)) == ["mine"]
        assert (await desk.whereabouts(CONVERSATION)).address == ADDRESS

    async def test_the_latest_address_and_time_count(self, desk: FrontDesk) -> None:
        await desk.accept(message(CONVERSATION, "one"), ADDRESS)
        before = await desk.whereabouts(CONVERSATION)
        await desk.accept(message(CONVERSATION, "two"), '{"chat":"9"}')
        after = await desk.whereabouts(CONVERSATION)
        assert after.address == '{"chat":"9"}'
        assert after.heard_at >= before.heard_at > 1_700_000_000

    async def test_a_repetition_changes_no_address(self, desk: FrontDesk) -> None:
        await desk.accept(message(CONVERSATION, "one", id="m1"), ADDRESS)
        await desk.accept(message(CONVERSATION, "one", id="m1"), '{"chat":"9"}')
        assert (await desk.whereabouts(CONVERSATION)).address == ADDRESS


@pytest.fixture
def connector() -> RecordingConnector:
    return RecordingConnector()


class TestWithdraw:
    async def test_before_it_is_answered_it_will_not_be(
        self, desk: FrontDesk, connector: RecordingConnector
    ) -> None:
        desk.connect(connector)
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "my secret is 5", id="m1"))
        await desk.accept(message(conversation, "where is my order?", id="m2"))
        await desk.withdraw(conversation, MessageId("m1"))
        async with running(desk):
            [reply] = await connector.replies(1)
        assert reply.text == "You said: where is my order?"
        assert "my secret" not in str(await desk.entries(conversation))

    async def test_the_only_one_leaves_nothing_to_answer(
        self, desk: FrontDesk, connector: RecordingConnector, store: Store
    ) -> None:
        desk.connect(connector)
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "my secret is 5", id="m1"))
        await desk.withdraw(conversation, MessageId("m1"))
        inbox = keys.inbox(keys.partition_of(conversation))
        async with running(desk):
            async with asyncio.timeout(10):
                while await store.run("XLEN", inbox):
                    await asyncio.sleep(0)
            await wait_until(lambda: not desk._runner._lanes)
            await desk.accept(message(conversation, "hello again", id="m2"))
            [reply] = await connector.replies(1)
        assert reply.text == "You said: hello again"
        assert [p.on for p in connector.progress if hasattr(p, "on")] == [False]

    async def test_after_it_was_answered_its_words_are_forgotten_and_the_answer_stays(
        self, desk: FrontDesk, connector: RecordingConnector
    ) -> None:
        desk.connect(connector)
        async with running(desk):
            conversation = await new_conversation(desk)
            await desk.accept(message(conversation, "my secret is 5", id="m1"))
            await connector.replies(1)
        await desk.withdraw(conversation, MessageId("m1"))
        past = await desk._history.before(message(conversation, "hi"), 3)
        assert texts(list(past.entries)) == ["You said: my secret is 5"]

    async def test_before_it_has_come_it_is_not_taken(
        self, desk: FrontDesk, connector: RecordingConnector
    ) -> None:
        """Providers deliver out of order."""
        desk.connect(connector)
        await desk.withdraw(CONVERSATION, MessageId("m1"))
        receipt = await desk.accept(message(CONVERSATION, "my secret is 5", id="m1"), ADDRESS)
        assert receipt.duplicate
        assert await desk.entries(CONVERSATION) == []
        await desk.accept(message(CONVERSATION, "hello", id="m2"), ADDRESS)
        async with running(desk):
            [reply] = await connector.replies(1)
        assert reply.text == "You said: hello"

    async def test_twice_is_once(self, desk: FrontDesk) -> None:
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "one", id="m1"))
        await desk.accept(message(conversation, "two", id="m2"))
        await desk.withdraw(conversation, MessageId("m1"))
        await desk.withdraw(conversation, MessageId("m1"))
        assert texts(await desk.entries(conversation)) == ["two"]

    async def test_it_is_not_taken_again_when_it_is_delivered_again(self, desk: FrontDesk) -> None:
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "one", id="m1"))
        await desk.withdraw(conversation, MessageId("m1"))
        assert (await desk.accept(message(conversation, "one", id="m1"))).duplicate
        assert await desk.entries(conversation) == []

    async def test_another_conversation_s_message_of_that_name_stays(self, desk: FrontDesk) -> None:
        mine, theirs = await new_conversation(desk), await new_conversation(desk, BEN)
        await desk.accept(message(mine, "mine", id="m1"))
        await desk.accept(message(theirs, "theirs", id="m1", customer=BEN))
        await desk.withdraw(mine, MessageId("m1"))
        assert texts(await desk.entries(theirs)) == ["theirs"]

    async def test_its_files_are_deleted(self, desk: FrontDesk, store: Store) -> None:
        conversation = await new_conversation(desk)
        kept = await desk._media.put(
            b"x", kind=AttachmentKind.IMAGE, media_type="image/png", owner=ANN
        )
        await store.run("HSET", keys.perceived(conversation), kept.id, b"{}")
        await desk.accept(with_files(message(conversation, "see", id="m1"), kept))
        await desk.withdraw(conversation, MessageId("m1"))
        assert await desk.find_media(kept.id, ANN) is None
        assert not await store.run("HGET", keys.perceived(conversation), kept.id)


def with_files(item: Message, *attachments: Attachment) -> Message:
    return msgspec.structs.replace(item, attachments=attachments)


async def test_a_corrected_message_is_answered_once_as_corrected(
    desk: FrontDesk, connector: RecordingConnector
) -> None:
    desk.connect(connector)
    conversation = await new_conversation(desk)
    await desk.accept(message(conversation, "where is order 1?", id="m1"))
    for number in (2, 3):
        edit = message(conversation, f"where is order {number}?", id=f"e{number}")
        await desk.accept(msgspec.structs.replace(edit, replaces=MessageId("m1")))
    async with running(desk):
        [reply] = await connector.replies(1)
        await wait_until(lambda: not desk._runner._lanes)
    assert reply.text == "You said: where is order 3?"
    assert len(connector.delivered) == 1
