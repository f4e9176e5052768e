"""A call's replies: those that wait for the caller's words, and what was heard of the others.

The conversation's history (`talk`) takes a reply to have been given whole. Here is counted what the
player (`playing`) really said of each, and where that is less, the history is told.
"""

import asyncio
import logging
from dataclasses import dataclass, field

from bot.calls.ledger import Said
from bot.calls.playing import Player, Sentence
from bot.calls.spoken import spoken
from bot.calls.talk import Talk
from bot.errors import Unavailable
from bot.messages import Reply

log = logging.getLogger(__name__)


@dataclass
class _Begun:
    """A reply that is being said."""

    sentences: int
    said: list[Said] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return sum(each.whole for each in self.said) == self.sentences


class Replies:
    def __init__(self, talk: Talk, player: Player, group: asyncio.TaskGroup) -> None:
        """`group`: in which the history is told while the call goes on."""
        self._talk = talk
        self._player = player
        self._group = group
        self._late: list[Reply] = []
        self._begun: dict[str, _Begun] = {}
        """By the reply's id."""

    def put_off(self, reply: Reply) -> None:
        """It came while the caller went on speaking: what they have to add may change it."""
        self._late.append(reply)

    def take_late(self) -> list[Reply]:
        """Those that were put off, to be said after all: the caller has added nothing."""
        late, self._late = self._late, []
        return late

    async def leave_late(self) -> None:
        """The caller has added something: those that were put off are not given any more."""
        for reply in self.take_late():
            await self._note_heard(reply.id, [])

    def say(self, reply: Reply) -> bool:
        """After all that is to be said already. False where it has nothing that can be said."""
        sentences = spoken(reply)
        if sentences:
            self._begun[reply.id] = _Begun(len(sentences))
            self._player.say(*(Sentence(reply.id, text, reply.locale) for text in sentences))
        return bool(sentences)

    def said(self, said: Said) -> None:
        """A sentence was heard, or the beginning of it; it need not be of a reply."""
        if begun := self._begun.get(said.source):
            begun.said.append(said)

    def settle(self) -> None:
        """No more is said of any: the history is told which were not heard to their end."""
        for reply, said in self._take_unfinished().items():
            self._group.create_task(self._note_heard(reply, said), name="call ledger")

    async def close(self) -> None:
        """As `settle`, once the call is over."""
        for reply, said in self._take_unfinished().items():
            await self._note_heard(reply, said)

    def _take_unfinished(self) -> dict[str, list[Said]]:
        begun, self._begun = self._begun, {}
        return {reply: each.said for reply, each in begun.items() if not each.whole}

    async def _note_heard(self, reply: str, said: list[Said]) -> None:
        try:
            await self._talk.heard(reply, said, whole=False)
        except Unavailable as error:
            log.error("call.ledger_unavailable", extra={"reason": str(error)})
