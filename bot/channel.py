"""Where channels and the desk meet: what a connector may ask of the desk, and what it must offer.

A connector turns what its provider sends into a `Message`, hands it to `Desk.accept`, and
acknowledges to the provider once that returns. Replies come to `Connector.deliver`.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from bot.messages import (
    Attachment,
    AttachmentId,
    CallSummary,
    ChannelName,
    Conversation,
    ConversationId,
    CustomerId,
    Entry,
    Message,
    MessageId,
    Reply,
    ReplyId,
    TurnId,
)


class Receipt(msgspec.Struct, frozen=True):
    """The message is in Redis."""

    seq: int
    """Its number in the conversation's log."""
    duplicate: bool = False
    """True: it had been accepted before, and nothing happened this time."""


class Whereabouts(msgspec.Struct, frozen=True):
    """Where and when a customer was last heard of in a conversation."""

    address: str
    """As the channel gave it to `Desk.accept`; empty where it gave none."""
    heard_at: float
    """Unix time in seconds of their last message."""


class Typing(msgspec.Struct, frozen=True):
    """The desk began to work on an answer (`on`) or stopped without one."""

    conversation: ConversationId
    on: bool
    channel: ChannelName = ChannelName("")
    """Whose customer the answer is for; no other channel is told."""


class Delta(msgspec.Struct, frozen=True):
    """A piece of a reply that is still being made. The finished reply replaces all of them."""

    conversation: ConversationId
    reply: ReplyId
    at: int
    """Number of characters that came before this piece; 0 starts the reply anew."""
    text: str
    channel: ChannelName = ChannelName("")
    """Whose customer the answer is for; no other channel is told."""


Progress = Typing | Delta


class Sentence(msgspec.Struct, frozen=True):
    """A sentence, or several, of a reply that is still being made: checked, and fit to be spoken.
    The reply will have it word for word, unless all of the answer is withdrawn."""

    conversation: ConversationId
    reply: ReplyId
    at: int
    """Number of characters that came before it; 0 begins the reply, or begins it anew."""
    text: str
    """Markdown, with what parts it from the next."""
    locale: str


DRAFT = "draft"
"""The part of a reply under whose name the id of a growing answer is noted until it is whole."""

Fetch = Callable[[str], AsyncIterator[bytes]]
"""Brings the bytes that an `Attachment.source` names. Raises `CustomerError` where they cannot be
had, and `Unavailable` where it is worth trying again."""


class Connector(Protocol):
    """A channel. One instance serves all its customers."""

    channel: ChannelName

    async def deliver(self, reply: Reply, seq: int) -> None:
        """Send a finished reply; `seq` is its number in the log. Called again after a crash, so
        what the provider offers against duplicates is to be used.

        Raises `DeliveryFailed`.
        """

    def show(self, progress: Progress) -> None:
        """Pass on that an answer is being made. May do nothing; never waits."""


class PictureDoor(Protocol):
    """Where a picture comes in that somebody shows during a telephone call, by the secret of the
    link that they were sent."""

    @property
    def upload_bytes(self) -> int:
        """The largest picture."""

    async def locale(self, token: str) -> str | None:
        """The language of who was sent the link; None where it is good no more, or never was.
        Raises `Unavailable`."""

    async def take(self, token: str, chunks: AsyncIterator[bytes], claimed_type: str) -> None:
        """Take the one picture that may come by a link; it belongs to what the caller is saying.

        Raises `CustomerError` (`picture_link_gone`, `picture_only`, and what `Desk.keep_media`
        and `Desk.accept` raise), after which another one may be tried; `Unavailable`.
        """


