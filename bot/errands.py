"""What customers may have the desk do for them beside answering: call them back, text them a link.

The dialogue manager (`manager`) asks each errand first whether a turn is about it, and afterwards
whether it has something to offer beside the answer. A turn may be done again after a crash, or with
more messages: what an errand does for it must then come to the same.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from bot.messages import Message, TurnId
from bot.policy import Decision
from bot.understanding import Understanding


class Told(msgspec.Struct, frozen=True):
    """A turn as errands see it."""

    turn: TurnId
    messages: Sequence[Message]
    """At least one, the oldest first."""
    understanding: Understanding

    @property
    def text(self) -> str:
        """What was typed and said."""
        return f"{self.understanding.typed} {self.understanding.said}".strip()

    @property
    def last(self) -> Message:
        return self.messages[-1]

    @property
    def phone(self) -> str:
        return next((m.phone for m in reversed(self.messages) if m.phone), "")

    @property
    def in_call(self) -> bool:
        return any(message.utterance for message in self.messages)


class Errand(Protocol):
    async def answer(self, told: Told) -> Decision | None:
        """Do what a turn asks for, and what to say about it; None where it is about something
        else. Raises `Unavailable`."""

    async def offer(self, told: Told, decision: Decision) -> Decision:
        """The decision with what can be offered beside it. Raises `Unavailable`."""
