"""A call-back is arranged in a conversation, on a real Redis, and made once."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from bot.call_backs.arranging import Arranging, Limits
from bot.call_backs.book import Book, CallBack, State
from bot.call_backs.calling import Calling, Manners
from bot.calls.talk import CALL, DeskTalk
from bot.calls.timeline import VOICEMAIL, Timeline
from bot.calls.transport import Call, EndReason
from bot.desk import FrontDesk
from bot.dialling import Dialling
from bot.draft import Draft
from bot.errands import Told
from bot.errors import DeliveryFailed, Unavailable
from bot.history import Past
from bot.messages import ConversationId, CustomerId, Reply, ReplyKind, TurnId
from bot.office_hours import OfficeHours
from bot.policy import Decision
from bot.store import Store
from bot.texts import say
from bot.understanding import Understanding, understand
from tests.builders import CHANNEL, RecordingConnector, build_desk, message, running, wait_until

ANN = CustomerId("cus_ann")
OWN = "+4722334455"
FRIDAY = datetime(2026, 11, 27, 9, 30, tzinfo=UTC).timestamp()
HOURS = OfficeHours("Mo-Fr 09:00-17:00")


class PersonPolicy:
    """Sends whoever asks to a person."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def decide(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
        self.asked.append(understanding.typed)
        if "person" in understanding.typed:
            return Decision(ReplyKind.PERSON, "Write to us@shop.example.", why="test")
        return Decision(ReplyKind.ANSWER, f"You said {understanding.typed}", why="test")


