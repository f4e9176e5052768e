"""Answers that are begun before their question is certain, without an assistant; with one, see
`assistant/test_calls.py`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.desk import FrontDesk
from bot.draft import HiddenDraft
from bot.messages import ConversationId
from bot.store import Store
from tests.builders import (
    EchoPolicy,
    RecordingConnector,
    build_desk,
    message,
    new_conversation,
    running,
    silent_draft,
    wait_until,
)

WORDS = "where is my parcel"


@pytest.fixture
def policy() -> EchoPolicy:
    return EchoPolicy()


@pytest.fixture
def told() -> list[tuple[str, str]]:
    """What stands of answers that are made ahead, and its language."""
    return []


@pytest.fixture
async def desk(store: Store, tmp_path: Path, policy: EchoPolicy) -> AsyncIterator[FrontDesk]:
    front = build_desk(store, tmp_path, policy)
    front.connect(RecordingConnector())
    async with running(front):
        yield front


@pytest.fixture
async def conversation(desk: FrontDesk) -> ConversationId:
    """One that the desk has answered in."""
    opened = await new_conversation(desk)
    await desk.accept(message(opened, "hello"))
    assert await desk.next_reply(opened, 0, 10)
    await wait_until(lambda: not desk._runner._lanes)
    return opened


async def prepare(
    desk: FrontDesk, conversation: ConversationId, told: list[tuple[str, str]]
) -> int:
    """Have the answer to `WORDS` made ahead; gives how many entries there are without it."""
    desk.prepare(message(conversation, WORDS), lambda *stands: told.append(stands))
    await wait_until(lambda: bool(told))
    return len(await desk.entries(conversation))


async def test_what_was_decided_in_the_pause_is_the_answer(
    desk: FrontDesk,
    conversation: ConversationId,
    policy: EchoPolicy,
    told: list[tuple[str, str]],
) -> None:
    before = len(await desk.entries(conversation))
    assert await prepare(desk, conversation, told) == before
    assert told == [(f"You said: {WORDS}", "en")]
    await desk.accept(message(conversation, WORDS))
    answer = await desk.next_reply(conversation, before, 10)
    assert answer
    assert answer.item.text == f"You said: {WORDS}"
    assert policy.asked == ["hello", WORDS]
    trace = await desk.trace(conversation, answer.item.turn)
    assert trace
    assert trace["prepared"]["ahead_ms"] > 0


async def test_other_words_are_answered_anew(
    desk: FrontDesk,
    conversation: ConversationId,
    policy: EchoPolicy,
    told: list[tuple[str, str]],
) -> None:
    before = await prepare(desk, conversation, told)
    await desk.accept(message(conversation, f"{WORDS} from Tuesday"))
    answer = await desk.next_reply(conversation, before, 10)
    assert answer
    assert answer.item.text == f"You said: {WORDS} from Tuesday"
    assert policy.asked == ["hello", WORDS, f"{WORDS} from Tuesday"]


class TestWhatStands:
    """Whoever makes the sound of an answer ahead is told it once."""

    def test_all_of_it_at_once(self) -> None:
        told: list[str] = []
        HiddenDraft(ConversationId("con_1"), told.append).whole("We open at nine.")
        assert told == ["We open at nine."]

    def test_or_sentence_by_sentence(self) -> None:
        told: list[str] = []
        draft = HiddenDraft(ConversationId("con_1"), told.append)
        draft.say("We open at nine. ")
        draft.whole("We open at nine. We close at five.")
        assert told == ["We open at nine. "]

    def test_not_once_the_turn_has_come(self) -> None:
        told: list[str] = []
        draft = HiddenDraft(ConversationId("con_1"), told.append)
        draft.come_forward(silent_draft())
        draft.whole("We open at nine.")
        assert told == []
