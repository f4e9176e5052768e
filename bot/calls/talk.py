"""A call as a part of its conversation: utterances become messages, and replies are spoken.

The call follows the conversation's log: whatever answers in it is said, also what answers a
message that was typed beside the call. No connector delivers to a call, and none has to.
"""

import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from bot.calls.ledger import Said
from bot.calls.transport import Call
from bot.channel import Desk, Sentence
from bot.messages import (
    AnswerAs,
    ChannelName,
    Conversation,
    ConversationId,
    Message,
    MessageId,
    Reply,
    ReplyId,
    TurnId,
    Utterance,
    new_id,
    reply_id,
)

CALL = ChannelName("call")
"""The channel of what is said on the telephone. What is said in the widget is of the widget's."""
_WAIT_S = 30.0


class CallDesk(Desk, Protocol):
    """What calls ask of the desk besides what connectors do."""

    def prepare(self, message: Message, stands: Callable[[str, str], None]) -> None:
        """The caller seems to have finished: begin the answer to this, in place of what else was
        begun for its conversation. It is given if a turn comes that says the same after the same
        history; until then nothing is kept or done for it, but that `stands` is told its sentences
        (Markdown), or all of it at once, and their language. May do nothing; never waits."""

    def drop_prepared(self, conversation: ConversationId) -> None:
        """The caller goes on: what was begun is given up."""

    def listen(
        self, conversation: ConversationId, hear: Callable[[Sentence], None]
    ) -> Callable[[], None]:
        """Have `hear` told the sentences of a reply while it is still being made, where that is
        done in this process; the reply itself comes as always. Gives what ends it."""

    async def nobody_reached(self, conversation: Conversation, phone: str, locale: str) -> bool:
        """A caller could not be connected with a person. True: a reply offers to call them back.
        `phone`: their number, where the line tells it. Raises `Unavailable`."""


class Talk(Protocol):
    """What a session says to the desk, and hears from it."""

    async def tell(self, text: str, *, from_s: float, to_s: float) -> None:
        """The caller has said something, in these seconds of the call. Raises `CustomerError` and
        `Unavailable`."""

    def replies(self) -> AsyncIterator[Reply]:
        """What the desk answers, in order, until it is closed. Raises `Unavailable`."""

    def listen(self, hear: Callable[[Sentence], None]) -> Callable[[], None]:
        """See `CallDesk`."""

    def speaks(self) -> None:
        """The caller is speaking: what they have just sent waits for their words."""

    def prepare(self, text: str, stands: Callable[[str, str], None]) -> None:
        """The caller has paused after these words, which may be all: the answer may be begun.
        `stands`: see `CallDesk`."""

    def drop_prepared(self) -> None:
        """They were not all."""

    async def heard(self, reply: str, said: list[Said], *, whole: bool) -> None:
        """What the caller could hear of a reply. Raises `Unavailable`."""

    async def nobody_reached(self, locale: str) -> bool:
        """The caller could not be connected with a person. True: they are offered a call-back, in
        a reply. Raises `Unavailable`."""


class DeskTalk:
    """`Talk` with a desk."""

    def __init__(
        self, desk: CallDesk, call: Call, conversation: ConversationId, after: int
    ) -> None:
        """`after`: number of the conversation's newest entry before the call."""
        self._desk = desk
        self._call = call
        self._conversation = conversation
        self._after = after
        self.began_after = after
        self._answered = after
        """Number of the last turn that was answered."""

    @classmethod
    async def open(cls, desk: CallDesk, call: Call) -> "DeskTalk":
        """Raises `CustomerError("unknown_conversation")` and `Unavailable`."""
        opened = await desk.open_conversation(call.channel, call.customer, call.conversation)
        return cls(desk, call, opened.id, opened.last_seq)

    @property
    def conversation(self) -> ConversationId:
        return self._conversation

    async def tell(self, text: str, *, from_s: float, to_s: float) -> None:
        await self._desk.accept(self._message(text, from_s, to_s), verified=self._call.verified)

    async def leave(self) -> None:
        """The call is over. Of what will answer the caller's last words nothing is heard; in a chat
        it is read. Raises `Unavailable`."""
        if self._call.channel != CALL:
            return
        # A turn goes by its first message, whichever of those that are left that will be.
        for entry in await self._desk.entries(self._conversation, self._answered):
            if isinstance(entry.item, Message):
                turn = TurnId(str(entry.seq))
                await self.heard(reply_id(self._conversation, turn), [], whole=False)

    async def replies(self) -> AsyncIterator[Reply]:
        while True:
            entry = await self._desk.next_reply(self._conversation, self._after, _WAIT_S)
            if entry is not None:
                self._after = entry.seq
                assert isinstance(entry.item, Reply)
                if entry.item.turn:
                    self._answered = int(entry.item.turn)
                yield entry.item

    def listen(self, hear: Callable[[Sentence], None]) -> Callable[[], None]:
        return self._desk.listen(self._conversation, hear)

    def speaks(self) -> None:
        self._desk.customer_types(self._conversation)

    def prepare(self, text: str, stands: Callable[[str, str], None]) -> None:
        self._desk.prepare(self._message(text, 0, 0), stands)

    def drop_prepared(self) -> None:
        self._desk.drop_prepared(self._conversation)

    async def nobody_reached(self, locale: str) -> bool:
        conversation = Conversation(
            self._conversation, self._call.channel, self._call.customer, self._after
        )
        return await self._desk.nobody_reached(conversation, self._phone, locale)

    @property
    def _phone(self) -> str:
        """The caller's number, where the line has told one."""
        number = self._call.address.partition(":")[2]
        return number if number.startswith("+") else ""

    async def heard(self, reply: str, said: list[Said], *, whole: bool) -> None:
        if not whole:
            words = " ".join(each.text for each in said)
            await self._desk.note_heard(self._conversation, ReplyId(reply), words)

    def _message(self, text: str, from_s: float, to_s: float) -> Message:
        return Message(
            id=MessageId(new_id("m")),
            channel=self._call.channel,
            conversation=self._conversation,
            customer=self._call.customer,
            text=text,
            phone=self._phone,
            locale=self._call.locale,
            answer_as=AnswerAs.TEXT,
            sent_at=time.time(),
            utterance=Utterance(self._call.id, round(from_s, 2), round(to_s, 2)),
        )
