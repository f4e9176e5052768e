"""The assistant in a whole desk: what reaches the customer, how it grows, and how it is spoken."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.intents import IntentBook
from bot.messages import AnswerAs, ReplyKind
from bot.policy import DeskPolicy
from bot.store import Store
from tests.bot.assistant.conftest import Desk
from tests.builders import build_desk, message, new_conversation, running

RETURN = "Can I send goods back after 20 days?"
GOOD = "You may send goods back within 30 days of delivery [1]. No reason is needed [1]."


async def _turn(desk: Desk, store: Store, folder: Path, **asked: Any) -> tuple[Any, dict[str, Any]]:
    """The reply to a question, and its trace."""
    (folder / "intents").mkdir(exist_ok=True)
    book = IntentBook(folder / "intents")
    policy = DeskPolicy(desk.knowledge, book, "Corner Shop", {}, {}, desk.assistant)
    front = build_desk(store, folder, policy)
    front.connect(desk.connector)
    async with running(front):
        conversation = await new_conversation(front)
        await front.accept(msgspec.structs.replace(message(conversation, RETURN), **asked))
        (reply,) = await desk.connector.replies(1)
        trace = await front.trace(conversation, reply.turn)
    assert trace
    return reply, trace


async def test_the_assistants_answer_grows_and_is_sent(
    desk: Desk, store: Store, tmp_path: Path
) -> None:
    desk.hire(GOOD)
    reply, trace = await _turn(desk, store, tmp_path)
    assert reply.kind is ReplyKind.ANSWER
    assert reply.text == "You may send goods back within 30 days of delivery. No reason is needed."
    assert [citation.article for citation in reply.citations] == ["returns"]
    assert desk.seen[-1] == reply.text
    assert {delta.reply for delta in desk.connector.deltas()} == {reply.id}
    assert trace["assistant"]["outcome"] == "answered"
    assert trace["assistant"]["tokens_in"] == 900
    assert json.dumps(trace["assistant"])


@pytest.mark.parametrize("said", ["NO_ANSWER", "Elephants are grey.", "Go to evil.example [1]."])
async def test_without_a_good_answer_the_knowledge_is_quoted_in_the_same_turn(
    desk: Desk, store: Store, tmp_path: Path, said: str
) -> None:
    desk.hire(said)
    reply, trace = await _turn(desk, store, tmp_path)
    assert reply.kind is ReplyKind.ANSWER
    assert reply.text.startswith("You may send goods back within 30 days of delivery.")
    assert "Register the return at shop.example/returns" in reply.text
    assert trace["assistant"]["outcome"] not in ("", "answered")
    assert trace["decision"]["why"] == "an article answers"


@pytest.mark.parametrize("said", [GOOD, "NO_ANSWER"])
async def test_an_answer_by_voice_is_spoken_whole(
    desk: Desk, store: Store, tmp_path: Path, said: str
) -> None:
    desk.hire(said)
    reply, trace = await _turn(desk, store, tmp_path, answer_as=AnswerAs.VOICE)
    assert reply.text.startswith("You may send goods back within 30 days of delivery.")
    ogg, m4a = reply.speech
    assert ogg.duration_s == m4a.duration_s
    assert ogg.duration_s > 2
    assert "speech" in trace["milliseconds"]
