"""One request to the language model; what it used is booked, however it ends."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from bot.assistant.budget import Budget
from bot.assistant.failures import ModelFailed
from bot.assistant.model import Model, Told, Usage
from bot.assistant.prompt import count_tokens
from bot.errors import Unavailable
from bot.messages import ConversationId

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


class Asking:
    """One request."""

    def __init__(
        self,
        model: Model,
        budget: Budget,
        conversation: ConversationId,
        messages: "Sequence[BaseMessage]",
        tokens: int,
    ) -> None:
        """`tokens`: about as many as the messages are."""
        self._model = model
        self._budget = budget
        self._conversation = conversation
        self._messages = messages
        self._tokens = tokens
        self.used = Usage(0, 0)
        """Known once the words have ended, or were broken off."""

    async def words(self) -> AsyncGenerator[str]:
        """The words as they come. Raises `ModelFailed`."""
        written, told, refused = "", None, False
        try:
            async with aclosing(self._model.answer(self._messages)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Told):
                        told = piece.usage
                    else:
                        written += piece
                        yield piece
        except ModelFailed:
            refused = not written and told is None
            raise
        finally:
            # Also what was thrown away, or cut off, has been paid for; what was refused has not.
            if not refused:
                self.used = told or Usage(self._tokens, count_tokens(written))
                with suppress(Unavailable):
                    await asyncio.shield(self._budget.spend(self._conversation, self.used))
