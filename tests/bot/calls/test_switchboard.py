"""Whoever asked for a call hears what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.calls import first_words
from bot.calls.manner import Manner
from bot.calls.summaries import Wording
from bot.calls.switchboard import CallLimits, Switchboard
from bot.calls.talk import CALL
from bot.calls.timeline import Timeline
from bot.calls.transport import Call, Ended, EndReason, LineEvent
from bot.desk import FrontDesk
from bot.errors import TooFast, Unavailable
from bot.messages import ConversationId, CustomerId, Entry
from bot.speech import Speaker
from bot.store import Store
from models.espeak import Espeak
from models.transcriber import Transcriber
from tests.bot.calls.scripted import Line, Script
from tests.builders import EchoPolicy, build_desk, message, running, wait_until


class Watching:
    """Hears what becomes of the desk's own calls."""

    def __init__(self, fails: bool = False) -> None:
        self.told: list[str] = []
        self._fails = fails

    async def reached(self, call: Call) -> None:
        self.told.append("reached")
        if self._fails:
            raise Unavailable("Redis does not answer")

    async def over(self, call: Call, reason: EndReason, timeline: Timeline) -> None:
        self.told.append(reason)


class NotTaken(Line):
    """Rings, and nobody answers."""

    async def events(self) -> AsyncIterator[LineEvent]:
        yield Ended(EndReason.REFUSED)


def no_transcriber() -> Transcriber:
    raise AssertionError("nobody speaks")


def silent_switchboard(desk: FrontDesk, **more: Any) -> Switchboard:
    """Of calls in which nobody but the desk speaks."""
    return Switchboard(
        desk,
        transcriber=no_transcriber,
        speaker=Speaker(Espeak(), desk._media),
        manner=Manner(business="Shop", language="en"),
        **more,
    )


def called(outgoing: bool) -> Call:
    return Call(id="call_1", channel=CALL, customer=CustomerId("cus_ann"), outgoing=outgoing)


async def held(store: Store, folder: Path, line: Line, watch: Watching, outgoing: bool) -> None:
    desk = build_desk(store, folder, EchoPolicy())
    switchboard = silent_switchboard(desk, watches=[watch])
    async with running(desk):
        await switchboard.talk(called(outgoing), line)
    assert switchboard.room
    assert switchboard.held == 0
    switchboard.close()


async def test_a_call_that_is_not_taken_is_told(store: Store, folder: Path) -> None:
    watch = Watching()
    await held(store, folder, NotTaken(Script(), 1.0), watch, outgoing=True)
    assert watch.told == [EndReason.REFUSED]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_call_that_is_taken_is_told_before_it_is_over(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    monkeypatch.setattr(first_words, "OTHER_SIDE_S", 0.05)
    watch = Watching(fails)
    await held(store, folder, Line(Script(), 0.2), watch, outgoing=True)
    assert watch.told == ["reached", EndReason.CALLER]


async def test_a_call_that_comes_in_is_told_when_it_is_over(store: Store, folder: Path) -> None:
    watch = Watching()
    await held(store, folder, Line(Script(), 0.1), watch, outgoing=False)
    assert watch.told == [EndReason.CALLER]


async def test_a_call_that_finds_no_place_once_it_rings_is_hung_up_and_told(
    store: Store, folder: Path
) -> None:
    desk, watch, line = build_desk(store, folder, EchoPolicy()), Watching(), Line(Script(), 60.0)
    switchboard = silent_switchboard(desk, limits=CallLimits(at_once=0), watches=[watch])
    with pytest.raises(TooFast):
        await switchboard.talk(called(outgoing=True), line)
    assert watch.told == [EndReason.DESK]
    assert [event async for event in line.events()][-1] == Ended(EndReason.DESK)
    switchboard.close()


class Pondering:
    """A language model that takes its time."""

    async def sum_up(
        self, conversation: ConversationId, entries: list[Entry], language: str
    ) -> Wording | None:
        await asyncio.Event().wait()
        return None


async def test_a_desk_that_stops_keeps_what_a_call_was_about_without_waiting_for_a_model(
    store: Store, folder: Path
) -> None:
    desk = build_desk(store, folder, EchoPolicy())
    switchboard = silent_switchboard(desk, summaries=desk.summaries(Pondering()))
    async with running(desk):
        opened = await desk.open_conversation(CALL, CustomerId("cus_ann"))
        call = msgspec.structs.replace(called(outgoing=False), conversation=opened.id)
        line = Line(Script(), 60.0)
        talking = asyncio.create_task(switchboard.talk(call, line))
        await wait_until(lambda: line.now_s > 0)  # the call has begun
        asked = message(opened.id, "where is my parcel?")
        await desk.accept(msgspec.structs.replace(asked, channel=CALL))
        assert await desk.next_reply(opened.id, 0, 10)
        talking.cancel()
        async with asyncio.timeout(10):
            await asyncio.wait([talking])
        [kept] = await desk.calls(opened.id)
    assert kept.topics[0].wanted == "where is my parcel?"
    switchboard.close()
