"""The promises of the path: once, in order, a burst as one, and nothing lost to a crash."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import inbox, keys, turns
from bot.draft import Draft
from bot.errors import CustomerError, DeliveryFailed, TooFast, Unavailable
from bot.history import Past
from bot.inbox import InboxLimits
from bot.messages import ConversationId, CustomerId, Message, Reply, ReplyKind
from bot.policy import Decision
from bot.redis_server import RedisServer
from bot.store import Store
from bot.understanding import Understanding
from tests.builders import (
    EchoPolicy,
    RecordingConnector,
    build_desk,
    message,
    new_conversation,
    running,
    wait_until,
)


@pytest.fixture
def connector() -> RecordingConnector:
    return RecordingConnector()


async def test_a_message_is_answered(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    desk = build_desk(store, folder, EchoPolicy())
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        receipt = await desk.accept(message(conversation, "Hello there, desk"))
        [reply] = await connector.replies(1)
    assert receipt.seq == 1
    assert not receipt.duplicate
    assert reply.text == "You said: Hello there, desk"
    assert [entry.seq for entry in await desk.entries(conversation)] == [1, 2]


async def test_a_desk_that_starts_reads_what_waits_in_every_partition_at_once(
    store: Store, folder: Path, connector: RecordingConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading sees nothing of the partitions that are gained while it waits."""
    monkeypatch.setattr(inbox, "_BLOCK_MS", 4_500)
    desk = build_desk(store, folder, EchoPolicy())
    desk.connect(connector)
    of: dict[int, ConversationId] = {}
    while len(of) < keys.PARTITIONS:
        conversation = await new_conversation(desk)
        of[keys.partition_of(conversation)] = conversation
    for conversation in of.values():
        await desk.accept(message(conversation, "Are you there?"))
    async with running(desk):
        await connector.replies(keys.PARTITIONS, timeout_s=4)