class Shop:
    """A desk that calls back."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.now = FRIDAY
        self.zone: tzinfo | None = UTC
        self.book = Book(store, 3600)
        self.person_there = False
        self.limits = Limits()
        self.dialled: list[Call] = []
        self.refusal: DeliveryFailed | None = None
        self.room = True
        self.policy = PersonPolicy()
        self._folder = folder
        self.connector = RecordingConnector()

    def open(self) -> FrontDesk:
        self.arranging = arranging = Arranging(
            self.store,
            self.book,
            dialling=Dialling(["+47"]),
            hours=HOURS,
            zone=self.zone,
            limits=self.limits,
            person_there=lambda: self.person_there,
            clock=lambda: self.now,
        )
        self.desk = build_desk(
            self.store,
            self._folder,
            self.policy,
            errands=[arranging],
            call_backs=arranging,
        )
        self.desk.connect(self.connector)
        self.calling = self.new_calling()
        return self.desk

    def new_calling(self) -> Calling:
        return Calling(
            self.book,
            Manners(line="twilio", business="Shop", hours=HOURS, zone=self.zone),
            allowed=Dialling(["+47"]).allows,
            person_there=lambda: self.person_there,
            room=lambda: self.room,
            tell=self.desk.tell,
            clock=lambda: self.now,
        )

    async def dial(self, call: Call) -> None:
        if self.refusal:
            raise self.refusal
        self.dialled.append(call)

    async def call_due(self) -> Call | None:
        """Make the call that is due now; None where none is."""
        before = len(self.dialled)
        await self.calling.call_next(self.dial)
        return self.dialled[-1] if len(self.dialled) > before else None


@pytest.fixture
def shop(store: Store, folder: Path) -> Shop:
    return Shop(store, folder)


class Caller:
    """Somebody who calls, or writes."""

    def __init__(self, shop: Shop, talk: DeskTalk) -> None:
        self.talk = talk
        self._replies = talk.replies()
        self._shop = shop

    async def say(self, text: str) -> Reply:
        await self.talk.tell(text, from_s=0, to_s=1)
        return await self.hears()

    async def hears(self) -> Reply:
        async with asyncio.timeout(10):
            return await anext(self._replies)


async def calling(shop: Shop, address: str = f"twilio:{OWN}", customer: str = ANN) -> Caller:
    call = Call(id="call_1", channel=CALL, customer=CustomerId(customer), address=address)
    return Caller(shop, await DeskTalk.open(shop.desk, call))


@pytest.fixture
async def ann(shop: Shop) -> AsyncIterator[Caller]:
    async with running(shop.open()):
        yield await calling(shop)


async def arrange(ann: Caller, when: str = "tomorrow at ten") -> None:
    assert (await ann.say(f"call me back {when}")).kind is ReplyKind.CLARIFY
    assert (await ann.say("yes please")).kind is ReplyKind.NOTICE


async def test_who_cannot_be_connected_is_offered_a_call_back(shop: Shop, ann: Caller) -> None:
    offered = await ann.say("a person please")
    assert offered.kind is ReplyKind.PERSON
    assert say("callback_offer", "en") in offered.text
    asked = await ann.say("yes")
    assert "+47 22 33 44 55" in asked.text  # the number that they call from, read back
    confirm = await ann.say("tomorrow at ten")
    # Nobody is there on a Saturday.
    assert "Monday 30 November at 09:00" in confirm.text
    assert confirm.suggestions == ("Yes", "No")
    assert await shop.book.waiting() == []
    done = await ann.say("1")  # the key for yes
    assert done.kind is ReplyKind.NOTICE
    [call_back] = await shop.book.waiting()
    assert call_back.number == OWN
    assert datetime.fromtimestamp(call_back.at, UTC) == datetime(2026, 11, 30, 9, tzinfo=UTC)


async def test_a_transfer_that_fails_in_a_call_is_followed_by_the_offer(
    shop: Shop, ann: Caller
) -> None:
    shop.person_there = True
    assert say("callback_offer", "en") not in (await ann.say("a person please")).text
    assert await ann.talk.nobody_reached("en")
    offered = await ann.hears()
    assert (offered.kind, offered.text) == (ReplyKind.CLARIFY, say("callback_nobody", "en"))
    assert "+47 22 33 44 55" in (await ann.say("yes")).text


async def test_who_does_not_want_one_gets_none(shop: Shop, ann: Caller) -> None:
    await ann.say("a person please")
    assert (await ann.say("no thanks")).text == say("callback_declined", "en")
    assert (await ann.say("where is my parcel?")).text == "You said where is my parcel?"


async def test_who_speaks_of_something_else_is_answered(shop: Shop, ann: Caller) -> None:
    await ann.say("call me back")
    assert (await ann.say("what do you charge for it?")).kind is ReplyKind.ANSWER
    assert (await ann.say("yes")).kind is ReplyKind.ANSWER  # to nothing: the form is put away
    assert await shop.book.waiting() == []


async def test_a_wrong_time_is_asked_for_again(shop: Shop, ann: Caller) -> None:
    await ann.say("can you call me back?")
    assert (await ann.say("hm well")).text == say("callback_time_unclear", "en")
    await ann.say("in two hours")
    assert (await ann.say("no")).text == say("callback_when", "en")
    assert "15:00" in (await ann.say("at three")).text
    await ann.say("yes")
    [call_back] = await shop.book.waiting()
    assert datetime.fromtimestamp(call_back.at, UTC).hour == 15


async def test_another_number_is_refused_unless_the_operator_allows_it(
    shop: Shop, ann: Caller
) -> None:
    await ann.say("call me back")
    told = await ann.say("my number is 21 00 00 01")
    assert "+47 22 33 44 55" in told.text
    assert "know of you" in told.text
    shop.limits = Limits(any_number=True)
    async with running(shop.open()):
        bob = await calling(shop, address="", customer="cus_bob")
        assert (await bob.say("call me back")).text == say("callback_ask_number", "en")
        for costly in ("82 90 00 00", "+1 212 555 0100"):
            assert (await bob.say(costly)).text == say("callback_number_refused", "en")
        assert "+47 21 00 00 01" in (await bob.say("21000001")).text  # by keys


async def test_a_caller_whose_own_number_is_expensive_is_not_called_back(shop: Shop) -> None:
    async with running(shop.open()):
        eve = await calling(shop, address="twilio:+4782900000", customer="cus_eve")
        assert (await eve.say("call me back")).text == say("callback_number_none", "en")
        assert say("callback_offer", "en") not in (await eve.say("a person please")).text
        assert not await eve.talk.nobody_reached("en")


async def test_nobody_arranges_more_than_so_many(shop: Shop, ann: Caller) -> None:
    for _ in range(3):
        await arrange(ann)
        await ann.say("cancel the call-back")
    await ann.say("call me back tomorrow at ten")
    assert (await ann.say("yes")).text == say("callback_too_many", "en")
    other = await calling(shop, customer="cus_mallory")  # who shows the same number
    await other.say("call me back tomorrow at ten")
    assert (await other.say("yes")).text == say("callback_too_many", "en")
    assert await shop.book.waiting() == []


async def test_a_day_and_an_hour_are_those_that_have_gone_by(shop: Shop, ann: Caller) -> None:
    for _ in range(3):
        await arrange(ann)
        await ann.say("cancel the call-back")
    shop.now += 23 * 3600
    await ann.say("call me back on Tuesday at ten")
    assert (await ann.say("yes")).text == say("callback_too_many", "en")
    shop.now += 2 * 3600
    await arrange(ann, "on Tuesday at ten")
    assert len(await shop.book.waiting()) == 1


async def test_a_turn_that_is_done_again_with_more_words_arranges_what_they_say(
    shop: Shop,
) -> None:
    async with running(shop.open()):
        chat = (await shop.desk.open_conversation(CHANNEL, ANN)).id

        async def answer(turn: str, *texts: str) -> Decision:
            told = [msgspec.structs.replace(message(chat, text, customer=ANN), phone=OWN)
                    for text in texts]  # fmt: skip
            understood = understand(told, {}, Past((), {}), "en")
            decision = await shop.arranging.answer(Told(TurnId(turn), told, understood))
            assert decision
            return decision

        await answer("1", "call me back tomorrow at ten")
        await answer("2", "yes")
        [first] = await shop.book.waiting()
        await answer("2", "yes")  # its process died before it was answered
        assert await shop.book.waiting() == [first]
        asked = await answer("2", "yes", "but not before three")
        assert "15:00" in asked.text
        assert await shop.book.waiting() == []


async def test_an_answer_that_is_begun_ahead_arranges_nothing(shop: Shop, ann: Caller) -> None:
    await ann.say("call me back tomorrow at ten")
    await wait_until(lambda: not shop.desk._runner._lanes)  # that turn is over
    ann.talk.prepare("yes please", lambda sentence, language: None)
    await wait_until(lambda: "yes please" in shop.policy.asked)
    assert await shop.book.waiting() == []
    assert (await ann.say("no")).kind is ReplyKind.CLARIFY  # it still waits for an answer
    assert await shop.book.waiting() == []


async def test_two_that_a_customer_arranges_at_the_same_time_are_one(shop: Shop) -> None:
    both = [
        CallBack(
            id=name,
            number=OWN,
            customer=ANN,
            conversation=ConversationId("con_1"),
            channel=CHANNEL,
            locale="en",
            at=shop.now,
            booked_at=shop.now,
        )
        for name in ("cb_1", "cb_2")
    ]
    await asyncio.gather(*map(shop.book.keep, both))
    [waits] = await shop.book.waiting()
    assert await shop.book.of(ANN) == waits
    assert [each.state for each in await shop.book.over()] == [State.CANCELLED]


async def test_the_clock_of_the_machine_may_change_before_the_day_of_the_call(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        shop.zone = None
        shop.now = datetime(2026, 10, 23, 9, 30, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
        async with running(shop.open()):
            ann = await calling(shop)
            assert "26 October at 10:00" in (await ann.say("call me back on Monday at ten")).text
            await ann.say("yes")
        [arranged] = await shop.book.waiting()
        at = datetime.fromtimestamp(arranged.at, ZoneInfo("Europe/Berlin"))
        assert at.isoformat() == "2026-10-26T10:00:00+01:00"
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_the_customer_cancels_it(shop: Shop, ann: Caller) -> None:
    assert (await ann.say("cancel the call-back")).text == say("callback_nothing", "en")
    await arrange(ann)
    assert "30 November" in (await ann.say("when do you call me back?")).text
    assert (await ann.say("cancel the call-back")).text == say("callback_cancelled", "en")
    shop.now += 5 * 24 * 3600
    assert await shop.call_due() is None
    [over] = await shop.book.over()
    assert over.state is State.CANCELLED


async def write(shop: Shop, chat: ConversationId, text: str, **fields: Any) -> Reply:
    """A message on a channel that has verified its customer's number."""
    verified = fields.pop("verified", (f"tel:{OWN}",))
    sent = msgspec.structs.replace(message(chat, text, customer=ANN), **fields)
    before = len(shop.connector.delivered)
    await shop.desk.accept(sent, verified=verified)
    return (await shop.connector.replies(before + 1))[-1]


