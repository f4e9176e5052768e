"""The assistant in a whole desk: what reaches the customer, how it grows, and how it is spoken."""

import json
from pathlib import Path

import pytest

from bot.messages import AnswerAs, ReplyKind
from tests.bot.assistant.conftest import Desk

RETURN = "Can I send goods back after 20 days?"
GOOD = "You may send goods back within 30 days of delivery [1]. No reason is needed [1]."


async def test_the_assistants_answer_grows_and_is_sent(desk: Desk, tmp_path: Path) -> None:
    desk.hire(GOOD)
    reply, trace = await desk.turn(tmp_path, RETURN)
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
    desk: Desk, tmp_path: Path, said: str
) -> None:
    desk.hire(said)
    reply, trace = await desk.turn(tmp_path, RETURN)
    assert reply.kind is ReplyKind.ANSWER
    assert reply.text.startswith("You may send goods back within 30 days of delivery.")
    assert "Register the return at shop.example/returns" in reply.text
    assert trace["assistant"]["outcome"] not in ("", "answered")
    assert trace["decision"]["why"] == "an article answers"


@pytest.mark.parametrize("said", [GOOD, "NO_ANSWER"])
async def test_an_answer_by_voice_is_spoken_whole(desk: Desk, tmp_path: Path, said: str) -> None:
    desk.hire(said)
    reply, trace = await desk.turn(tmp_path, RETURN, answer_as=AnswerAs.VOICE)
    assert reply.text.startswith("You may send goods back within 30 days of delivery.")
    ogg, m4a = reply.speech
    assert ogg.duration_s == m4a.duration_s
    assert ogg.duration_s > 2
    assert "speech" in trace["milliseconds"]
