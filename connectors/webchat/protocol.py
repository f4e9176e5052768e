"""The frames of the webchat protocol, version 1 (docs/protocol.md); nothing here sends them."""

from typing import Annotated, Any, TypeVar

import msgspec

from bot.messages import AnswerAs, AttachmentKind, Citation, ReplyKind

VERSION = 1
LARGEST_FRAME_BYTES = 1_500_000
MOST_ENTRIES = 200

FrameId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
"""Made by the widget: names a message or an upload in acknowledgements and errors."""
AnyId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}\Z")]
"""An identifier that the desk gave out."""
Tag = Annotated[str, msgspec.Meta(max_length=35)]
"""A BCP 47 language tag; RFC 5646 (4.4.1) has 35 characters for the longest in use."""
Token = Annotated[str, msgspec.Meta(max_length=4096)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A whole number that JavaScript counts exactly."""
FewIds = Annotated[tuple[AnyId, ...], msgspec.Meta(max_length=100)]


class FrameError(Exception):
    """What came is not a frame of this protocol. `detail` is for developers, in English."""

    def __init__(self, detail: str, *, code: str = "bad_frame") -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")


# From the widget


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    protocol: int
    token: Token | None = None
    identity: Token | None = None
    locale: Tag = ""
    last_seq: Count = 0


class Say(msgspec.Struct, frozen=True, tag="message"):
    id: FrameId
    text: str = ""
    attachments: FewIds = ()
    answer_as: AnswerAs = AnswerAs.AUTO


class Writing(msgspec.Struct, frozen=True, tag="typing"):
    pass


class Upload(msgspec.Struct, frozen=True, tag="upload"):
    id: FrameId
    size_bytes: Count
    name: Annotated[str, msgspec.Meta(max_length=255)] = ""
    media_type: Annotated[str, msgspec.Meta(max_length=255)] = ""


class Renew(msgspec.Struct, frozen=True, tag="renew"):
    attachments: FewIds


class AskTrace(msgspec.Struct, frozen=True, tag="trace"):
    turn: AnyId


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    pass


class StartCall(msgspec.Struct, frozen=True, tag="call"):
    id: FrameId
    sdp: Annotated[str, msgspec.Meta(max_length=64_000)] = ""
    """The browser's offer (RFC 8866); empty: sound is to travel over a WebSocket."""


class HangUp(msgspec.Struct, frozen=True, tag="hang_up"):
    call: AnyId


Inbound = Hello | Say | Writing | Upload | Renew | AskTrace | StartCall | HangUp | Ping


# To the widget


class WireAttachment(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    kind: AttachmentKind
    media_type: str
    size_bytes: int
    url: str
    name: str = ""
    duration_s: float | None = None


class WireMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    sent_at: float
    text: str = ""
    attachments: tuple[WireAttachment, ...] = ()


class WireReply(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    turn: str
    created_at: float
    kind: ReplyKind
    text: str
    locale: str
    citations: tuple[Citation, ...] = ()
    suggestions: tuple[str, ...] = ()
    speech: tuple[WireAttachment, ...] = ()
    transcripts: dict[str, str] = {}


class WireEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of `message` and `reply` is there."""

    seq: int
    message: WireMessage | None = None
    reply: WireReply | None = None


class WireBusiness(msgspec.Struct, frozen=True):
    name: str
    greeting: str
    suggestions: tuple[str, ...]


class WireLimits(msgspec.Struct, frozen=True):
    text_chars: int
    upload_bytes: int
    attachments: int


class WireIceServer(msgspec.Struct, frozen=True, omit_defaults=True):
    """As `RTCIceServer` in browsers."""

    urls: str
    username: str = ""
    credential: str = ""


class WireCalls(msgspec.Struct, frozen=True, rename="camel"):
    """How the desk can be called."""

    ice_servers: tuple[WireIceServer, ...] = ()


class Welcome(msgspec.Struct, frozen=True, tag="welcome", omit_defaults=True):
    token: str
    conversation: str
    identified: bool
    last_seq: int
    entries: tuple[WireEntry, ...]
    business: WireBusiness
    limits: WireLimits
    developer: bool
    protocol: int
    calls: WireCalls | None = None
    """Absent where the desk takes no calls."""


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    id: str
    seq: int
    duplicate: bool


class UploadReady(msgspec.Struct, frozen=True, tag="upload_ready"):
    id: str
    url: str
    expires_in_s: int


class NewEntry(msgspec.Struct, frozen=True, tag="entry"):
    entry: WireEntry


class ShowTyping(msgspec.Struct, frozen=True, tag="typing"):
    on: bool


class ShowDelta(msgspec.Struct, frozen=True, tag="delta"):
    reply: str
    at: int
    text: str


class CallTaken(msgspec.Struct, frozen=True, tag="call", omit_defaults=True):
    """One of `sdp` and `url` is there."""

    id: str
    call: str
    sdp: str = ""
    """The desk's answer to an offer."""
    url: str = ""
    """Where the WebSocket for the sound is, relative to the desk."""


class ShowCaption(msgspec.Struct, frozen=True, tag="caption"):
    call: str
    by_caller: bool
    text: str
    final: bool


class CallEnded(msgspec.Struct, frozen=True, tag="call_ended"):
    call: str
    reason: str
    """`caller`, `desk`, `transferred` or `lost`."""


class Renewed(msgspec.Struct, frozen=True, tag="renewed"):
    urls: dict[str, str]


class Trace(msgspec.Struct, frozen=True, tag="trace"):
    turn: str
    trace: dict[str, Any] | None


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    pass


class Problem(msgspec.Struct, frozen=True, tag="error", omit_defaults=True):
    code: str
    text: str
    id: str = ""
    retry_after_s: int | None = None
    detail: str = ""
    """For developers, in English: which field of a frame was wrong."""


Outbound = (
    Welcome
    | Ack
    | UploadReady
    | NewEntry
    | ShowTyping
    | ShowDelta
    | CallTaken
    | ShowCaption
    | CallEnded
    | Renewed
    | Trace
    | Pong
    | Problem
)

# To and from JSON


class _Opening(msgspec.Struct):
    """The part of a first frame that every version of the protocol shares."""

    type: str = ""
    protocol: int = VERSION


T = TypeVar("T")
_frames = msgspec.json.Decoder(Inbound)
_openings = msgspec.json.Decoder(_Opening)
_encode = msgspec.json.Encoder().encode


def decode(data: str | bytes) -> Inbound:
    """A frame from the widget. Raises `FrameError` whatever else the data are."""
    frame: Inbound = _decode(_frames, data)
    return frame


def decode_first(data: str | bytes) -> Hello:
    """The frame that opens a connection.

    Raises `FrameError` with the code `protocol_version` if it speaks another version, whatever
    its other fields look like then; `hello_first` if it is another frame, or none.
    """
    try:
        opening = _decode(_openings, data)
        if opening.type == "hello" and opening.protocol != VERSION:
            raise FrameError(
                f"protocol {opening.protocol}; this desk speaks {VERSION}",
                code="protocol_version",
            )
        frame = decode(data)
    except FrameError as error:
        if error.code == "protocol_version":
            raise
        raise FrameError(error.detail, code="hello_first") from error
    if not isinstance(frame, Hello):
        raise FrameError("the first frame must be a hello", code="hello_first")
    return frame


def encode(frame: Outbound) -> str:
    return _encode(frame).decode()


def _decode(decoder: msgspec.json.Decoder[T], data: str | bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        # The library's words name a place in the frame and never quote what was in it.
        raise FrameError(str(error)[:200]) from error
