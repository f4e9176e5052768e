"""The assistant in a call: its sentences are heard as they stand, and begun in a pause."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from bot.calls.talk import CALL, DeskTalk
from bot.calls.transport import Call
from bot.channel import Sentence
from bot.desk import FrontDesk
from bot.intents import IntentBook
from bot.messages import CustomerId, Reply
from bot.policy import DeskPolicy
from bot.store import Store
from tests.bot.assistant.conftest import Desk, Gated, Script
from tests.builders import build_desk, running, wait_until

RETURN = "Can I send goods back after 20 days?"
FIRST = "You may send goods back within 30 days of delivery [1]. "
SECOND = "No reason is needed [1]."
GOOD = "You may send goods back within 30 days of delivery. No reason is needed."


class Caller:
    """One call's talk with the desk."""

    def __init__(self, desk: Desk, front: FrontDesk, talk: DeskTalk) -> None:
        self.desk = desk
        self.front = front
        self.talk = talk
        self.sentences: list[Sentence] = []
        self.ahead: list[str] = []
        """Sentences of answers that were begun in a pause."""
        self.stop_listening = talk.listen(self.sentences.append)
        self._replies = talk.replies()

    @property
    def heard(self) -> str:
        return "".join(sentence.text for sentence in self.sentences)

    @property
    def model(self) -> Gated:
        assert isinstance(self.desk.model, Gated)
        return self.desk.model

    async def says(self, text: str) -> None:
        await self.talk.tell(text, from_s=0, to_s=1)

    def prepares(self, text: str) -> None:
        self.talk.prepare(text, lambda sentence, language: self.ahead.append(sentence))

    async def reply(self) -> Reply:
        async with asyncio.timeout(10):
            return await anext(self._replies)

    async def log(self) -> list[str]:
        return [e.item.text for e in await self.front.entries(self.talk.conversation)]

    async def trace(self, reply: Reply) -> dict[str, Any]:
        trace = await self.front.trace(self.talk.conversation, reply.turn)
        assert trace
        return trace

    async def until_spent(self, least: int) -> None:
        async with asyncio.timeout(10):
            while await self.spent() < least:
                await asyncio.sleep(0)

    async def spent(self) -> int:
        return (await self.desk.budget.spent(self.talk.conversation)).tokens


@pytest.fixture
async def calling(desk: Desk, store: Store, tmp_path: Path) -> AsyncIterator[Any]:
    """Makes a call with an assistant that follows a script."""
    stack: list[Any] = []

    async def call(script: Script, **settings: Any) -> Caller:
        desk.hire(script, gated=True, **settings)
        (tmp_path / "intents").mkdir()
        book = IntentBook(tmp_path / "intents")
        policy = DeskPolicy(desk.knowledge, book, "Corner Shop", {}, {}, desk.assistant)
        front = build_desk(store, tmp_path, policy)
        stack.append(running(front))
        await stack[0].__aenter__()
        talk = await DeskTalk.open(
            front, Call(id="call_1", channel=CALL, customer=CustomerId("cus_ann"))
        )
        caller = Caller(desk, front, talk)
        await caller.says("hello")  # from now on the desk owns the conversation
        await caller.reply()
        await wait_until(lambda: not front._runner._lanes)
        return caller

    yield call
    for each in stack:
        await each.__aexit__(None, None, None)


def gated(*pieces: str | asyncio.Event) -> Script:
    return lambda messages: iter(pieces)


# Sentence by sentence


async def test_a_sentence_is_given_while_the_next_is_written(calling: Any) -> None:
    gate = asyncio.Event()
    caller = await calling(gated(FIRST, "No ", gate, "reason is needed [1]."))
    await caller.says(RETURN)
    await wait_until(lambda: bool(caller.sentences))
    assert caller.heard.strip() == "You may send goods back within 30 days of delivery."
    assert await caller.log() == ["hello", (await caller.log())[1], RETURN]  # no reply yet
    gate.set()
    reply = await caller.reply()
    assert reply.text == GOOD == caller.heard
    assert {each.reply for each in caller.sentences} == {reply.id}
    assert [each.at for each in caller.sentences] == [0, len(caller.sentences[0].text)]


async def test_only_checked_sentences_are_given(calling: Any) -> None:
    caller = await calling(
        gated("Sure, gladly. ", FIRST, "It costs 99 euros to do so [1]. ", SECOND)
    )
    await caller.says(RETURN)
    reply = await caller.reply()
    assert "99" not in caller.heard
    assert caller.heard.split() == reply.text.split()


