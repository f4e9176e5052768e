"""The language model itself: asked, and its answer told as it comes."""

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from bot.assistant.failures import ModelFailed, failure_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_ENDS = ("finish_reason", "stop_reason", "done_reason")
"""What providers call the reason that an answer ended."""
_WHOLE = frozenset({"stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete"})
_CUT = frozenset({"length", "max_tokens", "max_output_tokens"})


class Usage(msgspec.Struct, frozen=True):
    """Tokens that a request took."""

    given: int
    written: int


class Told(msgspec.Struct, frozen=True):
    """The end of an answer."""

    usage: Usage | None
    """None where the server does not count."""


class Model:
    """A chat model of langchain, and what is known of it."""

    def __init__(
        self, chat: "BaseChatModel", name: str, *, remote: bool, sees: bool, context_tokens: int
    ) -> None:
        """`remote`: it runs on another machine. `sees`: it takes pictures."""
        self._chat = chat
        self.name = name
        self.remote = remote
        self.sees = sees
        self.context_tokens = context_tokens

    async def answer(self, messages: Sequence["BaseMessage"]) -> AsyncGenerator[str | Told]:
        """The words as they come, then `Told`. Raises `ModelFailed`, after `Told` too: what is not
        whole has been counted all the same."""
        whole: Any = None
        end = ""
        try:
            async for chunk in self._chat.astream(list(messages)):
                whole = chunk if whole is None else whole + chunk
                # Not of the whole: what servers say twice is put one after the other there.
                end = _end_in(chunk.response_metadata) or end
                if words := str(chunk.text):
                    yield words
        except TimeoutError as error:
            raise ModelFailed("slow", "the language model took too long") from error
        except Exception as error:
            raise failure_of(error, self.name) from error
        if whole is None:
            raise ModelFailed("malformed", f"{self.name} sent nothing")
        used = whole.usage_metadata
        counted = used and used["input_tokens"]
        yield Told(Usage(used["input_tokens"], used["output_tokens"]) if counted else None)
        _check_end(end, self.name)

    async def probe(self) -> None:
        """Ask for a word. Raises `ModelFailed`."""
        from langchain_core.messages import HumanMessage

        try:
            await self._chat.ainvoke([HumanMessage("Say: yes")])
        except Exception as error:
            raise failure_of(error, self.name) from error


def _end_in(metadata: dict[str, Any]) -> str:
    return str(next((metadata[key] for key in _ENDS if metadata.get(key)), "")).lower()


def _check_end(said: str, name: str) -> None:
    """Raises `ModelFailed` unless the server says that the answer is whole."""
    if said in _WHOLE:
        return
    if not said:
        raise ModelFailed("cut off", f"{name} stopped in the middle of its answer")
    if said in _CUT:
        raise ModelFailed(
            "too long", f"{name} used up `assistant.answer_tokens` before its answer was whole"
        )
    raise ModelFailed("refused", f"{name} ended its answer with {said!r}")
