"""Replies that do not get through: waited for, listed with the reason, sent again when asked to."""

import asyncio
import time
from collections import defaultdict
from pathlib import Path

import pytest

from bot import dead_letters, keys, outbox
from bot.dead_letters import DeadLetter, DeadLetters, Held
from bot.desk import FrontDesk
from bot.errors import DeliveryFailed
from bot.messages import ConversationId, Reply
from bot.outbox import pause_s
from bot.store import Store
from tests.builders import (
    CHANNEL,
    EchoPolicy,
    RecordingConnector,
    build_desk,
    message,
    new_conversation,
    running,
    wait_until,
)

KEEP_S = 86_400


class Failing(RecordingConnector):
    """Fails with what stands in `failures` for a conversation, one after the other; then takes."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: dict[ConversationId, list[DeliveryFailed]] = defaultdict(list)
        self.attempts: list[str] = []

    async def deliver(self, reply: Reply, seq: int) -> None:
        self.attempts.append(reply.text)
        if self.failures[reply.conversation]:
            raise self.failures[reply.conversation].pop(0)
        await super().deliver(reply, seq)


def desk_with(
    store: Store, folder: Path, connector: RecordingConnector | None, *, delivery_s: float = 3600
) -> FrontDesk:
    desk = build_desk(store, folder, EchoPolicy(), delivery_s=delivery_s)
    if connector:
        desk.connect(connector)
    return desk


async def failed(store: Store, count: int) -> list[DeadLetter]:
    """The dead letters, once there are as many."""
    async with asyncio.timeout(10):
        while len(found := await DeadLetters(store, KEEP_S).failed()) < count:
            await asyncio.sleep(0)
    return found


async def buried(store: Store, desk: FrontDesk, connector: Failing) -> DeadLetter:
    """The letter of a reply that its channel has refused for good."""
    conversation = await new_conversation(desk)
    connector.failures[conversation] = [DeliveryFailed("blocked", permanent=True)]
    await desk.accept(message(conversation, "hello"))
    [letter] = await failed(store, 1)
    return letter


async def held(store: Store, reason: str) -> list[Held]:
    """What waits in the outbox, once something was held up for this reason."""
    async with asyncio.timeout(10):
        while True:
            found = await DeadLetters(store, KEEP_S).waiting()
            if any(reason in each.reason for each in found):
                return found


async def test_what_a_channel_refuses_is_listed_and_the_next_reply_goes_out(
    store: Store, folder: Path
) -> None:
    connector = Failing()
    desk = desk_with(store, folder, connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        connector.failures[conversation] = [DeliveryFailed("blocked by the user", permanent=True)]
        await desk.accept(message(conversation, "first"))
        [letter] = await failed(store, 1)
        await desk.accept(message(conversation, "second"))
        await connector.replies(1)
        await wait_until(lambda: not desk._runner._outbox._lanes)
        waiting = await DeadLetters(store, KEEP_S).waiting()
    assert connector.attempts == ["You said: first", "You said: second"]
    assert letter.reply.text == "You said: first"
    assert (letter.reason, letter.reply.channel, letter.seq) == ("blocked by the user", CHANNEL, 2)
    assert abs(letter.failed_at - time.time()) < 10
    assert waiting == []


async def test_what_cannot_be_delivered_for_too_long_is_listed(store: Store, folder: Path) -> None:
    connector = Failing()
    desk = desk_with(store, folder, connector, delivery_s=0.2)
    async with running(desk):
        conversation = await new_conversation(desk)
        connector.failures[conversation] = [DeliveryFailed("busy", retry_after_s=0.05)] * 1000
        await desk.accept(message(conversation, "anyone?"))
        [letter] = await failed(store, 1)
    assert letter.reason == "busy"
    assert len(connector.attempts) > 1


async def test_a_provider_s_pause_is_kept_instead_of_our_own(store: Store, folder: Path) -> None:
    connector = Failing()
    desk = desk_with(store, folder, connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        # Our own pauses after eight failures would be longer than the test may take.
        connector.failures[conversation] = [DeliveryFailed("429", retry_after_s=0.01)] * 8
        await desk.accept(message(conversation, "now"))
        await connector.replies(1, timeout_s=5)
    assert len(connector.attempts) == 9


def test_pauses_double_up_to_a_minute_and_differ() -> None:
    for failures in range(2000):
        longest = min(60.0, 0.5 * 2 ** min(failures, 20))
        assert longest / 2 <= pause_s(failures, None) <= longest
    assert len({pause_s(5, None) for _ in range(50)}) > 1
    assert 30 <= pause_s(0, 30.0) <= 33
    assert pause_s(9, 0.0) == 0


async def test_a_failure_holds_up_its_own_conversation_alone_and_keeps_its_order(
    store: Store, folder: Path
) -> None:
    connector = Failing()
    desk = desk_with(store, folder, connector)
    async with running(desk):
        stuck, free = await new_conversation(desk), await new_conversation(desk, "cus_ben")
        connector.failures[stuck] = [DeliveryFailed("busy", retry_after_s=0.3)] * 2
        for number in range(3):
            receipt = await desk.accept(message(stuck, f"stuck {number}"))
            assert await desk.next_reply(stuck, receipt.seq, timeout_s=10)
        await desk.accept(message(free, "free", customer="cus_ben"))
        replies = await connector.replies(4)
    assert [reply.text.removeprefix("You said: ") for reply in replies] == [
        "free",
        "stuck 0",
        "stuck 1",
        "stuck 2",
    ]


async def test_why_a_reply_waits_is_told_until_it_is_delivered(store: Store, folder: Path) -> None:
    connector = Failing()
    desk = desk_with(store, folder, connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        connector.failures[conversation] = [DeliveryFailed("HTTP 502", retry_after_s=0.5)]
        await desk.accept(message(conversation, "hello"))
        [waiting] = await held(store, "HTTP 502")
        await connector.replies(1)
        await wait_until(lambda: not desk._runner._outbox._lanes)
        left = await store.run("HLEN", keys.held(keys.partition_of(conversation)))
    assert waiting.reply.conversation == conversation
    assert left == 0


async def test_a_retried_reply_is_taken_up_by_the_desk_that_runs(
    store: Store, folder: Path
) -> None:
    connector = Failing()
    desk = desk_with(store, folder, connector)
    async with running(desk):
        letter = await buried(store, desk, connector)
        letters = DeadLetters(store, KEEP_S)
        first, second = await asyncio.gather(letters.retry(letter.id), letters.retry(letter.id))
        [reply] = await connector.replies(1)
        await wait_until(lambda: not desk._runner._outbox._lanes)
        left = await letters.failed()
    assert [first, second].count(True) == 1
    assert reply.id == letter.reply.id
    assert len(connector.delivered) == 1
    assert left == []


async def test_a_letter_can_be_dropped_and_what_is_no_letter_is_told(
    store: Store, folder: Path
) -> None:
    connector = Failing()
    desk = desk_with(store, folder, connector)
    async with running(desk):
        letter = await buried(store, desk, connector)
    letters = DeadLetters(store, KEEP_S)
    for nothing in ("", "7", "99-1-1", "0-0-1", "a-b-c", f"{letter.id}-1"):
        assert not await letters.drop(nothing)
        assert not await letters.retry(nothing)
    assert await letters.drop(letter.id)
    assert not await letters.retry(letter.id)
    assert await letters.failed() == []


async def test_the_list_is_bounded(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MOST_IN_PARTITION", 3)
    connector = Failing()
    desk = desk_with(store, folder, connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        connector.failures[conversation] = [DeliveryFailed("blocked", permanent=True)] * 5
        for number in range(5):
            receipt = await desk.accept(message(conversation, f"{number}"))
            assert await desk.next_reply(conversation, receipt.seq, timeout_s=10)
        await wait_until(lambda: len(connector.attempts) == 5)
        await wait_until(lambda: not desk._runner._outbox._lanes)
        letters = await failed(store, 3)
    assert [letter.reply.text for letter in letters] == [f"You said: {n}" for n in (2, 3, 4)]
    assert 0 < await store.run("TTL", keys.dead(keys.partition_of(conversation))) <= KEEP_S


async def test_reading_the_outbox_all_the_time_delivers_nothing_twice(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_READ_EVERY_S", 0.0)
    connector = Failing()
    desk = desk_with(store, folder, connector)
    async with running(desk):
        conversations = [await new_conversation(desk) for _ in range(20)]
        for number in range(5):
            for conversation in conversations:
                await desk.accept(message(conversation, f"{number}"))
            await connector.replies(20 * (number + 1))
    assert len({reply.id for _, reply in connector.delivered}) == 100
    assert len(connector.delivered) == 100


async def test_a_reply_for_a_channel_that_is_not_open_here_is_left_to_who_has_it(
    store: Store, folder: Path
) -> None:
    async with running(desk_with(store, folder, None)) as without:
        conversation = await new_conversation(without)
        await without.accept(message(conversation, "hello"))
        await held(store, "is not open here")
    connector = Failing()
    async with running(desk_with(store, folder, connector)):
        [reply] = await connector.replies(1)
    assert reply.text == "You said: hello"


async def test_who_lost_a_partition_leaves_its_replies_to_the_next_owner(
    store: Store, folder: Path
) -> None:
    connector = Failing()
    desk = desk_with(store, folder, connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        connector.failures[conversation] = [DeliveryFailed("busy", retry_after_s=0.1)]
        await desk.accept(message(conversation, "hello"))
        await held(store, "busy")
        desk._runner._lost(keys.partition_of(conversation))
        await wait_until(lambda: not desk._runner._outbox._lanes)
        assert len(connector.attempts) == 1
    next_one = Failing()
    async with running(desk_with(store, folder, next_one)):
        await next_one.replies(1)


class TestReports:
    """What a provider took, and reported later as failed."""

    async def delivered(self, desk: FrontDesk, connector: RecordingConnector) -> Reply:
        """A reply of two parts that the provider has taken."""
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "hello"))
        [reply] = await connector.replies(1)
        for part, identifier in (("0", "wamid.1"), ("1", "wamid.2")):
            await desk.note_part(CHANNEL, conversation, reply.id, part, identifier)
        return reply

    async def test_it_is_listed_once_however_often_it_is_reported(
        self, store: Store, folder: Path
    ) -> None:
        connector = RecordingConnector()
        desk = desk_with(store, folder, connector)
        async with running(desk):
            reply = await self.delivered(desk, connector)
            await desk.note_state(CHANNEL, "wamid.2", "sent", "")
            await asyncio.gather(
                *(desk.note_state(CHANNEL, "wamid.2", "failed", "131047") for _ in range(5))
            )
            await desk.note_state(CHANNEL, "wamid.of-somebody-else", "failed", "131047")
            letters = await failed(store, 1)
        assert [(each.reply, each.reason, each.part) for each in letters] == [
            (reply, "131047", "1")
        ]

    async def test_a_retry_sends_that_part_alone_and_an_old_report_says_nothing_of_it(
        self, store: Store, folder: Path
    ) -> None:
        connector = RecordingConnector()
        desk = desk_with(store, folder, connector)
        async with running(desk):
            reply = await self.delivered(desk, connector)
            await desk.note_state(CHANNEL, "wamid.2", "failed", "131047")
            [letter] = await failed(store, 1)
            assert await DeadLetters(store, KEEP_S).retry(letter.id)
            await connector.replies(2)
            assert await desk.sent_parts(reply.conversation, reply.id) == {"0": "wamid.1"}
            await desk.note_part(CHANNEL, reply.conversation, reply.id, "1", "wamid.3")
            await desk.note_state(CHANNEL, "wamid.2", "failed", "131047")
            assert await DeadLetters(store, KEEP_S).failed() == []
            await desk.note_state(CHANNEL, "wamid.3", "failed", "again")
            await failed(store, 1)