async def test_an_answer_that_rests_on_nothing_is_not_begun(calling: Any) -> None:
    caller = await calling(gated("You may send goods back within 30 days of delivery. ", "Bye."))
    await caller.says(RETURN)
    reply = await caller.reply()
    assert caller.sentences == []
    assert "shop.example/returns" in reply.text  # the article


async def test_steps_are_given_when_all_of_them_stand(calling: Any) -> None:
    gate = asyncio.Event()
    steps = (
        "1. Plug the router in and wait for the green light [1].\n",
        "2. Open 192.168.1.1 and enter the code from the label [1].\n",
        gate,
        "3. Choose a name for the network [1].\n",
    )
    caller = await calling(gated(*steps))
    await caller.says("How do I set up the router?")
    await wait_until(lambda: len(caller.model.asked) == 1)
    before = list(caller.sentences)
    gate.set()
    reply = await caller.reply()
    assert before == []
    assert caller.heard.split() == reply.text.split()


async def test_what_is_masked_is_given_as_the_customer_wrote_it(calling: Any) -> None:
    def script(messages: list[BaseMessage]) -> Iterator[str]:
        assert "ann@mail.example" not in str(messages)
        yield "Register the return with {EMAIL_1} at shop.example/returns [1]. "
        yield SECOND

    caller = await calling(script)
    await caller.says("How do I return something? I am ann@mail.example")
    await caller.reply()
    assert caller.heard.startswith("Register the return with ann@mail.example at")


async def test_a_withdrawn_answer_is_followed_by_the_article(calling: Any) -> None:
    caller = await calling(gated(FIRST, "Go to evil.example [1]. ", SECOND))
    await caller.says(RETURN)
    reply = await caller.reply()
    assert caller.heard.strip() == "You may send goods back within 30 days of delivery."
    assert caller.sentences[0].reply == reply.id
    assert "Register the return at shop.example/returns" in reply.text
    assert len(await caller.log()) == 4


async def test_what_a_caller_adds_does_not_join_what_was_begun(calling: Any) -> None:
    """Its first sentence was heard as the answer to the first question, and stays that."""
    gate = asyncio.Event()
    asked = 0

    def script(messages: list[BaseMessage]) -> Iterator[str | asyncio.Event]:
        nonlocal asked
        asked += 1
        yield FIRST if asked == 1 else "A parcel to Norway takes 4 to 6 working days [1]."
        if asked == 1:
            yield "Go "
            yield gate
            yield "to evil.example [1]."

    caller = await calling(script)
    await caller.says(RETURN)
    await wait_until(lambda: bool(caller.sentences))
    await caller.says("How long does a parcel to Norway take?")
    gate.set()
    first, second = await caller.reply(), await caller.reply()
    assert first.id != second.id
    assert "shop.example/returns" in first.text
    assert "4 to 6 working days" in second.text


# Begun in the pause


async def test_what_was_begun_is_the_answer(calling: Any) -> None:
    gate = asyncio.Event()
    caller = await calling(gated(FIRST, "No ", gate, "reason is needed [1]."))
    before = await caller.log()
    caller.prepares(RETURN)
    await wait_until(lambda: len(caller.model.asked) == 1)
    await wait_until(lambda: bool(caller.ahead))
    assert caller.ahead == ["You may send goods back within 30 days of delivery. "]
    assert await caller.log() == before
    assert caller.sentences == []
    await caller.says(RETURN)
    await wait_until(lambda: bool(caller.sentences))
    gate.set()
    reply = await caller.reply()
    assert reply.text == GOOD == caller.heard
    assert len(caller.model.asked) == 1
    assert await caller.log() == [*before, RETURN, GOOD]
    assert await caller.spent() == 940
    trace = await caller.trace(reply)
    assert trace["assistant"]["outcome"] == "answered"
    assert trace["prepared"]["ahead_ms"] > 0


async def test_an_answer_that_was_finished_ahead_is_given_at_once(calling: Any) -> None:
    caller = await calling(gated(FIRST, SECOND))
    caller.prepares(RETURN)
    await caller.until_spent(940)
    await caller.says(RETURN)
    reply = await caller.reply()
    assert reply.text == GOOD == caller.heard
    assert len(caller.model.asked) == 1


