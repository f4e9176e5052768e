"""From the desk's log entries to the widget's: the same content, with addresses for the media."""

from bot.messages import Attachment, CustomerId, Entry, Message, Reply
from connectors.webchat.protocol import WireAttachment, WireEntry, WireMessage, WireReply
from connectors.webchat.tokens import MediaAddress, Signer


class Renderer:
    def __init__(self, signer: Signer, *, media_url_s: float) -> None:
        """`media_url_s`: how long an address of a medium works."""
        self._signer = signer
        self._media_url_s = media_url_s

    def entry(self, entry: Entry) -> WireEntry:
        if isinstance(entry.item, Message):
            return WireEntry(entry.seq, message=self._message(entry.item))
        return WireEntry(entry.seq, reply=self._reply(entry.item))

    def attachment(self, attachment: Attachment, customer: CustomerId) -> WireAttachment:
        return WireAttachment(
            id=attachment.id,
            kind=attachment.kind,
            media_type=attachment.media_type,
            size_bytes=attachment.size_bytes,
            url=self.media_url(attachment, customer),
            name=attachment.name,
            duration_s=attachment.duration_s,
        )

    def media_url(self, attachment: Attachment, customer: CustomerId) -> str:
        """An address that opens this attachment for a while, relative to the desk."""
        address = MediaAddress(
            attachment=attachment.id,
            customer=customer,
            kind=attachment.kind,
            media_type=attachment.media_type,
            size_bytes=attachment.size_bytes,
            name=attachment.name,
        )
        return f"/webchat/media/{self._signer.sign(address, expires_in_s=self._media_url_s)}"

    def _message(self, message: Message) -> WireMessage:
        return WireMessage(
            id=message.id,
            sent_at=message.sent_at,
            text=message.text,
            attachments=self._attachments(message.attachments, message.customer),
        )

    def _reply(self, reply: Reply) -> WireReply:
        return WireReply(
            id=reply.id,
            turn=reply.turn,
            created_at=reply.created_at,
            kind=reply.kind,
            text=reply.text,
            locale=reply.locale,
            citations=reply.citations,
            suggestions=reply.suggestions,
            speech=self._attachments(reply.speech, reply.customer),
            transcripts={str(name): text for name, text in reply.transcripts.items()},
        )

    def _attachments(
        self, attachments: tuple[Attachment, ...], customer: CustomerId
    ) -> tuple[WireAttachment, ...]:
        return tuple(self.attachment(attachment, customer) for attachment in attachments)


def attachments_of(entry: Entry) -> tuple[Attachment, ...]:
    item = entry.item
    return item.attachments if isinstance(item, Message) else item.speech
