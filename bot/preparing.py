"""Answers that are made before their question is certain: a caller pauses, and may go on.

An answer follows from what was understood and from what went before, and from nothing else
(`bot.policy`). So it may be begun for the turn that would be, without a trace in the conversation;
where the turn that comes is understood in the same way, after the same history, the answer is its
own. Otherwise it is dropped, and the language model is asked no further; what it has used by then
counts in the conversation's budget all the same.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bot.draft import Draft, HiddenDraft
from bot.history import Past
from bot.messages import ConversationId, Message
from bot.policy import Decision
from bot.trace import Trace
from bot.understanding import Understanding

log = logging.getLogger(__name__)


class Ahead:
    """One answer that is being made ahead."""

    def __init__(self, conversation: ConversationId, stands: Callable[[str, str], None]) -> None:
        """`stands`: see `bot.calls.talk.CallDesk.prepare`."""
        self.draft = HiddenDraft(conversation, lambda text: stands(text, self._language))
        self.understanding: Understanding | None = None
        """By words alone, before the trained model; None until it is known."""
        self.past: Past | None = None
        self.steps = Trace()
        """Of its making."""
        self._began = time.perf_counter()
        self.task: asyncio.Task[tuple[Understanding, Decision]] | None = None

    async def decided(self, draft: Draft) -> tuple[Understanding, Decision]:
        """The answer, for the turn that has come; `draft` shows it from now on."""
        assert self.task
        self.draft.come_forward(draft)
        return await self.task

    @property
    def _language(self) -> str:
        return self.understanding.language if self.understanding else ""

    def account(self) -> dict[str, Any]:
        """For the trace of its turn, at the moment that it comes."""
        ahead_ms = round((time.perf_counter() - self._began) * 1000, 1)
        return {"ahead_ms": ahead_ms, "milliseconds": self.steps.milliseconds}


class Preparing:
    """At most one answer ahead for each conversation."""

    def __init__(
        self,
        decide: Callable[[Message, Ahead], Awaitable[tuple[Understanding, Decision]]],
    ) -> None:
        """`decide` makes the answer to a message that has not come, and tells the `Ahead` what it
        goes by as soon as that is known."""
        self._decide = decide
        self._ahead: dict[ConversationId, Ahead] = {}

    def begin(self, message: Message, stands: Callable[[str, str], None]) -> None:
        """Make the answer to this message, in place of what is made for its conversation."""
        before = self.drop(message.conversation)
        ahead = Ahead(message.conversation, stands)
        self._ahead[message.conversation] = ahead
        ahead.task = asyncio.create_task(self._made(message, ahead, before), name="answer ahead")
        ahead.task.add_done_callback(_looked_at)

    def take(
        self, conversation: ConversationId, understanding: Understanding, past: Past
    ) -> Ahead | None:
        """The answer to a turn that was understood so, where it is the one that is being made."""
        ahead = self._ahead.get(conversation)
        if ahead and ahead.understanding == understanding and ahead.past == past:
            return self._ahead.pop(conversation)
        self.drop(conversation)
        return None

    def drop(self, conversation: ConversationId) -> "asyncio.Task[Any] | None":
        """It will not be needed. Gives the task that ends."""
        ahead = self._ahead.pop(conversation, None)
        if ahead is None or ahead.task is None:
            return None
        ahead.task.cancel()
        return ahead.task

    async def close(self) -> None:
        """Drop all."""
        dropped = [task for each in list(self._ahead) if (task := self.drop(each))]
        await asyncio.gather(*dropped, return_exceptions=True)

    async def _made(
        self, message: Message, ahead: Ahead, before: "asyncio.Task[Any] | None"
    ) -> tuple[Understanding, Decision]:
        if before:  # one request to the model at a time, each with the budget that is left
            await asyncio.wait([before])
        return await self._decide(message, ahead)


def _looked_at(task: "asyncio.Task[Any]") -> None:
    """A failure of an answer that nobody took is no failure of a turn."""
    if not task.cancelled() and (error := task.exception()):
        log.info("turn.not_prepared", extra={"reason": type(error).__name__})
