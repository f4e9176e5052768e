"""A shop's articles with the real encoder, and an assistant whose language model reads a script."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from PIL.Image import Image

from bot.assistant import Assistant, Budget, Model, Worded
from bot.assistant_settings import AssistantSection
from bot.draft import Draft
from bot.history import Past
from bot.intents import IntentBook
from bot.knowledge import Knowledge, Query, ingest
from bot.messages import AttachmentId, ConversationId, Reply, ReplyId
from bot.policy import DeskPolicy
from bot.store import Store
from bot.understanding import Understanding
from models.minilm import MiniLM
from tests.builders import (
    CHANNEL,
    RecordingConnector,
    build_desk,
    message,
    new_conversation,
    running,
)

ARTICLES = {
    "returns.md": (
        "# Returning goods\n\nYou may send goods back within 30 days of delivery. No reason is "
        "needed.\n\nRegister the return at shop.example/returns, then hand the parcel in within 14 "
        "days.\n\n## Refund\n\nThe money is refunded within 5 working days after we have checked "
        "the goods. It always goes back the way you paid.\n"
    ),
    "account-locked.md": (
        "# Account locked\n\nAfter five wrong passwords the account is locked for 30 minutes. "
        "Choose **Forgot password?** to open it at once. If somebody else guessed, write to "
        "security@shop.example.\n"
    ),
    "delivery-norway.md": (
        "# Delivery to Norway\n\nA parcel to Norway takes 4 to 6 working days and costs €14.90. "
        "Customs are paid by the shop.\n"
    ),
    "router.md": (
        "# Set up the router\n\n1. Plug the router in and wait for the green light.\n"
        "2. Open 192.168.1.1 and enter the code from the label.\n3. Choose a name for the network."
        "\n"
    ),
}

Script = Callable[[list[BaseMessage]], Iterator[Any]]


class Scripted(GenericFakeChatModel):
    """Says what its script says, in the pieces that it yields; `end` is how it says it ended."""

    messages: Any = iter(())
    script: Any
    end: str = "stop"
    asked: list[list[BaseMessage]]

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self.asked.append(messages)
        for piece in self.script(messages):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
        yield self._last()

    def _last(self) -> ChatGenerationChunk:
        metadata = {"finish_reason": self.end} if self.end else {}
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                response_metadata=metadata,
                usage_metadata={"input_tokens": 900, "output_tokens": 40, "total_tokens": 940},
            )
        )


class Gated(Scripted):
    """Waits at each event that its script yields, and notes where it was left."""

    left: list[str]

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        self.asked.append(messages)
        said = ""
        try:
            for piece in self.script(messages):
                if isinstance(piece, asyncio.Event):
                    await piece.wait()
                else:
                    said += piece
                    yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
        except (asyncio.CancelledError, GeneratorExit):
            self.left.append(said)
            raise
        yield self._last()


def saying(text: str) -> Script:
    """A script that says this, a few characters at a time."""
    return lambda messages: (text[at : at + 5] for at in range(0, len(text), 5))


class Desk:
    """What a test needs to have a question answered by an assistant."""

    def __init__(self, knowledge: Knowledge, store: Store) -> None:
        self.knowledge = knowledge
        self.connector = RecordingConnector()
        self._store = store
        self.model: Scripted
        self.assistant: Assistant
        self.budget: Budget
        self.pictures: dict[str, Image] = {}

    def hire(
        self,
        script: Script | str,
        *,
        remote: bool = True,
        sees: bool = False,
        end: str = "stop",
        context_tokens: int = 8_000,
        gated: bool = False,
        **settings: Any,
    ) -> Assistant:
        """An assistant that follows the script. `gated`: which waits at events."""
        section = AssistantSection(model="openai:scripted", **settings)
        script = saying(script) if isinstance(script, str) else script
        self.model = (
            Gated(script=script, end=end, asked=[], left=[])
            if gated
            else Scripted(script=script, end=end, asked=[])
        )
        return self.employ(
            Model(
                self.model, section.model, remote=remote, sees=sees, context_tokens=context_tokens
            ),
            section,
        )

    def employ(self, model: Model, section: AssistantSection) -> Assistant:
        """An assistant with this model."""
        self.budget = Budget(self._store, section, keep_s=3600)
        self.assistant = Assistant(
            model,
            section,
            knowledge=self.knowledge,
            budget=self.budget,
            business="Corner Shop",
            open_picture=self._picture,
        )
        return self.assistant

    async def ask(
        self,
        typed: str = "",
        *,
        past: Past | None = None,
        conversation: str = "con_1",
        **understood: Any,
    ) -> Worded:
        """The assistant's answer to a turn."""
        understanding = understood_as(typed, **understood)
        finding = await self.knowledge.consult(
            Query(typed=typed, said=understanding.said, shown=understanding.shown)
        )
        draft = Draft(ConversationId(conversation), ReplyId("rep_1"), CHANNEL, self.connector.show)
        return await self.assistant.answer(understanding, past or Past((), {}), finding, draft)

    async def turn(self, folder: Path, typed: str, **asked: Any) -> tuple[Reply, dict[str, Any]]:
        """The reply of a whole desk to a question, and its trace."""
        (folder / "intents").mkdir(exist_ok=True)
        book = IntentBook(folder / "intents")
        policy = DeskPolicy(self.knowledge, book, "Corner Shop", {}, {}, self.assistant)
        front = build_desk(self._store, folder, policy)
        front.connect(self.connector)
        async with running(front):
            conversation = await new_conversation(front)
            await front.accept(msgspec.structs.replace(message(conversation, typed), **asked))
            (reply,) = await self.connector.replies(1)
            trace = await front.trace(conversation, reply.turn)
        assert trace
        return reply, trace

    @property
    def told(self) -> str:
        """All that the model was told in its last request, as text."""
        return "\n".join(str(message.text) for message in self.model.asked[-1])

    @property
    def seen(self) -> list[str]:
        """What the customer has seen of a growing answer, each state of it."""
        states, text = [], ""
        for delta in self.connector.deltas():
            text = text[: delta.at] + delta.text
            states.append(text)
        return states

    async def _picture(self, attachment: AttachmentId) -> Image:
        return self.pictures[attachment]


def understood_as(typed: str = "", **understood: Any) -> Understanding:
    facts: dict[str, Any] = {
        "said": "",
        "shown": "",
        "language": "en",
        "problems": (),
        "social": None,
        "by_voice": False,
    }
    return Understanding(typed=typed, **(facts | understood))


@pytest.fixture(scope="session")
def encoder() -> MiniLM:
    return MiniLM()


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory, encoder: MiniLM) -> Path:
    root = tmp_path_factory.mktemp("shop")
    for name, text in ARTICLES.items():
        path = root / "knowledge" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    ingest(root / "knowledge", root / "index", encoder)
    return root / "index"


@pytest.fixture
async def knowledge(index: Path, encoder: MiniLM) -> AsyncIterator[Knowledge]:
    knowledge = Knowledge.open(index, encoder)
    yield knowledge
    await knowledge.close()


@pytest.fixture
def desk(knowledge: Knowledge, store: Store) -> Desk:
    return Desk(knowledge, store)
