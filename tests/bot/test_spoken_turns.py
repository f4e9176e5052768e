"""A turn that is to be answered by voice: one voice, and the text whatever becomes of it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bot.messages import AnswerAs
from bot.store import Store
from models.errors import EngineFailed
from models.synthesizer import Speech, Voice
from tests.builders import (
    EchoPolicy,
    RecordingConnector,
    build_desk,
    message,
    new_conversation,
    running,
)


class Voices:
    """Notes who listens; fails where it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.heard: list[tuple[str, str]] = []
        self._error = error

    def voices(self) -> list[Voice]:
        return [Voice("one", "en")]

    def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
        self.heard.append((text, listener))
        if self._error:
            raise self._error
        yield Speech(np.zeros(8000, np.float32), 8000, text)


@pytest.mark.parametrize(
    "error", [EngineFailed("the speech server is down"), RuntimeError("whatever")]
)
async def test_a_voice_that_fails_leaves_the_answers_text(
    store: Store, folder: Path, error: Exception
) -> None:
    desk = build_desk(store, folder, EchoPolicy(), synthesizer=Voices(error))
    connector = RecordingConnector()
    desk.connect(connector)
    async with running(desk):
        conversation = await new_conversation(desk)
        asked = msgspec.structs.replace(
            message(conversation, "Where is my order?"), answer_as=AnswerAs.VOICE
        )
        await desk.accept(asked)
        (reply,) = await connector.replies(1)
    assert reply.text == "You said: Where is my order?"
    assert reply.speech == ()


async def test_a_conversation_is_the_listener(store: Store, folder: Path) -> None:
    voices = Voices()
    desk = build_desk(store, folder, EchoPolicy(), synthesizer=voices)
    connector = RecordingConnector()
    desk.connect(connector)
    async with running(desk):
        conversations = [await new_conversation(desk, f"cus_{name}") for name in ("ann", "bob")]
        for count, conversation in enumerate([*conversations, conversations[0]], 1):
            customer = f"cus_{'bob' if conversation == conversations[1] else 'ann'}"
            asked = message(conversation, f"Question {'abc'[count - 1]}?", customer=customer)
            await desk.accept(msgspec.structs.replace(asked, answer_as=AnswerAs.VOICE))
            replies = await connector.replies(count)
            assert len(replies[-1].speech) == 2
    first, second = conversations
    assert [listener for _, listener in voices.heard] == [first, second, first]