async def test_a_message_sent_twice_is_answered_once(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    desk = build_desk(store, folder, EchoPolicy())
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        first, second = await asyncio.gather(
            *(desk.accept(message(conversation, "once", id="m_1")) for _ in range(2))
        )
        await connector.replies(1)
        third = await desk.accept(message(conversation, "once", id="m_1"))
        await desk.accept(message(conversation, "and then"))
        replies = await connector.replies(2)
    assert first.seq == second.seq == third.seq
    assert [first.duplicate, second.duplicate, third.duplicate] == [False, True, True]
    assert [reply.text for reply in replies] == ["You said: once", "You said: and then"]


async def test_a_conversation_is_answered_in_order_and_others_beside_it(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    class SlowForAnn(EchoPolicy):
        async def decide(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
            if "slow" in understanding.typed:
                await released.wait()
            return await super().decide(understanding, past, draft)

    released = asyncio.Event()
    desk = build_desk(store, folder, SlowForAnn())
    desk.connect(connector)
    async with running(desk):
        ann, ben = await new_conversation(desk), await new_conversation(desk, "cus_ben")
        await desk.accept(message(ann, "slow"))
        await desk.accept(message(ben, "quick", customer="cus_ben"))
        [first] = await connector.replies(1)
        released.set()
        await connector.replies(2)
        for number in range(20):
            await desk.accept(message(ann, f"number {number}"))
            await connector.replies(3 + number)
    assert first.conversation == ben
    ordered = [seq for seq, reply in connector.delivered if reply.conversation == ann]
    assert ordered == sorted(ordered)
    texts = [reply.text for _, reply in connector.delivered if reply.conversation == ann]
    assert texts == ["You said: slow", *(f"You said: number {n}" for n in range(20))]


async def test_what_comes_while_a_turn_is_worked_on_joins_it(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    policy = EchoPolicy(gate=asyncio.Event())
    desk = build_desk(store, folder, policy)
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "my router"))
        await wait_until(lambda: policy.asked == ["my router"])
        await desk.accept(message(conversation, "does not start"))
        await desk.accept(message(conversation, "??"))
        await wait_until(lambda: len(desk._runner._lanes[conversation].waiting) == 2)
        assert policy.gate
        policy.gate.set()
        [reply] = await connector.replies(1)
        entries = await desk.entries(conversation)
    assert reply.text == "You said: my router\ndoes not start\n??"
    assert reply.turn == "1"
    assert [entry.seq for entry in entries] == [1, 2, 3, 4]


async def test_a_killed_worker_s_turn_is_finished_by_the_next(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    stuck = EchoPolicy(gate=asyncio.Event())
    first = build_desk(store, folder, stuck)
    first.connect(connector)
    async with running(first):
        conversation = await new_conversation(first)
        await first.accept(message(conversation, "where is my order"))
        await wait_until(lambda: bool(stuck.asked))
        # What a kill leaves behind: the lease and the unanswered message.
        leases = {p: await store.run("GET", keys.owner(p)) for p in range(keys.PARTITIONS)}
    for partition, worker in leases.items():
        await store.run("SET", keys.owner(partition), worker)
    second = build_desk(store, folder, EchoPolicy())
    second.connect(connector)
    async with running(second):
        replies = await connector.replies(1)
        await second.accept(message(conversation, "thanks"))
        replies = await connector.replies(2)
    assert [reply.text for reply in replies] == ["You said: where is my order", "You said: thanks"]


async def test_of_two_workers_with_the_same_turn_one_answers(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    gate = asyncio.Event()
    slow = build_desk(store, folder, EchoPolicy(gate=gate))
    slow.connect(connector)
    quick = build_desk(store, folder, EchoPolicy())
    quick.connect(connector)
    async with running(slow):
        conversation = await new_conversation(slow)
        await slow.accept(message(conversation, "hello you two"))
        await wait_until(lambda: bool(slow._runner._lanes))
        async with running(quick):  # takes over, as if the first had lost its leases
            await connector.replies(1)
            gate.set()
            await wait_until(lambda: not slow._runner._lanes)
            await quick.accept(message(conversation, "still there?"))
            replies = await connector.replies(2)
    assert [reply.text for reply in replies] == [
        "You said: hello you two",
        "You said: still there?",
    ]


async def test_a_turn_survives_a_lapsed_lease(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    gate = asyncio.Event()
    desk = build_desk(store, folder, EchoPolicy(gate=gate))
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "are you still there"))
        await wait_until(lambda: bool(desk._runner._lanes))
        await store.run("DEL", keys.owner(keys.partition_of(conversation)))
        gate.set()
        [reply] = await connector.replies(1)
    assert reply.text == "You said: are you still there"
    assert len(connector.delivered) == 1


async def test_a_full_redis_loses_nothing(
    own_redis: RedisServer, folder: Path, connector: RecordingConnector
) -> None:
    store = Store(own_redis.url)
    await store.connect()
    gate = asyncio.Event()
    policy = EchoPolicy(gate=gate)
    desk = build_desk(store, folder, policy)
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "can you keep this"))
        await wait_until(lambda: bool(policy.asked))
        await store.run("CONFIG", "SET", "maxmemory", 1)
        gate.set()
        with pytest.raises(Unavailable, match="cannot write"):
            await desk.accept(message(conversation, "and this"))
        await store.run("CONFIG", "SET", "maxmemory", 0)
        [reply] = await connector.replies(1)
        entries = await desk.entries(conversation)
    await store.close()
    assert reply.text == "You said: can you keep this"
    assert [entry.seq for entry in entries] == [1, 2]


async def test_a_turn_that_broke_on_the_way_is_done_again(
    store: Store, folder: Path, connector: RecordingConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_LONGEST_PAUSE_S", 0.01)
    desk = build_desk(store, folder, EchoPolicy())
    desk.connect(connector)
    commit, failures = desk._runner._outbox.commit, [RuntimeError("broken on purpose")]

    async def fails_once(*arguments: object) -> int:
        if failures:
            raise failures.pop()
        return await commit(*arguments)

    monkeypatch.setattr(desk._runner._outbox, "commit", fails_once)
    async with running(desk):
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "can you keep this"))
        [reply] = await connector.replies(1)
    assert reply.text == "You said: can you keep this"
    assert not failures