async def test_a_chat_arranges_one_at_the_number_that_its_channel_has_verified(
    shop: Shop,
) -> None:
    async with running(shop.open()):
        chat = (await shop.desk.open_conversation(CHANNEL, ANN)).id
        assert "+47 22 33 44 55" in (await write(shop, chat, "Please call me back")).text
        await write(shop, chat, "as soon as possible")
        await write(shop, chat, "Yes")
        shop.now += 180
        call = await shop.call_due()
    assert call
    assert (call.address, call.outgoing, call.customer) == (f"twilio:{OWN}", True, ANN)
    assert (call.channel, call.conversation) == (CALL, None)  # the chat is not filled with it
    assert call.opening == say("callback_opening", "en", business="Shop")


async def test_a_chat_without_a_verified_number_or_with_readers_arranges_none(
    shop: Shop,
) -> None:
    async with running(shop.open()):
        chat = (await shop.desk.open_conversation(CHANNEL, ANN)).id
        told = await write(shop, chat, "Please call me back", verified=())
        assert told.text == say("callback_number_none", "en")
        told = await write(shop, chat, "Please call me back", shared=True)
        assert told.text == say("callback_shared", "en")


async def test_it_is_called_once_at_its_time(shop: Shop, ann: Caller) -> None:
    await arrange(ann, "in two hours")
    assert await shop.call_due() is None
    shop.now += 2 * 3600
    shop.person_there = True
    call = await shop.call_due()
    assert call
    assert call.conversation == ann.talk.conversation
    assert call.connects
    assert await shop.call_due() is None
    await shop.calling.reached(call)
    await shop.calling.over(call, EndReason.TRANSFERRED, Timeline())
    shop.now += 24 * 3600
    assert await shop.call_due() is None
    assert [each.state for each in await shop.book.over()] == [State.REACHED]


