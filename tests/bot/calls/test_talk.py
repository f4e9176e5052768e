"""A call is a part of its conversation, on a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.calls.ledger import Said
from bot.calls.talk import CALL, DeskTalk
from bot.calls.transport import Call
from bot.desk import FrontDesk
from bot.messages import ConversationId, CustomerId, Message, Reply
from bot.store import Store
from tests.builders import CHANNEL, EchoPolicy, RecordingConnector, build_desk, message, running

CALLER = CustomerId("cus_ann")


@pytest.fixture
async def desk(store: Store, folder: Path) -> AsyncIterator[FrontDesk]:
    desk = build_desk(store, folder, EchoPolicy())
    desk.connect(RecordingConnector())
    async with running(desk):
        yield desk


async def first(replies: AsyncIterator[Reply]) -> Reply:
    async with asyncio.timeout(10):
        return await anext(replies)


async def test_an_utterance_is_answered_in_the_conversation(desk: FrontDesk) -> None:
    talk = await DeskTalk.open(desk, Call(id="call_1", channel=CALL, customer=CALLER))
    await talk.tell("where is my order", from_s=1.0, to_s=2.5)
    reply = await first(talk.replies())
    assert reply.text == "You said: where is my order"
    assert reply.speech == ()
    said = (await desk.entries(talk.conversation))[0].item
    assert isinstance(said, Message)
    assert said.utterance is not None
    assert (said.utterance.call, said.utterance.from_s, said.utterance.to_s) == ("call_1", 1.0, 2.5)


async def test_an_utterance_waits_for_no_picture_that_it_announces(desk: FrontDesk) -> None:
    talk = await DeskTalk.open(desk, Call(id="call_1", channel=CALL, customer=CALLER))
    started = asyncio.get_running_loop().time()
    await talk.tell("Here is a screenshot", from_s=0, to_s=1)
    await first(talk.replies())
    assert asyncio.get_running_loop().time() - started < 2.0


async def test_what_is_typed_beside_the_call_is_answered_in_it(desk: FrontDesk) -> None:
    chat: ConversationId = (await desk.open_conversation(CHANNEL, CALLER)).id
    call = Call(id="call_1", channel=CHANNEL, customer=CALLER, conversation=chat)
    talk = await DeskTalk.open(desk, call)
    await desk.accept(message(chat, "typed"))
    assert (await first(talk.replies())).text == "You said: typed"


async def test_only_what_was_heard_is_remembered(desk: FrontDesk) -> None:
    talk = await DeskTalk.open(desk, Call(id="call_1", channel=CALL, customer=CALLER))
    replies = talk.replies()
    for text in ("one", "two"):
        await talk.tell(text, from_s=0, to_s=1)
        reply = await first(replies)
        heard = [Said(reply.id, "You said:", False, 0, 1)] if text == "one" else []
        await talk.heard(reply.id, heard, whole=False)
    entries = await desk.entries(talk.conversation)
    assert [e.item.text for e in entries] == ["one", "You said:", "two"]


async def test_what_comes_after_the_call_was_not_heard(store: Store, folder: Path) -> None:
    gate = asyncio.Event()
    desk = build_desk(store, folder, EchoPolicy(gate))
    async with running(desk):
        talk = await DeskTalk.open(desk, Call(id="call_1", channel=CALL, customer=CALLER))
        await talk.tell("one", from_s=0, to_s=1)
        await talk.leave()
        gate.set()
        assert await desk.next_reply(talk.conversation, 0, 10)
        entries = await desk.entries(talk.conversation)
    assert [entry.item.text for entry in entries] == ["one"]


async def test_what_comes_after_the_call_is_read_in_the_chat_beside_it(
    store: Store, folder: Path
) -> None:
    gate = asyncio.Event()
    desk = build_desk(store, folder, EchoPolicy(gate))
    desk.connect(RecordingConnector())
    async with running(desk):
        chat = (await desk.open_conversation(CHANNEL, CALLER)).id
        call = Call(id="call_1", channel=CHANNEL, customer=CALLER, conversation=chat)
        talk = await DeskTalk.open(desk, call)
        await talk.tell("one", from_s=0, to_s=1)
        await talk.leave()
        gate.set()
        assert await desk.next_reply(chat, 0, 10)
        entries = await desk.entries(chat)
    assert [entry.item.text for entry in entries] == ["one", "You said: one"]


async def test_the_number_of_the_line_goes_with_what_is_said(desk: FrontDesk) -> None:
    call = Call(id="call_1", channel=CALL, customer=CALLER, address="twilio:+4741234567")
    talk = await DeskTalk.open(desk, call)
    await talk.tell("hello", from_s=0, to_s=1)
    said = (await desk.entries(talk.conversation))[0].item
    assert isinstance(said, Message)
    assert said.phone == "+4741234567"