async def test_a_reply_that_a_channel_does_not_take_is_sent_again(
    store: Store, folder: Path
) -> None:
    class Refusing(RecordingConnector):
        refusals = 1

        async def deliver(self, reply: Reply, seq: int) -> None:
            if self.refusals:
                self.refusals -= 1
                raise DeliveryFailed("busy")
            await super().deliver(reply, seq)

    connector = Refusing()
    desk = build_desk(store, folder, EchoPolicy())
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "anyone?"))
        replies = await connector.replies(1)
        await wait_until(lambda: not desk._runner._lanes)
    assert len(replies) == 1
    assert not connector.refusals


async def test_an_undelivered_reply_goes_out_after_a_restart(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    class Deaf(RecordingConnector):
        async def deliver(self, reply: Reply, seq: int) -> None:
            async with self._changed:
                self.delivered.append((seq, reply))
                self._changed.notify_all()
            raise DeliveryFailed("no answer")

    deaf = Deaf()
    first = build_desk(store, folder, EchoPolicy())
    first.connect(deaf)
    async with running(first):
        conversation = await new_conversation(first)
        await first.accept(message(conversation, "good day"))
        await deaf.replies(1)
    second = build_desk(store, folder, EchoPolicy())
    second.connect(connector)
    async with running(second):
        [reply] = await connector.replies(1)
    assert reply.text == "You said: good day"
    assert reply.id == deaf.delivered[0][1].id


async def test_a_turn_that_keeps_failing_is_told_to_the_customer(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    class Broken(EchoPolicy):
        async def decide(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
            self.asked.append(understanding.typed)
            if "boom" in understanding.typed:
                raise RuntimeError("broken on purpose")
            return await super().decide(understanding, past, draft)

    policy = Broken()
    desk = build_desk(store, folder, policy)
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "boom"))
        await connector.replies(1)
        await desk.accept(message(conversation, "better now?"))
        first, second = await connector.replies(2)
    assert policy.asked.count("boom") == 3
    assert first.kind is ReplyKind.PROBLEM
    assert second.text == "You said: better now?"


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "message_empty"), ("  \n ", "message_empty"), ("x" * 101, "message_too_long")],
)
async def test_what_cannot_be_taken_changes_nothing(
    store: Store, folder: Path, text: str, code: str
) -> None:
    desk = build_desk(store, folder, EchoPolicy(), limits=InboxLimits(text_chars=100))
    conversation = await new_conversation(desk)
    with pytest.raises(CustomerError) as raised:
        await desk.accept(message(conversation, text))
    assert raised.value.code == code
    assert await desk.entries(conversation) == []


async def test_another_customer_s_conversation_stays_closed(store: Store, folder: Path) -> None:
    desk = build_desk(store, folder, EchoPolicy())
    conversation = await new_conversation(desk)
    with pytest.raises(CustomerError, match="unknown_conversation"):
        await desk.accept(message(conversation, "let me in", customer="cus_eve"))
    with pytest.raises(CustomerError, match="unknown_conversation"):
        await desk.open_conversation(
            message(conversation).channel, CustomerId("cus_eve"), conversation
        )
    assert await desk.entries(conversation) == []


async def test_a_flood_is_slowed_down(store: Store, folder: Path) -> None:
    limits = InboxLimits(messages_per_minute=6, burst=3)
    desk = build_desk(store, folder, EchoPolicy(), limits=limits)
    conversation = await new_conversation(desk)
    for _ in range(3):
        await desk.accept(message(conversation, "again"))
    with pytest.raises(TooFast) as raised:
        await desk.accept(message(conversation, "again"))
    assert 9 < raised.value.retry_after_s <= 10
    other = await new_conversation(desk, "cus_ben")
    await desk.accept(message(other, "I am calm", customer="cus_ben"))
    assert len(await desk.entries(conversation)) == 3


