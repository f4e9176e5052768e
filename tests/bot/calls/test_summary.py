"""What is left of a call for whoever comes next: only what was wanted, heard and said."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.assistant import Budget, Model, Summarizer
from bot.assistant_settings import AssistantSection
from bot.calls.ledger import Said
from bot.calls.summaries import MOST_KEPT, Summaries
from bot.calls.summary import text_of, topics_of
from bot.calls.talk import CALL, DeskTalk
from bot.calls.transport import Call, EndReason
from bot.desk import FrontDesk
from bot.draft import Draft
from bot.history import Past
from bot.knowledge import Knowledge
from bot.messages import (
    ArticleId,
    CallSummary,
    Citation,
    CustomerId,
    Entry,
    ReplyId,
    ReplyKind,
    TurnId,
)
from bot.policy import Decision
from bot.store import Store
from bot.understanding import Understanding
from tests.bot.assistant.conftest import Scripted, encoder, index, knowledge, saying
from tests.bot.calls.scripted import reply
from tests.builders import build_desk, message, new_conversation, running

__all__ = ["encoder", "index", "knowledge"]

ANN = CustomerId("cus_ann")
TOPIC = "the refund takes five days"


def entries(*items: str | tuple[ReplyKind, str]) -> list[Entry]:
    """What was said: the caller's words as they are, the desk's with their kind."""
    return [
        Entry(
            seq,
            message("con_1", item) if isinstance(item, str) else reply(item[1], seq, item[0]),
        )
        for seq, item in enumerate(items, 1)
    ]


def test_what_was_answered_and_what_stays_open_are_told_apart() -> None:
    said = entries(
        "hello",
        (ReplyKind.SOCIAL, "Hello!"),
        "how long does a refund take?",
        (ReplyKind.ANSWER, "It takes **5 working days**."),
        "and do you sell fridges?",
        (ReplyKind.UNKNOWN, "I don't know."),
        "thanks",
        (ReplyKind.SOCIAL, "You're welcome!"),
    )
    topics = topics_of(said, {}, ())
    assert [(t.wanted, t.answered) for t in topics] == [
        ("how long does a refund take?", "It takes 5 working days."),
        ("and do you sell fridges?", ""),
    ]
    lines = text_of(topics, "en").splitlines()
    assert "answered: It takes 5 working days." in lines[0]
    assert "open" in lines[1]


def test_a_question_back_and_what_is_answered_to_it_are_one_topic() -> None:
    said = entries(
        "it does not work",
        (ReplyKind.CLARIFY, "Which one?"),
        "the router",
        (ReplyKind.ANSWER, "Restart it."),
        "my order",
        (ReplyKind.CLARIFY, "Which order?"),
    )
    assert [(t.wanted, t.answered) for t in topics_of(said, {}, ())] == [
        ("it does not work … the router", "Restart it."),
        ("my order", ""),
    ]


def test_an_answer_that_came_too_late_or_was_cut_short_is_told_as_such() -> None:
    said = entries("one", (ReplyKind.ANSWER, "It takes five"), "two")
    first, second = topics_of(said, {}, {ReplyId("rep_2")})
    assert first.cut_short
    assert not second.answered
    assert "not heard to the end" in text_of([first], "en")


def test_who_was_connected_with_a_person_is_not_left_open() -> None:
    said = entries("a person please", (ReplyKind.PERSON, "I connect you."))
    assert topics_of(said, {}, ())[0].answered == ""
    assert topics_of(said, {}, (), transferred="connected")[0].answered == "connected"


class Shop:
    """Answers by an article, and remembers what it was told of the past."""

    def __init__(self) -> None:
        self.past: list[Past] = []

    async def decide(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
        self.past.append(past)
        if "fridge" in understanding.typed:
            return Decision(ReplyKind.UNKNOWN, "I do not know.", why="test")
        citations = (Citation(ArticleId("refunds"), "Refund times"),)
        text = "The money comes back. It takes 5 working days."
        return Decision(ReplyKind.ANSWER, text, why="test", citations=citations)


async def held(desk: FrontDesk, *heard: tuple[str, str | None], call: str = "call_1") -> DeskTalk:
    """A call; each question with what was heard of its answer, None for all of it."""
    talk = await DeskTalk.open(desk, Call(id=call, channel=CALL, customer=ANN))
    replies = talk.replies()
    for question, words in heard:
        await talk.tell(question, from_s=0, to_s=1)
        answer = await anext(replies)
        if words is not None:
            said = [Said(answer.id, words, False, 0, 1)] if words else []
            await talk.heard(answer.id, said, whole=False)
    return talk


async def sum_up(summaries: Summaries, talk: DeskTalk, call: str = "call_1") -> CallSummary | None:
    return await summaries.sum_up(
        talk.conversation,
        talk.began_after,
        call=call,
        began_at=1_700_000_000.0 + float(call.rpartition("_")[2]),
        seconds=31.0,
        ended=EndReason.CALLER,
    )


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def desk(store: Store, folder: Path, shop: Shop) -> FrontDesk:
    return build_desk(store, folder, shop)


async def test_only_what_was_heard_is_summed_up(desk: FrontDesk) -> None:
    async with running(desk):
        talk = await held(
            desk, ("when do I get my money?", "The money"), ("and the fridge?", None), ("how?", "")
        )
        summary = await sum_up(desk.summaries(), talk)
    assert summary
    assert [(t.wanted, t.answered, t.articles) for t in summary.topics] == [
        ("when do I get my money?", "The money", ("Refund times",)),
        ("and the fridge?", "", ()),
        ("how?", "", ()),
    ]
    assert summary.topics[0].cut_short
    assert "working days" not in summary.text


async def test_the_next_conversation_and_a_colleague_find_it(desk: FrontDesk, shop: Shop) -> None:
    async with running(desk):
        talk = await held(desk, ("when do I get my money?", None))
        await sum_up(desk.summaries(), talk)
        chat = await new_conversation(desk, ANN)
        await desk.accept(message(chat, "hello again", customer=ANN))
        entry = await desk.next_reply(chat, 0, 10)
        assert entry
        [kept] = await desk.calls(talk.conversation)
        trace = await desk.trace(talk.conversation, TurnId("1"))
        later = await desk.trace(chat, TurnId("1"))
    assert "when do I get my money?" in shop.past[-1].calls[0]
    assert trace
    assert trace["calls"][0]["text"] == kept.text
    assert later
    assert kept.text in later["remembered"]["calls"]


async def test_a_call_without_a_question_leaves_no_summary(desk: FrontDesk) -> None:
    async with running(desk):
        talk = await held(desk)
        assert await sum_up(desk.summaries(), talk) is None
        assert await desk.calls(talk.conversation) == []


async def test_the_oldest_calls_are_forgotten_first(desk: FrontDesk) -> None:
    async with running(desk):
        talk = await held(desk, ("when do I get my money?", None))
        for number in range(MOST_KEPT + 2):
            await sum_up(desk.summaries(), talk, f"call_{number}")
        kept = await desk.calls(talk.conversation)
    assert [summary.call for summary in kept][::19] == ["call_2", "call_21"]


def summarizer(knowledge: Knowledge, store: Store, model: Scripted, **settings: Any) -> Summarizer:
    section = AssistantSection(model="openai:scripted", **settings)
    wrapped = Model(model, section.model, remote=True, sees=False, context_tokens=8_000)
    budget = Budget(store, section, keep_s=3600)
    return Summarizer(wrapped, section, knowledge=knowledge, budget=budget, business="Shop")


async def test_an_assistant_words_it_and_may_add_nothing(
    desk: FrontDesk, knowledge: Knowledge, store: Store
) -> None:
    written = (
        "The caller wanted to know when the money comes back [1]. "
        "The money comes back, and it takes 5 working days [2]. "
        "The fridge was promised for free tomorrow [3]."
    )
    model = Scripted(script=saying(written), asked=[])
    async with running(desk):
        talk = await held(
            desk, ("my name is Anna Schmidt, when does my money come back? ann@shop.example", None)
        )
        summary = await sum_up(desk.summaries(summarizer(knowledge, store, model)), talk)
        [kept] = await desk.calls(talk.conversation)
    assert summary == kept
    assert kept.assistant == ""  # it cites a line that there is none of: nothing of it is kept
    assert "fridge" not in kept.text
    told = "\n".join(str(each.text) for each in model.asked[-1])
    assert "ann@shop.example" not in told
    assert "{EMAIL_1}" in told
    assert "Schmidt" not in told

    model = Scripted(script=saying(written.replace("[3]", "[2]")), asked=[])
    async with running(desk):
        summary = await sum_up(desk.summaries(summarizer(knowledge, store, model)), talk)
    assert summary
    assert summary.assistant == "openai:scripted"
    assert "it takes 5 working days" in summary.text
    assert "fridge" not in summary.text
    assert json.dumps(summary.text)


@pytest.mark.parametrize("end", ["length", ""])
async def test_where_the_assistant_fails_the_words_of_the_call_stay(
    desk: FrontDesk, knowledge: Knowledge, store: Store, end: str
) -> None:
    model = Scripted(script=saying("The caller"), asked=[], end=end)
    async with running(desk):
        talk = await held(desk, ("when do I get my money?", None))
        summary = await sum_up(desk.summaries(summarizer(knowledge, store, model)), talk)
    assert summary
    assert summary.assistant == ""
    assert "when do I get my money?" in summary.text
