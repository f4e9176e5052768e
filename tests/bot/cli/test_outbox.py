"""`frontdesk outbox`: what waits, what failed, and what becomes of it."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot import keys
from bot.dead_letters import DeadLetters
from bot.messages import (
    ChannelName,
    ConversationId,
    CustomerId,
    Reply,
    ReplyId,
    ReplyKind,
    TurnId,
)
from bot.outbox import _encode
from bot.store import Store
from tests.bot.cli.conftest import Frontdesk

Outbox = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
def outbox(frontdesk: Frontdesk, project: Path, redis_url: str) -> Outbox:
    """Runs `frontdesk outbox WORDS` on the project."""

    async def run(*words: str) -> subprocess.CompletedProcess[str]:
        words = ("outbox", *words, "-p", str(project))
        return await asyncio.to_thread(frontdesk, *words, FRONTDESK_REDIS=redis_url, COLUMNS="200")

    return run


async def put(store: Store, number: int) -> tuple[int, str]:
    """A reply in the outbox: its partition and its entry."""
    conversation = ConversationId(f"con_{number}")
    reply = Reply(
        id=ReplyId(f"rep_{number}"),
        channel=ChannelName("telegram"),
        conversation=conversation,
        customer=CustomerId("cus_ann"),
        turn=TurnId("1"),
        kind=ReplyKind.ANSWER,
        text=f"secret words {number}",
        created_at=time.time(),
    )
    partition = keys.partition_of(conversation)
    entry = await store.run("XADD", keys.outbox(partition), "*", "s", 2, "r", _encode(reply))
    return partition, entry.decode()


async def fail(store: Store, number: int, reason: str) -> None:
    assert await DeadLetters(store, 3600).bury(*await put(store, number), reason)


async def test_nothing_is_told_as_nothing(store: Store, outbox: Outbox) -> None:
    assert "Nothing waits, and nothing has failed." in (await outbox()).stdout


async def test_what_waits_and_what_failed_is_shown_without_the_words(
    store: Store, outbox: Outbox
) -> None:
    partition, entry = await put(store, 1)
    await store.run("HSET", keys.held(partition), entry, "HTTP 502")
    await fail(store, 2, "the bot was [blocked] by the user")
    shown = (await outbox()).stdout
    assert "Waiting: 1" in shown
    assert "Failed: 1" in shown
    for part in ("con_1", "HTTP 502", "con_2", "the bot was [blocked] by the user", "telegram"):
        assert part in shown
    assert time.strftime("%d %b") in shown
    assert "secret words" not in shown
    assert "secret words 2" in (await outbox("--text")).stdout


async def test_one_is_sent_again_and_another_dropped(store: Store, outbox: Outbox) -> None:
    letters = DeadLetters(store, 3600)
    for number in (1, 2):
        await fail(store, number, "blocked")
    named = {each.reply.id: each.id for each in await letters.failed()}
    first, second = named[ReplyId("rep_1")], named[ReplyId("rep_2")]
    assert "1 put into the outbox again" in (await outbox("retry", first)).stdout
    assert f"{second} is dropped" in (await outbox("drop", second)).stdout
    assert await letters.failed() == []
    assert [each.reply.id for each in await letters.waiting()] == ["rep_1"]


async def test_all_are_sent_again(store: Store, outbox: Outbox) -> None:
    for number in range(3):
        await fail(store, number, "blocked")
    assert "3 put into the outbox again" in (await outbox("retry", "--all")).stdout
    assert len(await DeadLetters(store, 3600).waiting()) == 3


@pytest.mark.parametrize(
    ("words", "problem"),
    [(("retry",), "which reply"), (("retry", "7-1-0", "--all"), "which reply"),
     (("retry", "7-1-0"), "no reply that failed"), (("drop", "nonsense"), "no reply that failed")],
)  # fmt: skip
async def test_what_cannot_be_done_is_told(
    store: Store, outbox: Outbox, words: tuple[str, ...], problem: str
) -> None:
    ended = await outbox(*words)
    assert ended.returncode == 2
    assert problem in ended.stderr