async def test_a_reply_can_be_waited_for(store: Store, folder: Path) -> None:
    desk = build_desk(store, folder, EchoPolicy())
    async with running(desk):
        conversation = await new_conversation(desk)
        receipt = await desk.accept(message(conversation, "hello over there"))
        entry = await desk.next_reply(conversation, receipt.seq, timeout_s=10)
        assert entry
        assert isinstance(entry.item, Reply)
        assert await desk.next_reply(conversation, entry.seq, timeout_s=0.05) is None


async def test_every_turn_leaves_a_trace(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    desk = build_desk(store, folder, EchoPolicy())
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        await desk.accept(message(conversation, "explain yourself"))
        [reply] = await connector.replies(1)
        trace = await desk.trace(conversation, reply.turn)
    assert trace
    assert trace["understanding"]["typed"] == "explain yourself"
    assert trace["decision"] == {"kind": "answer", "why": "echo", "articles": []}
    assert {"history", "understanding", "policy", "total"} <= trace["milliseconds"].keys()


async def test_a_long_history_is_summed_up(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    desk = build_desk(store, folder, EchoPolicy(), keep_entries=20)
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        for number in range(15):
            await desk.accept(message(conversation, f"question {number}"))
            await connector.replies(number + 1)
        await wait_until(lambda: not desk._runner._lanes)
        entries = await desk.entries(conversation)
        past = await desk._history.before(message(conversation), 31)
    assert len(entries) <= 20
    assert entries[-1].seq == 30
    assert past.summary.splitlines()[0] == "question 0"


async def test_a_returning_customer_is_remembered(
    store: Store, folder: Path, connector: RecordingConnector
) -> None:
    desk = build_desk(store, folder, EchoPolicy())
    desk.connect(connector)
    async with running(desk):
        earlier = await new_conversation(desk)
        await desk.accept(message(earlier, "I bought a router"))
        await connector.replies(1)
        later = await new_conversation(desk)
        past = await desk._history.before(message(later), 1)
        stranger = await new_conversation(desk, "cus_ben")
        nothing = await desk._history.before(message(stranger, customer="cus_ben"), 1)
        found = await desk.conversations(CustomerId("cus_ann"))
    assert [item.text for item in (entry.item for entry in past.entries)] == [
        "I bought a router",
        "You said: I bought a router",
    ]
    assert nothing.entries == ()
    assert [conversation.id for conversation in found] == [later, earlier]


@pytest.fixture
async def own_redis(folder: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(folder / "redis")
    await server.start()
    yield server
    await server.stop()


async def test_nothing_acknowledged_is_lost_when_redis_dies(
    own_redis: RedisServer, folder: Path, connector: RecordingConnector
) -> None:
    store = Store(own_redis.url)
    await store.connect()
    desk = build_desk(store, folder, EchoPolicy())
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        sent: list[Message] = []
        for number in range(10):
            item = message(conversation, f"number {number}")
            await desk.accept(item)
            sent.append(item)
            if number == 5:
                assert own_redis._process
                own_redis._process.kill()
                await wait_until(lambda: not store.available.is_set())
                with pytest.raises(Unavailable):
                    await desk.accept(message(conversation, "while it is down"))
                await wait_until_redis_is_back(store)
        answered: list[str] = []

        def all_answered() -> bool:
            answered[:] = [line for _, r in connector.delivered for line in r.text[10:].split("\n")]
            return len(answered) >= len(sent)

        await wait_until(all_answered, timeout_s=20)
    assert answered == [item.text for item in sent]
    await store.close()


async def wait_until_redis_is_back(store: Store) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await store.run("PING")
            except Unavailable:
                continue
            return
