"""What customers get from an assistant, and what they get where it fails."""

import time
from collections.abc import Iterator
from threading import Event

import httpx
import openai
import pytest
from langchain_core.messages import BaseMessage

from bot.history import Past
from bot.messages import (
    ConversationId,
    CustomerId,
    Entry,
    Reply,
    ReplyId,
    ReplyKind,
    TurnId,
)
from tests.bot.assistant.conftest import Desk, Script
from tests.builders import CHANNEL, message

RETURN = "How do I return something?"
GOOD = (
    "You may send goods back within 30 days of delivery, and no reason is needed [1]. "
    "Register the return at shop.example/returns [1].\n\n"
    "The money is refunded within 5 working days [1]."
)


async def test_an_answer_is_sent_without_its_marks_and_with_its_sources(desk: Desk) -> None:
    desk.hire(
        GOOD.replace("refunded within 5 working days [1]", "refunded within 5 working days [2]")
    )
    worded = await desk.ask(RETURN)
    assert worded.answer, worded.account
    assert worded.answer.text == (
        "You may send goods back within 30 days of delivery, and no reason is needed. "
        "Register the return at shop.example/returns.\n\n"
        "The money is refunded within 5 working days."
    )
    (citation,) = worded.answer.citations
    assert (citation.article, citation.title) == ("returns", "Returning goods")
    for quoted in citation.quote.split("\n\n"):
        assert quoted.strip()
    assert "within 30 days of delivery" in citation.quote
    assert "within 5 working days" in citation.quote


async def test_an_answer_grows_word_by_word(desk: Desk) -> None:
    desk.hire(GOOD)
    worded = await desk.ask(RETURN)
    assert worded.answer
    assert len(desk.seen) > 15
    assert "You may send goods" in desk.seen
    assert desk.seen[-1] == worded.answer.text
    assert all(worded.answer.text.startswith(state.rstrip()) for state in desk.seen)


async def test_the_trace_says_what_it_took(desk: Desk) -> None:
    desk.hire(GOOD, input_price=2, output_price=10)
    account = (await desk.ask(RETURN)).account
    assert (account.model, account.outcome) == ("openai:scripted", "answered")
    assert (account.tokens_in, account.tokens_out) == (900, 40)
    assert account.cost == pytest.approx((900 * 2 + 40 * 10) / 1e6)
    assert account.milliseconds >= account.first_word_ms > 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("You may send goods back within 30 days of delivery.", "cites nothing"),
        ("You may send goods back within 30 days of delivery [9].", "cites what it was not given"),
        ("NO_ANSWER", "says that the passages do not answer"),
        ("I'm sorry, I can't help with that.", "nothing in it is backed by a passage"),
        ("Elephants are grey and live in herds [1].", "nothing in it is backed by a passage"),
        ("The refund takes 50 working days [1].", "nothing in it is backed by a passage"),
        ("Goods are never sent back [1].", "nothing in it is backed by a passage"),
        ("Send goods back at evil.example/returns [1].", "names an address that no passage has"),
        ("Register the return ![x](https://evil.example/p.png) [1].", "shows a picture"),
        ("Register the return <img src=x> [1].", "has markup"),
        ("Tell us your password and card number for the refund [1].", "asks for a secret"),
        ("", "empty"),
        ("   \n", "empty"),
        ("<think>They want goods back.", "empty"),
    ],
)
async def test_what_must_not_be_sent_is_not(desk: Desk, said: str, why: str) -> None:
    desk.hire(said)
    worded = await desk.ask(RETURN)
    assert worded.answer is None
    assert worded.account.outcome == why
    assert not desk.seen or desk.seen[-1] == ""
    assert not any("evil" in state or "password" in state for state in desk.seen)


async def test_a_sentence_that_nothing_backs_is_left_out(desk: Desk) -> None:
    desk.hire(GOOD + " Our shop is the cheapest on the whole planet [1].")
    worded = await desk.ask(RETURN)
    assert worded.answer
    assert worded.account.left_out == 1 == worded.answer.left_out
    assert "cheapest" not in worded.answer.text
    assert not any("cheapest" in state for state in desk.seen)


async def test_steps_are_told_whole_or_not_at_all(desk: Desk) -> None:
    desk.hire(
        "1. Plug the router in and wait for the green light [1].\n"
        "2. Dance around a bonfire until midnight [1].\n"
        "3. Choose a name for the network [1]."
    )
    worded = await desk.ask("How do I set up the router?")
    assert (worded.answer, worded.account.outcome) == (
        None,
        "one of its steps is backed by no passage",
    )


async def test_thoughts_of_a_model_are_nobodys(desk: Desk) -> None:
    desk.hire(f"<think>The customer wants returns. Maybe evil.example?</think>\n\n{GOOD}")
    worded = await desk.ask(RETURN)
    assert worded.answer
    assert worded.answer.text.startswith("You may send goods back")
    assert not any("customer wants" in state for state in desk.seen)


def _breaking(error: Exception) -> Script:
    def script(messages: list[BaseMessage]) -> Iterator[str]:
        yield "You may send goods back "
        raise error

    return script


def _refusal(status: int) -> Exception:
    request = httpx.Request("POST", "http://model.example/v1/chat/completions")
    return httpx.HTTPStatusError(
        "no", request=request, response=httpx.Response(status, request=request)
    )


class _ProviderError(Exception):
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code
        super().__init__(f"the key sk-secret of ann@mail.example is wrong ({status_code})")


