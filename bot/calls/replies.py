"""A call's replies: those that grow while they are said, those that wait for the caller's words,
and what was heard of each.

The conversation's history (`talk`) takes a reply to have been given whole. Here is counted what the
player (`playing`) really said of each, and where that is less, or more, the history is told.

The sentences of a reply may come before it does, as the assistant writes it. Each of them has been
checked and was true when it was said, so it stays said, though the whole may be withdrawn: then the
caller is told that it is said anew, hears what the reply is instead, and the history has both.
"""

import asyncio
import logging
from dataclasses import dataclass, field

from bot.calls.ledger import Said
from bot.calls.playing import Player, Sentence
from bot.calls.spoken import rest_of, sentences_of, spoken
from bot.calls.talk import Talk
from bot.channel import Sentence as Grown
from bot.errors import Unavailable
from bot.messages import Reply
from bot.texts import say

log = logging.getLogger(__name__)

_MOST_GIVEN_UP = 50


@dataclass
class _Begun:
    """A reply that is being said."""

    sentences: int = 0
    """That the player was given."""
    said: list[Said] = field(default_factory=list)
    text: str = ""
    """What has been given of it while it grew."""
    grows: bool = True
    """There is more of it to come, which is said as it comes."""
    here: bool = False
    """The reply itself has come."""
    withdrawn: bool = False
    """What was given while it grew is no part of it."""

    @property
    def as_written(self) -> bool:
        """It was heard whole, and nothing else."""
        return not self.withdrawn and sum(each.whole for each in self.said) == self.sentences


class Replies:
    def __init__(self, talk: Talk, player: Player, group: asyncio.TaskGroup) -> None:
        """`group`: in which the history is told while the call goes on."""
        self._talk = talk
        self._player = player
        self._group = group
        self._late: list[Reply] = []
        self._begun: dict[str, _Begun] = {}
        """By the reply's id."""
        self._given_up: list[str] = []
        """Replies that were interrupted before they had come."""

    @property
    def growing(self) -> bool:
        """Whether more of a reply is to come, to be said at once."""
        return any(each.grows for each in self._begun.values())

    def gave_up(self, reply: str) -> bool:
        """Whether the caller has interrupted it already: nothing more is said of it."""
        return reply in self._given_up

    def grow(self, grown: Grown) -> bool:
        """Say a sentence of a reply that has not come. False where it is not to be said: then what
        follows it waits for the reply."""
        if self.gave_up(grown.reply):
            return False
        begun = self._begun.setdefault(grown.reply, _Begun())
        begun.grows = begun.grows and grown.at == len(begun.text)
        if not begun.grows:
            return False
        begun.text += grown.text
        self._say(begun, grown.reply, sentences_of(grown.text, grown.locale), grown.locale)
        return True

    def hold_back(self, reply: str) -> None:
        """Of a growing reply: the caller is speaking. What comes of it now waits until it has
        come."""
        if self.gave_up(reply):
            return
        self._begun.setdefault(reply, _Begun()).grows = False

    def stop_growing(self) -> None:
        """What grows has stopped to: nobody waits for it any more."""
        for each in self._begun.values():
            each.grows = False

    def put_off(self, reply: Reply) -> None:
        """It came while the caller went on speaking: what they have to add may change it."""
        self._late.append(reply)
        if begun := self._begun.get(reply.id):
            begun.grows = False

    def take_late(self) -> list[Reply]:
        """Those that were put off, to be said after all: the caller has added nothing."""
        late, self._late = self._late, []
        return late

    async def leave_late(self) -> None:
        """The caller has added something: those that were put off are not given any more, nor the
        rest of what was held back."""
        late = {reply.id for reply in self.take_late()}
        held = {name for name, each in self._begun.items() if not each.grows and not each.here}
        self._give_up(held - late)
        for reply in late | held:
            begun = self._begun.pop(reply, None)
            await self._note_heard(reply, begun.said if begun else [])

    def say(self, reply: Reply) -> bool:
        """After all that is to be said already, but for what was said while it grew. False where
        there is nothing to be said."""
        begun = self._begun.setdefault(reply.id, _Begun())
        begun.grows, begun.here = False, True
        rest = rest_of(reply.text, begun.text)
        if not begun.text:
            texts = spoken(reply)
        elif rest is not None:
            texts = sentences_of(rest, reply.locale)
        else:
            texts = [*self._withdraw(begun, reply), *spoken(reply)]
        self._say(begun, reply.id, texts, reply.locale)
        return bool(texts)

    def said(self, said: Said) -> None:
        """A sentence was heard, or the beginning of it; it need not be of a reply."""
        if begun := self._begun.get(said.source):
            begun.said.append(said)

    def settle(self) -> None:
        """All was said that has come: the history is told which replies were not heard as they are
        written."""
        self._note({name: each for name, each in self._begun.items() if each.here})

    def give_up(self) -> None:
        """No more is said of any, nor of those that grow."""
        self._give_up({name for name, each in self._begun.items() if not each.here})
        self._note(dict(self._begun))

    async def close(self) -> None:
        """As `give_up`, once the call is over."""
        begun, self._begun = self._begun, {}
        for late in self.take_late():
            begun.setdefault(late.id, _Begun())
        for reply, each in begun.items():
            if not (each.here and each.as_written):
                await self._note_heard(reply, each.said)

    def _say(self, begun: _Begun, reply: str, texts: list[str], locale: str) -> None:
        begun.sentences += len(texts)
        self._player.say(*(Sentence(reply, text, locale) for text in texts))

    def _withdraw(self, begun: _Begun, reply: Reply) -> list[str]:
        """Leave unsaid what can be; what to say before the reply, where some was said."""
        begun.sentences -= self._player.take_back(reply.id)
        begun.withdrawn = begun.sentences > 0
        return [say("call_anew", reply.locale)] if begun.withdrawn else []

    def _give_up(self, replies: set[str]) -> None:
        self._given_up = [*self._given_up, *replies][-_MOST_GIVEN_UP:]

    def _note(self, over: dict[str, _Begun]) -> None:
        for reply, each in over.items():
            del self._begun[reply]
            if not (each.here and each.as_written):
                self._group.create_task(self._note_heard(reply, each.said), name="call ledger")

    async def _note_heard(self, reply: str, said: list[Said]) -> None:
        try:
            await self._talk.heard(reply, said, whole=False)
        except Unavailable as error:
            log.error("call.ledger_unavailable", extra={"reason": str(error)})