async def test_who_does_not_answer_is_tried_again_and_then_told(shop: Shop) -> None:
    async with running(shop.open()):
        chat = (await shop.desk.open_conversation(CHANNEL, ANN)).id
        await write(shop, chat, "call me back in one hour")
        await write(shop, chat, "yes")
        shop.now += 3600
        for attempt in range(3):
            call = await shop.call_due()
            assert call, attempt
            timeline = Timeline()
            if attempt == 1:
                timeline.note(3.0, VOICEMAIL)
            reason = EndReason.DESK if attempt == 1 else EndReason.REFUSED
            await shop.calling.over(call, reason, timeline)
            assert await shop.call_due() is None  # not at once
            shop.now += 900
        assert await shop.call_due() is None
        told = (await shop.connector.replies(3))[-1]
    assert told.text == say("callback_missed", "en")
    assert len(shop.dialled) == len({call.id for call in shop.dialled}) == 3
    [over] = await shop.book.over()
    assert over.state is State.MISSED


async def test_a_restart_loses_none_and_a_dead_caller_is_taken_over(
    shop: Shop, ann: Caller
) -> None:
    await arrange(ann, "in two hours")
    shop.now += 2 * 3600
    assert await shop.call_due()  # and the process dies over it
    shop.calling = shop.new_calling()
    assert await shop.call_due() is None  # it may still be talking
    shop.now += 1800 + 180 + 1
    assert await shop.call_due()