class Desk(Protocol):
    """What a connector may ask for."""

    async def open_conversation(
        self,
        channel: ChannelName,
        customer: CustomerId,
        conversation: ConversationId | None = None,
    ) -> Conversation:
        """The conversation named, or a new one of this customer's.

        Raises `CustomerError("unknown_conversation")` if it is not this customer's, whether or
        not it exists, and `Unavailable`.
        """

    async def accept(
        self, message: Message, address: str = "", verified: Sequence[str] = ()
    ) -> Receipt:
        """Take a message. It is in Redis, and will be answered, once this returns.

        `address`: where the channel reaches this customer, in its own terms. Given one, the
        conversation begins with its first message; without, it must have been opened.
        `verified`: addresses (`tel:+47…`, `mailto:…`) that the channel knows to be this customer's
        because it has verified them itself; customers with the same one are one customer.

        Raises `CustomerError` (nothing in it, too long), `TooFast`, `Unavailable`.
        """

    async def withdraw(self, conversation: ConversationId, message: MessageId) -> None:
        """The customer deleted a message: its words and files are forgotten, and if it has not
        been answered, it will not be. Does nothing where there is none. Raises `Unavailable`."""

    async def whereabouts(self, conversation: ConversationId) -> Whereabouts:
        """How its customer is reached. Raises `Unavailable`."""

    async def sent_parts(self, conversation: ConversationId, reply: ReplyId) -> Mapping[str, str]:
        """Which parts of a reply have been sent: their names, and the provider's id of each.
        Raises `Unavailable`."""

    async def note_part(
        self,
        channel: ChannelName,
        conversation: ConversationId,
        reply: ReplyId,
        part: str,
        identifier: str,
    ) -> None:
        """A part of a reply has been sent, and the provider calls it `identifier`. Raises
        `Unavailable`."""

    async def note_state(
        self, channel: ChannelName, identifier: str, state: str, reason: str
    ) -> None:
        """What became of a part: `sent`, `delivered`, `read` or `failed`, for this `reason`. What
        is not known, or has come further already, is left alone. Raises `Unavailable`."""

    async def note_heard(self, conversation: ConversationId, reply: ReplyId, words: str) -> None:
        """Of a reply that was spoken in a call, these words are all that the caller heard: that is
        what the conversation remembers of it. Raises `Unavailable`."""

    def customer_types(self, conversation: ConversationId) -> None:
        """The customer is writing: a turn that waits for words waits a little longer."""

    def customer_sends(self, conversation: ConversationId) -> AbstractContextManager[None]:
        """While this lasts, the customer is sending a file: what they say in a call waits for it,
        and for its message, for a few seconds. Left with an error, or cancelled: it does not
        come."""

    async def entries(
        self, conversation: ConversationId, after: int = 0, limit: int = 200
    ) -> list[Entry]:
        """The log after entry number `after`, oldest first; of more than `limit`, the newest."""

    async def next_reply(
        self, conversation: ConversationId, after: int, timeout_s: float
    ) -> Entry | None:
        """Wait for the first reply after entry number `after`; None if none came in time."""

    async def conversations(self, customer: CustomerId) -> list[Conversation]:
        """All conversations of a customer, on every channel, newest first."""

    async def keep_media(
        self,
        chunks: AsyncIterator[bytes],
        *,
        owner: CustomerId,
        name: str,
        claimed_type: str,
        limit_bytes: int,
    ) -> Attachment:
        """Store an upload as it comes, looking at what it really is.

        Raises `CustomerError` (`upload_too_large`, `upload_empty`, `upload_type`,
        `upload_mismatch`), and keeps nothing then.
        """

    async def find_media(self, attachment: AttachmentId, owner: CustomerId) -> Attachment | None:
        """What this customer uploaded under that id. None if there is none, whether or not it is
        somebody else's."""

    def open_media(self, attachment: AttachmentId) -> AsyncIterator[bytes]:
        """An attachment's bytes. Raises `KeyError` if there are none."""

    async def as_mp3(self, attachment: AttachmentId) -> bytes:
        """A spoken answer as MP3, for apps that play neither OGG nor M4A. Raises `KeyError` if
        there is none, and `Unavailable`."""

    async def trace(self, conversation: ConversationId, turn: TurnId) -> dict[str, Any] | None:
        """What was heard, read, searched and decided in a turn, with milliseconds; beside it, what
        the conversation's calls were about."""

    async def calls(self, conversation: ConversationId) -> Sequence[CallSummary]:
        """What the conversation's last calls were about, the oldest first. Raises `Unavailable`."""