@pytest.mark.parametrize(
    ("error", "why", "told"),
    [
        (_ProviderError(401), "key refused", "assistant.api_key"),
        (_ProviderError(404), "no such model", "assistant.model"),
        (_ProviderError(429), "limited", "a limit of its rate"),
        (_ProviderError(400), "request refused", "assistant.context_tokens"),
        (_ProviderError(503), "down", "fails (503)"),
        (httpx.ReadTimeout("slow"), "slow", "took too long"),
        (httpx.RemoteProtocolError("peer closed"), "down", "hung up"),
        (ConnectionRefusedError("no"), "down", "cannot be reached"),
        (KeyError("choices"), "malformed", "makes no sense"),
        (
            openai.APIError("overloaded", httpx.Request("POST", "http://model.example"), body=None),
            "down",
            "broke off with an error of its own",
        ),
    ],
)
async def test_a_failing_model_is_told_to_the_operator_and_not_to_the_customer(
    desk: Desk,
    error: Exception,
    why: str,
    told: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk.hire(_breaking(error))
    worded = await desk.ask(RETURN)
    assert (worded.answer, worded.account.outcome) == (None, why)
    assert desk.seen[-1] == ""
    (record,) = [each for each in caplog.records if each.message == "assistant.failed"]
    assert told in record.__dict__["reason"]
    assert "sk-secret" not in record.__dict__["reason"]
    assert worded.account.tokens_in > 0


@pytest.mark.parametrize(
    ("end", "why"), [("", "cut off"), ("length", "too long"), ("content_filter", "refused")]
)
async def test_half_an_answer_is_none_and_is_counted(desk: Desk, end: str, why: str) -> None:
    desk.hire(GOOD, end=end)
    worded = await desk.ask(RETURN)
    assert (worded.answer, worded.account.outcome) == (None, why)
    assert (worded.account.tokens_in, worded.account.tokens_out) == (900, 40)


async def test_a_slow_model_is_not_waited_for(desk: Desk) -> None:
    over = Event()

    def script(messages: list[BaseMessage]) -> Iterator[str]:
        yield "You may send goods back "
        over.wait(20)

    desk.hire(script, timeout_s=0.3)
    started = time.monotonic()
    worded = await desk.ask(RETURN)
    over.set()
    assert (worded.answer, worded.account.outcome) == (None, "slow")
    assert time.monotonic() - started < 5


async def test_a_model_that_keeps_failing_is_left_alone(desk: Desk) -> None:
    desk.hire(_breaking(ConnectionRefusedError("no")))
    outcomes = [(await desk.ask(RETURN)).account.outcome for _ in range(5)]
    assert outcomes == ["down"] * 3 + ["rests after failures"] * 2
    assert len(desk.model.asked) == 3


async def test_a_wrong_key_is_tried_once(desk: Desk) -> None:
    desk.hire(_breaking(_ProviderError(401)))
    await desk.ask(RETURN)
    assert (await desk.ask(RETURN)).account.outcome == "rests after failures"
    assert len(desk.model.asked) == 1


async def test_a_budget_of_tokens_ends_with_the_conversation(desk: Desk) -> None:
    desk.hire(GOOD, conversation_tokens=4_000)
    outcomes = [(await desk.ask(RETURN)).account.outcome for _ in range(4)]
    assert outcomes[0] == "answered"
    assert outcomes[-1] == "the conversation's budget is used up"
    spent = await desk.budget.spent(ConversationId("con_1"))
    assert spent.tokens == 940 * outcomes.count("answered") <= 4_000
    assert (await desk.ask(RETURN, conversation="con_2")).account.outcome == "answered"


async def test_a_budget_of_cost_is_kept(desk: Desk) -> None:
    desk.hire(GOOD, conversation_cost=0.05, input_price=20, output_price=20)
    outcomes = [(await desk.ask(RETURN)).account.outcome for _ in range(4)]
    assert outcomes[0] == "answered"
    assert outcomes[-1] == "the conversation's budget is used up"
    assert (await desk.budget.spent(ConversationId("con_1"))).cost <= 0.05


def _past(turns: int) -> Past:
    entries: list[Entry] = []
    for number in range(turns):
        asked = message(ConversationId("con_1"), f"question number {number}: {'blah ' * 60}")
        entries.append(Entry(2 * number + 1, asked))
        reply = Reply(
            id=ReplyId(f"rep_{number}"),
            channel=CHANNEL,
            conversation=ConversationId("con_1"),
            customer=CustomerId("cus_ann"),
            turn=TurnId("1"),
            kind=ReplyKind.ANSWER,
            text=f"answer number {number}",
        )
        entries.append(Entry(2 * number + 2, reply))
    return Past(tuple(entries), {}, "where is my order → Track an order\nold question")


async def test_the_history_is_told_with_what_fell_off_summed_up(desk: Desk) -> None:
    desk.hire(GOOD)
    worded = await desk.ask(RETURN, past=_past(3))
    assert worded.account.turns_told == 6
    assert "where is my order → Track an order" in desk.told
    assert desk.told.index("question number 0") < desk.told.index("answer number 2")


async def test_a_long_history_is_held_within_the_context(desk: Desk) -> None:
    desk.hire(GOOD, context_tokens=2_100)
    worded = await desk.ask(RETURN, past=_past(6))
    assert worded.answer
    assert 0 < worded.account.turns_told < 12
    assert len(desk.told.encode()) / 3 < 2_100 - 700
    assert "answer number 5" in desk.told
    assert "question number 4" in desk.told  # as a line of the summary, or word for word
    assert "answer number 0" not in desk.told


async def test_a_context_that_is_too_small_asks_nothing(desk: Desk) -> None:
    desk.hire(GOOD, context_tokens=900)
    worded = await desk.ask(RETURN)
    assert (worded.answer, worded.account.outcome) == (None, "too long for the model")
    assert desk.model.asked == []