async def test_a_line_that_fails_for_now_is_tried_again_and_one_that_cannot_is_not(
    shop: Shop, ann: Caller
) -> None:
    await arrange(ann, "in two hours")
    shop.now += 2 * 3600
    shop.refusal = DeliveryFailed("HTTP 503")
    await shop.call_due()
    shop.now += 900
    shop.refusal = DeliveryFailed("the account is closed", permanent=True)
    await shop.call_due()
    [over] = await shop.book.over()
    assert (over.state, over.reason) == (State.FAILED, "the account is closed")
    assert (await ann.hears()).text == say("callback_failed", "en")


async def test_a_busy_desk_and_a_closed_office_wait_without_an_attempt(
    shop: Shop, ann: Caller
) -> None:
    await arrange(ann, "in two hours")
    shop.now += 2 * 3600
    shop.room = False
    assert await shop.call_due() is None
    shop.room = True
    shop.now += 8 * 3600  # the desk was off until the evening
    assert await shop.call_due() is None
    [call_back] = await shop.book.waiting()
    assert call_back.attempts == 0
    assert datetime.fromtimestamp(call_back.at, UTC) == datetime(2026, 11, 30, 9, tzinfo=UTC)


async def test_a_number_that_is_not_allowed_any_more_is_not_called(shop: Shop, ann: Caller) -> None:
    await arrange(ann, "in two hours")
    shop.now += 2 * 3600
    shop.calling._allowed = Dialling(["+46"]).allows
    assert await shop.call_due() is None
    [over] = await shop.book.over()
    assert over.state is State.FAILED
    assert (await ann.hears()).text == say("callback_failed", "en")


async def test_who_was_reached_while_redis_was_away_is_not_called_again(
    shop: Shop, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await arrange(ann, "in two hours")
    shop.now += 2 * 3600
    call = await shop.call_due()
    assert call

    async def end(*_: object) -> bool:
        raise Unavailable("Redis does not answer")

    with monkeypatch.context() as away:
        away.setattr(shop.book, "end", end)
        with pytest.raises(Unavailable):
            await shop.calling.reached(call)
    await shop.calling.over(call, EndReason.CALLER, Timeline())
    shop.now += 3 * 24 * 3600
    assert await shop.call_due() is None
    assert [each.state for each in await shop.book.over()] == [State.REACHED]


async def test_who_cancels_while_it_is_dialled_is_told_of_no_failure(
    shop: Shop, ann: Caller
) -> None:
    await arrange(ann, "in two hours")
    shop.now += 2 * 3600

    async def dial(call: Call) -> None:
        [waiting] = await shop.book.waiting()
        await shop.book.end(waiting, State.CANCELLED)
        raise DeliveryFailed("the account is closed", permanent=True)

    assert await shop.calling.call_next(dial)
    assert [each.state for each in await shop.book.over()] == [State.CANCELLED]
    last = (await shop.desk.entries(ann.talk.conversation))[-1].item
    assert isinstance(last, Reply)
    assert last.text.startswith("Done.")


async def test_a_line_that_breaks_over_one_call_back_does_not_hold_up_the_next(
    shop: Shop, ann: Caller
) -> None:
    await arrange(ann, "in one hour")
    bob = await calling(shop, address="twilio:+4721000001", customer="cus_bob")
    await arrange(bob, "in one hour")
    shop.now += 3600
    made = asyncio.Event()

    async def dial(call: Call) -> None:
        if call.address.endswith(OWN):
            raise KeyError("calls")
        made.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.call_backs.calling._AFTER_TROUBLE_S", 0.0)
        running_on = asyncio.create_task(shop.calling.run(dial))
        async with asyncio.timeout(10):
            await made.wait()
    running_on.cancel()
    assert ANN in [each.customer for each in await shop.book.waiting()]  # it is tried again later
