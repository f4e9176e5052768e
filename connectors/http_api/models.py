"""What the HTTP API takes and gives, as /docs shows it."""

from typing import Annotated, Self
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.messages import (
    AnswerAs,
    Attachment,
    AttachmentKind,
    CallSummary,
    ConversationId,
    Entry,
    Message,
    Reply,
    ReplyKind,
)

CustomerName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="Your own, stable name of the customer. Other keys' customers are others.",
    ),
]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$")]


class MessageIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"customer": "user-4711", "text": "Where is my order?", "wait_s": 10}
        },
    )

    customer: CustomerName
    text: str = ""
    attachments: Annotated[
        list[Id], Field(max_length=100, description="Ids that `POST /v1/media` gave.")
    ] = []
    conversation: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z0-9][A-Za-z0-9_.:-]{0,127})?$",
            description="Left out: the customer's newest one, or a new one if there is none.",
        ),
    ] = ""
    id: Annotated[
        str,
        Field(
            max_length=255,
            description="Yours, unique in the conversation: a second message with the same id "
            "changes nothing and gets the same answer. The header `Idempotency-Key` does the same.",
        ),
    ] = ""
    locale: Annotated[
        str, Field(max_length=35, description="BCP 47 tag of the customer, `de-AT`.")
    ] = ""
    answer_as: AnswerAs = AnswerAs.AUTO
    wait_s: Annotated[
        float, Field(ge=0, le=30, description="How long to wait for the reply, in seconds.")
    ] = 0

    @model_validator(mode="after")
    def _is_unicode(self) -> Self:
        """JSON can escape half of a surrogate pair, which no UTF-8 text can hold."""
        for text in (self.customer, self.text, self.id, self.locale):
            text.encode()  # a UnicodeEncodeError is a ValueError, as pydantic wants it
        return self


class CallIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "customer": "user-4711",
                "to": "twilio:+15550100001",
                "opening": "Hello, this is Voltaro. You asked us to call you back.",
            }
        },
    )

    customer: CustomerName
    to: Annotated[
        str,
        Field(
            pattern=r"^[a-z]{1,20}:\+?[0-9]{2,20}$",
            description="A line of `calls.lines`, a colon, and a number.",
        ),
    ]
    opening: Annotated[
        str,
        Field(max_length=1_000, description="What the desk says first, in place of its greeting."),
    ] = ""
    locale: Annotated[
        str, Field(max_length=35, description="BCP 47 tag of the customer, `de-AT`.")
    ] = ""
    conversation: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z0-9][A-Za-z0-9_.:-]{0,127})?$",
            description="One of this customer's, which the call is a part of; left out: a new one.",
        ),
    ] = ""

    @model_validator(mode="after")
    def _is_unicode(self) -> Self:
        for text in (self.customer, self.opening, self.locale):
            text.encode()
        return self


class CallOut(BaseModel):
    call: Annotated[str, Field(description="The desk's name for the call.")]


class AttachmentOut(BaseModel):
    id: str
    kind: AttachmentKind
    media_type: str
    size_bytes: int
    name: str = ""
    duration_s: float | None = None
    url: Annotated[str, Field(description="Where the bytes are; needs the API key too.")]


class CitationOut(BaseModel):
    article: str
    title: str
    url: str
    quote: str


class ReplyOut(BaseModel):
    id: str
    turn: Annotated[str, Field(description="For the trace of how the answer came about.")]
    kind: ReplyKind
    text: Annotated[str, Field(description="Markdown.")]
    citations: list[CitationOut]
    suggestions: list[str]
    speech: Annotated[
        list[AttachmentOut], Field(description="The same spoken answer in several formats.")
    ]
    transcripts: Annotated[
        dict[str, str], Field(description="Attachment id → what was heard in it.")
    ]
    locale: str
    created_at: Annotated[float, Field(description="Unix time in seconds.")]


class MessageOut(BaseModel):
    id: str
    text: str
    attachments: list[AttachmentOut]
    sent_at: Annotated[float, Field(description="Unix time in seconds.")]


