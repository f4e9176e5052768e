"""From a provider's events to the desk's messages: who, which conversation, within the limits."""

import hashlib
import logging
import time

import msgspec

from bot.channel import Desk
from bot.messages import (
    ID_PATTERN,
    Attachment,
    AttachmentId,
    ChannelName,
    ConversationId,
    CustomerId,
    Message,
    MessageId,
    new_id,
)
from connectors.customer_ids import customer_id
from connectors.messaging.events import (
    Chat,
    Event,
    Progressed,
    Reacted,
    Remote,
    Said,
    Withdrawn,
    Writes,
)
from connectors.messaging.hook import Malformed

log = logging.getLogger(__name__)

_MOST_BYTES = 2**53
"""What a provider claims may be any number; this is the largest that JSON has everywhere."""
_encode = msgspec.json.Encoder(order="deterministic").encode
_decoders: dict[type[Event], msgspec.json.Decoder[Event]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Said, Withdrawn, Reacted, Writes, Progressed)
}


def _checked(event: Event) -> Event:
    """The event, if every field is of its type: what providers send is checked by channels only as
    far as they look at it. Raises `Malformed`."""
    kind = type(event)
    try:
        return _decoders[kind].decode(_encode(event))
    except (msgspec.MsgspecError, OverflowError, TypeError, UnicodeError) as error:
        raise Malformed(f"not a {kind.__name__}: {type(error).__name__}") from None


class Intake:
    def __init__(
        self,
        desk: Desk,
        channel: ChannelName,
        account: str,
        *,
        text_chars: int,
        attachments: int,
    ) -> None:
        """`text_chars`, `attachments`: the most that the desk takes in one message; what is over
        is left out, and the customer is told."""
        self._desk = desk
        self._channel = channel
        self._account = account
        self._text_chars = text_chars
        self._attachments = attachments

    async def take(self, event: Event) -> None:
        """Hand one event to the desk. What was said is in Redis once this returns.

        Raises `TooFast` and `Unavailable`: the provider is to come again; `Malformed` where the
        channel has let through what cannot be.
        """
        event = _checked(event)
        match event:
            case Said():
                address = _encode(event.chat.address).decode()
                verified = (event.chat.verified,) if event.chat.verified else ()
                await self._desk.accept(self._message(event), address, verified)
            case Withdrawn():
                await self._desk.withdraw(self.conversation(event.chat), message_id(event.id))
            case Writes():
                self._desk.customer_types(self.conversation(event.chat))
            case Progressed():
                await self._desk.note_state(
                    self._channel, event.id, event.state.value, event.reason
                )
            case Reacted():
                log.info("channel.reaction", extra={"channel": self._channel, "to": event.to})

    def conversation(self, chat: Chat) -> ConversationId:
        """Of this person at this place: the same for ever, so that no lookup is needed and two
        first messages at once begin one conversation."""
        return conversation_id(self._channel, self._account, chat)

    def customer(self, chat: Chat) -> CustomerId:
        return customer_id(self._channel, self._account, chat.user)

    def _message(self, said: Said) -> Message:
        text = said.text
        unsupported = list(said.unsupported)
        if len(text) > self._text_chars:
            text = text[: self._text_chars]
            unsupported.append("end_of_text")
        if len(said.media) > self._attachments:
            unsupported.append("more_files")
        media = said.media[: self._attachments]
        if not (text.strip() or media or unsupported or said.joined):
            unsupported.append("nothing")
        return Message(
            id=message_id(said.id),
            channel=self._channel,
            conversation=self.conversation(said.chat),
            customer=self.customer(said.chat),
            text=text,
            attachments=tuple(_attachment(each) for each in media),
            customer_name=said.chat.name[:120],
            locale=said.chat.locale,
            sent_at=time.time(),
            quote=said.quote[: self._text_chars],
            replaces=message_id(said.replaces) if said.replaces else MessageId(""),
            unsupported=tuple(unsupported),
            joined=said.joined,
            shared=bool(said.chat.place) if said.chat.private is None else not said.chat.private,
        )


def conversation_id(channel: ChannelName, account: str, chat: Chat) -> ConversationId:
    parts = [part.encode() for part in (channel, account, chat.place, chat.user)]
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return ConversationId(f"con_{hashlib.sha256(framed).hexdigest()[:32]}")


def message_id(given: str) -> MessageId:
    """The provider's id where it fits the desk's pattern; one that follows from it elsewhere."""
    if ID_PATTERN.fullmatch(given):
        return MessageId(given)
    return MessageId(f"k_{hashlib.sha256(given.encode()).hexdigest()[:40]}")


def _attachment(remote: Remote) -> Attachment:
    return Attachment(
        id=AttachmentId(new_id("att")),
        kind=remote.kind,
        media_type=remote.media_type,
        size_bytes=min(max(0, remote.size_bytes), _MOST_BYTES),
        name=remote.name[:120],
        duration_s=remote.duration_s,
        source=remote.source,
    )
