"""What of a reply has reached its channel, and what became of it."""

import asyncio
import logging

import pytest

from bot import keys
from bot.deliveries import Deliveries
from bot.messages import ChannelName, ConversationId, ReplyId
from bot.store import Store

KEEP_S = 3_600
CON, REP = ConversationId("con_1"), ReplyId("rep_1")
PIGEON, RAVEN = ChannelName("pigeon"), ChannelName("raven")


@pytest.fixture
def deliveries(store: Store) -> Deliveries:
    return Deliveries(store, KEEP_S)


async def state(store: Store, part: str = "0") -> str:
    found = await store.run("HGET", keys.sent(CON, REP), f"state:{part}")
    return (found or b"").decode()


async def test_parts_are_known_once_they_are_noted(deliveries: Deliveries) -> None:
    assert await deliveries.sent_parts(CON, REP) == {}
    await deliveries.note_part(PIGEON, CON, REP, "0", "p1")
    await deliveries.note_part(PIGEON, CON, REP, "1", "p2")
    assert await deliveries.sent_parts(CON, REP) == {"0": "p1", "1": "p2"}
    assert await deliveries.sent_parts(CON, ReplyId("rep_2")) == {}


async def test_a_part_without_an_id_is_sent_all_the_same(
    deliveries: Deliveries, store: Store
) -> None:
    await deliveries.note_part(PIGEON, CON, REP, "0", "")
    assert await deliveries.sent_parts(CON, REP) == {"0": ""}
    assert not await store.run("KEYS", "fd:posted:*")


async def test_a_report_is_kept_and_is_no_part(deliveries: Deliveries, store: Store) -> None:
    await deliveries.note_part(PIGEON, CON, REP, "0", "p1")
    await deliveries.note_state(PIGEON, "p1", "delivered", "")
    assert await state(store) == "delivered"
    assert await deliveries.sent_parts(CON, REP) == {"0": "p1"}


@pytest.mark.parametrize(
    ("reports", "kept"),
    [
        (("sent", "delivered", "read"), "read"),
        (("read", "delivered", "sent"), "read"),
        (("delivered", "sent", "delivered"), "delivered"),
        (("sent", "failed"), "failed"),
        (("failed", "sent"), "failed"),
    ],
)
async def test_reports_out_of_order_do_not_take_it_back(
    deliveries: Deliveries, store: Store, reports: tuple[str, ...], kept: str
) -> None:
    await deliveries.note_part(PIGEON, CON, REP, "0", "p1")
    for report in reports:
        await deliveries.note_state(PIGEON, "p1", report, "")
    assert await state(store) == kept


async def test_a_report_is_of_its_own_channel_and_part(
    deliveries: Deliveries, store: Store
) -> None:
    await asyncio.gather(
        deliveries.note_part(PIGEON, CON, REP, "0", "p1"),
        deliveries.note_part(PIGEON, CON, REP, "1", "p2"),
    )
    await deliveries.note_state(RAVEN, "p1", "read", "")
    await deliveries.note_state(PIGEON, "p2", "read", "")
    assert (await state(store, "0"), await state(store, "1")) == ("", "read")


async def test_what_was_never_sent_is_not_known(deliveries: Deliveries, store: Store) -> None:
    await deliveries.note_state(PIGEON, "somebody else's", "read", "")
    assert not await store.run("KEYS", "*")


@pytest.mark.parametrize("known", [True, False])
async def test_a_failure_is_told_to_the_operator(
    deliveries: Deliveries, caplog: pytest.LogCaptureFixture, known: bool
) -> None:
    """Also where the report is quicker than the answer to the call that it is about."""
    if known:
        await deliveries.note_part(PIGEON, CON, REP, "0", "p1")
    await deliveries.note_state(PIGEON, "p1", "failed", "131047 " + "x" * 999)
    [record] = [r for r in caplog.records if r.getMessage() == "delivery.failed"]
    assert record.levelno == (logging.ERROR if known else logging.WARNING)
    assert len(record.__dict__["reason"]) == 300


async def test_everything_is_forgotten_in_time(deliveries: Deliveries, store: Store) -> None:
    await deliveries.note_part(PIGEON, CON, REP, "0", "p1")
    assert 0 < await store.run("TTL", keys.sent(CON, REP)) <= KEEP_S
    assert 0 < await store.run("TTL", keys.posted(PIGEON, "p1")) <= 7 * 24 * 3600
    await store.run("DEL", keys.sent(CON, REP))
    await deliveries.note_state(PIGEON, "p1", "read", "")
    assert 0 < await store.run("TTL", keys.sent(CON, REP)) <= KEEP_S


async def test_a_conversation_that_is_not_there_is_nowhere(deliveries: Deliveries) -> None:
    where = await deliveries.whereabouts(CON)
    assert (where.address, where.heard_at) == ("", 0.0)