class EntryOut(BaseModel):
    """One line of the log: a message, or a reply."""

    seq: Annotated[int, Field(description="1, 2, 3 … in the conversation, without gaps.")]
    message: MessageOut | None = None
    reply: ReplyOut | None = None


class Accepted(BaseModel):
    conversation: str
    id: str
    seq: Annotated[int, Field(description="The message's number in the conversation's log.")]
    duplicate: bool
    reply: Annotated[
        ReplyOut | None, Field(description="There with 200; with 202 it is still being made.")
    ] = None


class TopicOut(BaseModel):
    """One thing that a caller wanted."""

    wanted: Annotated[str, Field(description="In the caller's words.")]
    answered: Annotated[
        str, Field(description="The beginning of what was answered; empty: it stays open.")
    ]
    articles: list[str]
    cut_short: Annotated[bool, Field(description="The caller did not hear the answer to its end.")]


class CallSummaryOut(BaseModel):
    """What a call was about: made of what was heard and said in it."""

    call: str
    began_at: Annotated[float, Field(description="Unix time in seconds.")]
    seconds: float
    ended: Annotated[
        str, Field(description="`caller`, `desk`, `transferred`, `lost` or `refused`.")
    ]
    topics: list[TopicOut]
    text: Annotated[str, Field(description="For people, in the language of the business.")]
    assistant: Annotated[
        str, Field(description="The language model that worded `text`; empty: none did.")
    ]


class ConversationOut(BaseModel):
    id: str
    last_seq: int
    entries: list[EntryOut]
    calls: Annotated[list[CallSummaryOut], Field(description="Its last calls, the oldest first.")]


class TraceOut(BaseModel):
    """What was heard, read, searched and decided in a turn, with milliseconds."""

    model_config = ConfigDict(extra="allow")


class ProblemOut(BaseModel):
    """RFC 9457."""

    type: str
    status: int
    code: Annotated[str, Field(description="For programs: `message_too_long`.")]
    detail: Annotated[str, Field(description="A sentence for people, in the language asked for.")]
    fields: list[dict[str, str]] = []


class Rendering:
    """Entries as one customer of one integrator sees them."""

    def __init__(self, customer: str, conversation: ConversationId | None) -> None:
        self._whose = {"customer": customer}
        if conversation is not None:
            self._whose["conversation"] = conversation

    def entry(self, entry: Entry) -> EntryOut:
        if isinstance(entry.item, Message):
            return EntryOut(seq=entry.seq, message=self._message(entry.item))
        return EntryOut(seq=entry.seq, reply=self.reply(entry.item))

    def reply(self, reply: Reply) -> ReplyOut:
        return ReplyOut(
            id=reply.id,
            turn=reply.turn,
            kind=reply.kind,
            text=reply.text,
            citations=[
                CitationOut(article=c.article, title=c.title, url=c.url, quote=c.quote)
                for c in reply.citations
            ],
            suggestions=list(reply.suggestions),
            speech=[self.attachment(spoken) for spoken in reply.speech],
            transcripts={str(name): text for name, text in reply.transcripts.items()},
            locale=reply.locale,
            created_at=reply.created_at,
        )

    def attachment(self, attachment: Attachment) -> AttachmentOut:
        return AttachmentOut(
            id=attachment.id,
            kind=attachment.kind,
            media_type=attachment.media_type,
            size_bytes=attachment.size_bytes,
            name=attachment.name,
            duration_s=attachment.duration_s,
            url=f"/v1/media/{attachment.id}?{urlencode(self._whose)}",
        )

    def call(self, summary: CallSummary) -> CallSummaryOut:
        return CallSummaryOut(
            call=summary.call,
            began_at=summary.began_at,
            seconds=summary.seconds,
            ended=summary.ended,
            topics=[
                TopicOut(
                    wanted=topic.wanted,
                    answered=topic.answered,
                    articles=list(topic.articles),
                    cut_short=topic.cut_short,
                )
                for topic in summary.topics
            ],
            text=summary.text,
            assistant=summary.assistant,
        )

    def _message(self, message: Message) -> MessageOut:
        return MessageOut(
            id=message.id,
            text=message.text,
            attachments=[self.attachment(a) for a in message.attachments],
            sent_at=message.sent_at,
        )
