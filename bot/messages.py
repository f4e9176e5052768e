"""What travels: messages in, replies out, and the entries that a conversation's log is made of.

The connectors build a `Message`, the dialogue manager answers with a `Reply`, and both rest in the
conversation's log as an `Entry`. Nothing here does any I/O.
"""

import re
import secrets
from enum import StrEnum
from typing import NewType

import msgspec

ChannelName = NewType("ChannelName", str)
CustomerId = NewType("CustomerId", str)
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
AttachmentId = NewType("AttachmentId", str)
ReplyId = NewType("ReplyId", str)
TurnId = NewType("TurnId", str)
ArticleId = NewType("ArticleId", str)

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
"""What any identifier may look like, wherever it comes from."""


def new_id(prefix: str) -> str:
    """A fresh identifier such as `con_4fK…`, with 96 bits that nobody can guess."""
    return f"{prefix}_{secrets.token_urlsafe(12).replace('-', 'x')}"


def reply_id(conversation: ConversationId, turn: TurnId) -> ReplyId:
    """Of what answers a turn: the same when the turn is done again."""
    return ReplyId(f"rep_{conversation.removeprefix('con_')}_{turn}")


class AttachmentKind(StrEnum):
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    FILE = "file"


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file beside a message or a reply; its bytes are in the media store under `id`."""

    id: AttachmentId
    kind: AttachmentKind
    media_type: str
    """What the bytes are (`image/png`), found by looking at them, not as the sender claimed."""
    size_bytes: int
    name: str = ""
    """The file name that the sender gave; shown, never used as a path."""
    duration_s: float | None = None
    source: str = ""
    """Where the channel's provider still has the bytes, in the channel's own terms; the desk
    fetches them when it looks at the file. Until then kind, type and size are the provider's claim.
    Empty where they lie in the media store already."""


class Utterance(msgspec.Struct, frozen=True):
    """Where in a call something was said."""

    call: str
    from_s: float
    """Seconds since the call was answered, as is the next."""
    to_s: float


class AnswerAs(StrEnum):
    """How the customer wants to be answered."""

    AUTO = "auto"
    """By voice and text where they spoke, otherwise by text."""
    TEXT = "text"
    VOICE = "voice"


class Message(msgspec.Struct, frozen=True, omit_defaults=True, tag="message"):
    """What a customer sent, once, on one channel."""

    id: MessageId
    """Unique within its conversation: a second one with the same id is dropped as a duplicate."""
    channel: ChannelName
    conversation: ConversationId
    customer: CustomerId
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    customer_name: str = ""
    """The customer's name as their channel knows it; empty where it tells none. It is shown to
    nobody, and hidden from language models on other machines."""
    phone: str = ""
    """Number that the customer can be called at (`+4722334455`), as their channel has verified it,
    or as the line of their call tells it, where it can be forged; empty where neither does. It is
    shown to nobody."""
    locale: str = ""
    """BCP 47 tag that the channel reports (`de-AT`); empty where it reports none."""
    answer_as: AnswerAs = AnswerAs.AUTO
    sent_at: float = 0.0
    """Unix time in seconds at which the desk received it."""
    quote: str = ""
    """Words of the message that this one answers, where the channel tells them."""
    replaces: MessageId = MessageId("")
    """The earlier message that this one corrects; empty where it is a new one."""
    unsupported: tuple[str, ...] = ()
    """Kinds of content beside it that the channel cannot pass on (`poll`); the customer is told."""
    joined: bool = False
    """The customer has opened the conversation and is to be greeted."""
    shared: bool = False
    """Others read along, as in a group: what is known from elsewhere has no place here."""
    utterance: Utterance | None = None
    """It was said in a call, whose caller waits for the answer: nothing else is waited for."""


class ReplyKind(StrEnum):
    ANSWER = "answer"
    """The knowledge answers: the text quotes it and `citations` name the article."""
    CLARIFY = "clarify"
    """Several articles compete: the customer is asked which one."""
    PERSON = "person"
    """The customer is told how to reach a person."""
    UNKNOWN = "unknown"
    """Nothing fits, and the desk says so."""
    SOCIAL = "social"
    """A greeting, thanks or a goodbye."""
    PROBLEM = "problem"
    """Something that was sent could not be understood; the text says what and why."""
    NOTICE = "notice"
    """What became of something that the desk does for the customer: linking their apps, a
    call-back."""


class Citation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The article that a reply rests on."""

    article: ArticleId
    title: str
    url: str = ""
    """Where the article opens, relative to the desk; empty where it has no page."""
    quote: str = ""
    """The sentences that were quoted."""


class Reply(msgspec.Struct, frozen=True, omit_defaults=True, tag="reply"):
    """What the desk answers to one turn."""

    id: ReplyId
    """Follows from the turn: a turn done again after a crash gives the same id."""
    channel: ChannelName
    conversation: ConversationId
    customer: CustomerId
    turn: TurnId
    """Empty where no turn has made it."""
    kind: ReplyKind
    text: str
    """Markdown."""
    citations: tuple[Citation, ...] = ()
    suggestions: tuple[str, ...] = ()
    """Short texts that the customer may send back with one tap."""
    speech: tuple[Attachment, ...] = ()
    """The same spoken answer in several formats, best first."""
    transcripts: dict[AttachmentId, str] = {}
    """What was heard in each recording of the turn, shown beside it."""
    waits_s: float = 0.0
    """For which a caller who hears it has something to do, and is not asked whether they are
    there."""
    locale: str = "en"
    created_at: float = 0.0
    """Unix time in seconds."""


class Entry(msgspec.Struct, frozen=True):
    """One line of a conversation's log."""

    seq: int
    """1, 2, 3 … within the conversation, without gaps."""
    item: Message | Reply


class Conversation(msgspec.Struct, frozen=True):
    """A conversation as a connector sees it."""

    id: ConversationId
    channel: ChannelName
    customer: CustomerId
    last_seq: int
    """The newest entry's number; 0 while there is none."""


class Topic(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that the caller wanted."""

    wanted: str
    """In the caller's words."""
    answered: str = ""
    """The beginning of what was answered, as far as it was heard; empty: it stays open."""
    articles: tuple[str, ...] = ()
    """Titles of those that the answer rests on."""
    cut_short: bool = False
    """The caller did not hear the answer to its end."""


class CallSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a call was about, as it is kept beside its conversation."""

    call: str
    began_at: float
    """Unix time in seconds."""
    seconds: float
    ended: str
    """A `bot.calls.transport.EndReason`."""
    topics: tuple[Topic, ...] = ()
    text: str = ""
    """For people, in the language of the business."""
    assistant: str = ""
    """The language model that worded the text; empty: it is made of the topics."""
