"""From what a provider tells to what the desk is told: whose, where, and how much of it."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk import FrontDesk
from bot.errors import TooFast
from bot.inbox import InboxLimits
from bot.messages import ID_PATTERN, AttachmentKind, ChannelName, Message
from bot.store import Store
from connectors.messaging.events import (
    Chat,
    Progressed,
    Reacted,
    Remote,
    Said,
    State,
    Withdrawn,
    Writes,
)
from connectors.messaging.hook import Malformed
from connectors.messaging.intake import Intake, conversation_id, message_id
from tests.builders import EchoPolicy, build_desk

PIGEON = ChannelName("pigeon")
ANN = Chat("ann", {"loft": "7"}, locale="de-AT")
PICTURE = Remote(AttachmentKind.IMAGE, "file-1", "image/png", "a.png", 5)


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> FrontDesk:
    return build_desk(store, tmp_path, EchoPolicy(), limits=InboxLimits(text_chars=20, burst=5))


@pytest.fixture
def intake(desk: FrontDesk) -> Intake:
    return Intake(desk, PIGEON, "shop", text_chars=20, attachments=2)


async def taken(intake: Intake, desk: FrontDesk, said: Said) -> Message:
    """What the log has of it."""
    await intake.take(said)
    newest = (await desk.entries(intake.conversation(said.chat)))[-1].item
    assert isinstance(newest, Message)
    return newest


class TestSaid:
    async def test_everything_is_passed_on(self, intake: Intake, desk: FrontDesk) -> None:
        said = Said(
            ANN, "m-2", text="blue", media=(PICTURE,), quote="Which one?", replaces="m-1",
            unsupported=("poll",), joined=True,
        )  # fmt: skip
        found = await taken(intake, desk, said)
        assert (found.id, found.text, found.quote, found.replaces) == (
            "m-2",
            "blue",
            "Which one?",
            "m-1",
        )
        assert (found.channel, found.locale, found.joined) == ("pigeon", "de-AT", True)
        assert found.unsupported == ("poll",)
        [attachment] = found.attachments
        assert (attachment.source, attachment.kind, attachment.size_bytes) == ("file-1", "image", 5)
        where = await desk.whereabouts(intake.conversation(ANN))
        assert where.address == '{"loft":"7"}'

    async def test_the_address_is_the_latest(self, intake: Intake, desk: FrontDesk) -> None:
        await intake.take(Said(ANN, "m1", text="here"))
        await intake.take(Said(Chat("ann", {"loft": "9"}), "m2", text="now here"))
        where = await desk.whereabouts(intake.conversation(ANN))
        assert where.address == '{"loft":"9"}'

    async def test_a_text_that_is_too_long_is_cut_and_that_is_told(
        self, intake: Intake, desk: FrontDesk
    ) -> None:
        found = await taken(intake, desk, Said(ANN, "m1", text="😀" * 21, quote="q" * 50))
        assert (found.text, len(found.quote)) == ("😀" * 20, 20)
        assert found.unsupported == ("end_of_text",)

    async def test_more_files_than_are_taken_are_left_out_and_that_is_told(
        self, intake: Intake, desk: FrontDesk
    ) -> None:
        found = await taken(intake, desk, Said(ANN, "m1", media=(PICTURE,) * 3))
        assert len(found.attachments) == 2
        assert found.unsupported == ("more_files",)

    @pytest.mark.parametrize("text", ["", "  \n "])
    async def test_a_message_of_nothing_is_told_to_be_one(
        self, intake: Intake, desk: FrontDesk, text: str
    ) -> None:
        assert (await taken(intake, desk, Said(ANN, "m1", text=text))).unsupported == ("nothing",)

    async def test_a_contact_that_says_nothing_is_a_greeting(
        self, intake: Intake, desk: FrontDesk
    ) -> None:
        found = await taken(intake, desk, Said(ANN, "m1", joined=True))
        assert (found.joined, found.unsupported) == (True, ())

    @pytest.mark.parametrize("size", [-5, 2**53 + 1])
    async def test_a_size_that_cannot_be_is_bounded(
        self, intake: Intake, desk: FrontDesk, size: int
    ) -> None:
        remote = Remote(AttachmentKind.FILE, "f", size_bytes=size, duration_s=float("inf"))
        [attachment] = (await taken(intake, desk, Said(ANN, "m1", media=(remote,)))).attachments
        assert 0 <= attachment.size_bytes <= 2**53

    async def test_once_however_often_it_comes(self, intake: Intake, desk: FrontDesk) -> None:
        await asyncio.gather(*(intake.take(Said(ANN, "m1", text="hi")) for _ in range(5)))
        assert len(await desk.entries(intake.conversation(ANN))) == 1

    async def test_a_flood_is_to_come_again(self, intake: Intake) -> None:
        for number in range(5):
            await intake.take(Said(ANN, f"m{number}", text="hi"))
        with pytest.raises(TooFast):
            await intake.take(Said(ANN, "m5", text="hi"))


class TestOthers:
    async def test_what_is_withdrawn_is_forgotten(self, intake: Intake, desk: FrontDesk) -> None:
        await intake.take(Said(ANN, "a message: with spaces", text="my number is 5"))
        await intake.take(Withdrawn(ANN, "a message: with spaces"))
        assert await desk.entries(intake.conversation(ANN)) == []

    async def test_a_report_and_a_reaction_are_no_messages(
        self, intake: Intake, desk: FrontDesk
    ) -> None:
        await intake.take(Progressed("p1", State.READ))
        await intake.take(Reacted(ANN, "p1", "👍"))
        await intake.take(Writes(ANN))
        assert await desk.entries(intake.conversation(ANN)) == []

    async def test_typing_reaches_the_turn_that_waits(
        self, intake: Intake, desk: FrontDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        monkeypatch.setattr(desk, "customer_types", told.append)
        await intake.take(Writes(ANN))
        assert told == [intake.conversation(ANN)]

    async def test_nothing_of_a_customer_s_is_logged(
        self, intake: Intake, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await intake.take(Said(ANN, "m1", text="my words", quote="other words"))
        await intake.take(Reacted(ANN, "p1", "👍"))
        logged = str([vars(record) for record in caplog.records])
        assert "words" not in logged
        assert "'ann'" not in logged


@pytest.mark.parametrize(
    "make",
    [
        lambda odd: Said(ANN, odd, text="x"),
        lambda odd: Said(ANN, "m1", text=odd),
        lambda odd: Said(ANN, "m1", media=odd),
        lambda odd: Said(ANN, "m1", unsupported=(odd,)),
        lambda odd: Said(Chat(odd, {"loft": "7"}), "m1", text="x"),
        lambda odd: Said(Chat("ann", {"loft": odd}), "m1", text="x"),
        lambda odd: Said(ANN, "m1", media=(Remote(AttachmentKind.IMAGE, odd),)),
        lambda odd: Withdrawn(ANN, odd),
        lambda odd: Progressed("p1", odd),
    ],
)
@pytest.mark.parametrize("odd", [5, None, {"a": 1}, [1], "\ud800", True])
async def test_what_cannot_be_is_refused_and_changes_nothing(
    intake: Intake, desk: FrontDesk, store: Store, make: Callable[[Any], Any], odd: Any
) -> None:
    with pytest.raises(Malformed):
        await intake.take(make(odd))
    assert not await store.run("KEYS", "*")


class TestIds:
    def test_a_conversation_follows_from_who_and_where(self) -> None:
        same = conversation_id(PIGEON, "shop", Chat("ann", {"loft": "8"}, locale="en"))
        assert conversation_id(PIGEON, "shop", ANN) == same
        others = {
            conversation_id(PIGEON, "shop", Chat("ben", {})),
            conversation_id(PIGEON, "shop", Chat("ann", {}, place="group")),
            conversation_id(PIGEON, "shop2", ANN),
            conversation_id(ChannelName("raven"), "shop", ANN),
            conversation_id(PIGEON, "sho", Chat("pann", {})),
        }
        assert len(others | {same}) == 6

    @given(st.text())
    def test_any_id_of_a_provider_has_one_of_ours(self, given_id: str) -> None:
        assert ID_PATTERN.fullmatch(message_id(given_id))
        assert message_id(given_id) == message_id(given_id)

    @given(st.text(), st.text())
    def test_two_ids_of_a_provider_have_two_of_ours(self, one: str, other: str) -> None:
        assert (message_id(one) == message_id(other)) is (one == other)

    def test_an_id_that_fits_stays_readable(self) -> None:
        assert message_id("wamid.HBgL:1") == "wamid.HBgL:1"