async def test_a_caller_who_goes_on_is_asked_for_anew_and_nothing_else_has_happened(
    calling: Any,
) -> None:
    never = asyncio.Event()
    asked = 0

    def script(messages: list[BaseMessage]) -> Iterator[str | asyncio.Event]:
        nonlocal asked
        asked += 1
        yield FIRST
        if asked == 1:
            yield never
        yield SECOND

    caller = await calling(script)
    before = await caller.log()
    caller.prepares("Can I send goods back?")
    await wait_until(lambda: len(caller.model.asked) == 1)
    await wait_until(lambda: asked == 1)
    caller.talk.drop_prepared()
    await wait_until(lambda: bool(caller.model.left))  # the request is given up, and paid for
    await caller.until_spent(1)
    assert await caller.log() == before
    dropped = await caller.spent()
    await caller.says(RETURN)
    reply = await caller.reply()
    assert reply.text == GOOD
    assert await caller.log() == [*before, RETURN, GOOD]
    assert len(caller.model.asked) == 2
    assert await caller.spent() == dropped + 940
    assert "prepared" not in await caller.trace(reply)


async def test_the_last_pause_counts(calling: Any) -> None:
    """Each is prepared for in place of the one before, whose request ends first."""
    never = asyncio.Event()
    running_now = most = 0

    def script(messages: list[BaseMessage]) -> Iterator[str | asyncio.Event]:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        try:
            yield FIRST
            if RETURN not in str(messages[-1].text):
                yield never
            yield SECOND
        finally:
            running_now -= 1

    caller = await calling(script)
    for words in ("Can I send", "Can I send goods back", RETURN):
        caller.prepares(words)
        asked = len(caller.model.asked)
        await wait_until(lambda asked=asked: len(caller.model.asked) == asked + 1)
    await caller.says(RETURN)
    assert (await caller.reply()).text == GOOD
    assert len(caller.model.asked) == 3
    assert len(caller.model.left) == 2
    assert most == 1


async def test_other_words_have_it_dropped(calling: Any) -> None:
    caller = await calling(gated(FIRST, SECOND))
    caller.prepares("Can I send goods back?")
    await wait_until(lambda: len(caller.model.asked) == 1)
    await caller.says(RETURN)
    reply = await caller.reply()
    assert len(caller.model.asked) == 2
    assert "prepared" not in await caller.trace(reply)
    assert len(await caller.log()) == 4


async def test_another_history_has_it_dropped(calling: Any) -> None:
    """What was typed beside the call meanwhile may make it another question."""
    caller = await calling(gated(FIRST, SECOND))
    caller.prepares(RETURN)
    await wait_until(lambda: len(caller.model.asked) == 1)
    await caller.says("thank you")
    await caller.reply()
    await caller.says(RETURN)
    reply = await caller.reply()
    assert reply.text == GOOD
    assert len(caller.model.asked) == 2
    assert "prepared" not in await caller.trace(reply)


async def test_a_model_that_fails_ahead_has_the_article_quoted(calling: Any) -> None:
    def script(messages: list[BaseMessage]) -> Iterator[str]:
        yield "You may "
        raise ConnectionRefusedError("no")

    caller = await calling(script)
    caller.prepares(RETURN)
    await wait_until(lambda: len(caller.model.asked) == 1)
    await caller.says(RETURN)
    reply = await caller.reply()
    assert "shop.example/returns" in reply.text
    assert len(caller.model.asked) == 1
    assert (await caller.trace(reply))["assistant"]["outcome"] == "down"


async def test_nothing_is_left_of_what_nobody_took(calling: Any) -> None:
    never = asyncio.Event()
    caller = await calling(gated(FIRST, never))
    before = asyncio.all_tasks()
    caller.prepares(RETURN)
    await wait_until(lambda: len(caller.model.asked) == 1)
    caller.talk.drop_prepared()
    caller.stop_listening()
    await wait_until(lambda: asyncio.all_tasks() <= before)
    assert caller.front._listening == {}


async def test_a_model_that_hangs_in_the_middle_is_followed_by_the_article(calling: Any) -> None:
    never = asyncio.Event()
    caller = await calling(gated(FIRST, "No ", never), timeout_s=0.5)
    await caller.says(RETURN)
    reply = await caller.reply()
    assert caller.heard.strip() == "You may send goods back within 30 days of delivery."
    assert "shop.example/returns" in reply.text
    assert (await caller.trace(reply))["assistant"]["outcome"] == "slow"
    assert caller.model.left  # it is not written any further
