"""Small builders that tests share: a running desk on a real Redis, and messages for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.call_backs.arranging import Arranging
from bot.channel import Delta, Progress
from bot.desk import FrontDesk
from bot.draft import Draft
from bot.errands import Errand
from bot.history import Past
from bot.inbox import InboxLimits
from bot.media import MediaStore
from bot.messages import (
    Attachment,
    ChannelName,
    ConversationId,
    CustomerId,
    Message,
    MessageId,
    Reply,
    ReplyId,
    ReplyKind,
    new_id,
)
from bot.perception import Perception
from bot.policy import Decision, Policy
from bot.recognition import Recogniser
from bot.speech import Speaker
from bot.store import Store
from bot.understanding import Understanding
from models.espeak import Espeak
from models.synthesizer import Synthesizer

CHANNEL = ChannelName("test")


class EchoPolicy:
    """Says back what it understood. `gate`, where given, holds every answer until it is set."""

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.gate = gate
        self.asked: list[str] = []

    async def decide(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
        heard = " ".join(
            part for part in (understanding.typed, understanding.said, understanding.shown) if part
        )
        self.asked.append(heard)
        if self.gate:
            await self.gate.wait()
        return Decision(ReplyKind.ANSWER, f"You said: {heard}", why="echo")


class RecordingConnector:
    """A channel whose customers are this test."""

    channel = CHANNEL

    def __init__(self) -> None:
        self.delivered: list[tuple[int, Reply]] = []
        self.progress: list[Progress] = []
        self._changed = asyncio.Condition()

    async def deliver(self, reply: Reply, seq: int) -> None:
        async with self._changed:
            self.delivered.append((seq, reply))
            self._changed.notify_all()

    def show(self, progress: Progress) -> None:
        self.progress.append(progress)

    def deltas(self) -> list[Delta]:
        return [progress for progress in self.progress if isinstance(progress, Delta)]

    async def replies(self, count: int, timeout_s: float = 20) -> list[Reply]:
        """Wait until at least `count` replies have come."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(self.delivered) >= count)
        return [reply for _, reply in self.delivered]


def build_desk(
    store: Store,
    folder: Path,
    policy: Policy,
    *,
    perception: Perception | None = None,
    limits: InboxLimits | None = None,
    keep_entries: int = 200,
    alone: bool = True,
    recogniser: Recogniser | None = None,
    delivery_s: float = 3600,
    synthesizer: Synthesizer | None = None,
    errands: Sequence[Errand] = (),
    call_backs: Arranging | None = None,
) -> FrontDesk:
    """A desk with the real parts around the policy given; its media lie under `folder`."""
    media = MediaStore(str(folder / "media"))
    return FrontDesk(
        store=store,
        media=media,
        perception=perception or Perception.embedded(media),
        policy=policy,
        speaker=Speaker(synthesizer or Espeak(), media),
        limits=limits or InboxLimits(messages_per_minute=6_000, burst=200),
        keep_days=1,
        keep_entries=keep_entries,
        language="en",
        alone=alone,
        recogniser=recogniser,
        delivery_s=delivery_s,
        errands=errands,
        call_backs=call_backs,
    )


@asynccontextmanager
async def running(desk: FrontDesk) -> AsyncIterator[FrontDesk]:
    """The desk at work; stopped as a clean shutdown does."""
    work = asyncio.create_task(desk.run())
    try:
        yield desk
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def wait_until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    """Let the loop run until a condition holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0)


async def new_conversation(desk: FrontDesk, customer: str = "cus_ann") -> ConversationId:
    return (await desk.open_conversation(CHANNEL, CustomerId(customer))).id


def message(
    conversation: ConversationId,
    text: str = "",
    *attachments: Attachment,
    id: str | None = None,
    customer: str = "cus_ann",
    locale: str = "",
) -> Message:
    return Message(
        id=MessageId(id or new_id("m")),
        channel=CHANNEL,
        conversation=conversation,
        customer=CustomerId(customer),
        text=text,
        attachments=attachments,
        locale=locale,
    )


def silent_draft(conversation: str = "con_1") -> Draft:
    """A draft that nobody sees."""
    return Draft(ConversationId(conversation), ReplyId("rep_1"), CHANNEL, lambda progress: None)
