"""What a provider tells the desk, whichever it is: its webhooks are parsed into these."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from bot.messages import AttachmentKind


class Chat(msgspec.Struct, frozen=True):
    """Where somebody writes, and how they are answered there."""

    user: str
    """The provider's id of the person; within one account it names one customer for ever."""
    address: Mapping[str, str]
    """What `Provider.send` needs to answer: a chat's id, a thread. Kept with the conversation, the
    latest that came."""
    place: str = ""
    """What else tells this conversation from others of the same person: a group, a thread."""
    locale: str = ""
    """BCP 47 tag that the provider reports; empty where it reports none."""
    verified: str = ""
    """An address (`tel:+47…`, `mailto:…`) that the provider vouches for to be this person's:
    WhatsApp's number, a sender whose mail passed authentication. Never one that they merely state.
    """
    name: str = ""
    """The person's name as the provider tells it. It is shown to nobody: the desk hides it from
    language models on other machines."""
    private: bool | None = None
    """Whether nobody else reads along; None: where there is no `place`."""


def kind_of(media_type: str) -> AttachmentKind:
    """What a file is, as its media type has it."""
    family = media_type.partition("/")[0]
    return AttachmentKind(family) if family in ("image", "audio", "video") else AttachmentKind.FILE


class Remote(msgspec.Struct, frozen=True):
    """A file that still lies at the provider."""

    kind: AttachmentKind
    source: str
    """What `Provider.fetch` finds it by; never shown, never logged."""
    media_type: str = ""
    """As the provider claims; looked at when it is fetched."""
    name: str = ""
    size_bytes: int = 0
    """0 where the provider does not say."""
    duration_s: float | None = None


class Said(msgspec.Struct, frozen=True):
    """Somebody wrote, showed or said something."""

    chat: Chat
    id: str
    """The provider's: the same in every delivery of the same message."""
    text: str = ""
    media: tuple[Remote, ...] = ()
    quote: str = ""
    """Words of the message that this one answers, where the provider tells them."""
    replaces: str = ""
    """The id of the earlier message that this one corrects."""
    unsupported: tuple[str, ...] = ()
    """Kinds of content that the desk cannot take (`poll`), in the provider's words: the customer
    is told."""
    joined: bool = False
    """They opened the conversation (`/start`, a first contact) and want to be greeted."""


class Withdrawn(msgspec.Struct, frozen=True):
    """Somebody deleted a message of theirs."""

    chat: Chat
    id: str


class Reacted(msgspec.Struct, frozen=True):
    """Somebody put a sign under a message; no answer is wanted."""

    chat: Chat
    to: str
    """The provider's id of that message."""
    emoji: str
    """Empty: the sign was taken back."""


class Writes(msgspec.Struct, frozen=True):
    """Somebody is typing."""

    chat: Chat


class State(StrEnum):
    """How far a message of the desk's has come."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class Progressed(msgspec.Struct, frozen=True):
    """What became of something that the desk sent."""

    id: str
    """As `Provider.send` returned it."""
    state: State
    reason: str = ""
    """The provider's words, where it failed."""


Event = Said | Withdrawn | Reacted | Writes | Progressed
