"""The channel: fetches what comes into a mailbox, decides what is answered, sends the answers."""

import asyncio
import base64
import binascii
import hashlib
import logging
import quopri
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import aiosmtplib
import msgspec

from bot.channel_settings import EmailSection
from bot.errors import CustomerError, DeliveryFailed, TooFast, Unavailable
from bot.messages import ChannelName
from connectors.email.authenticity import is_authentic
from connectors.email.automatic import why_automatic
from connectors.email.bounce import read_bounce
from connectors.email.imap import LoginRefused, Mailbox, open_mailbox
from connectors.email.incoming import Letter, Unreadable, parse_mail, read_letter, reading, unread
from connectors.email.outgoing import NotSendable, is_ascii, our_id, place_of, write_mail
from connectors.email.servers import Safety, read_server, tls_context
from connectors.limiter import Rate
from connectors.messaging.api import wrong_credentials
from connectors.messaging.capabilities import Capabilities
from connectors.messaging.dialects import MARKDOWN
from connectors.messaging.events import Chat, Event, Said
from connectors.messaging.provider import Address, Provider, Services, Take
from connectors.messaging.render import Part, Text

log = logging.getLogger(__name__)

IDLE_S = 28 * 60.0
"""RFC 2177 has clients begin anew before 29 minutes."""
LARGEST_MAIL_BYTES = 35 * 1024**2
"""Of a larger one only the beginning is read, and the customer is told. Servers take files of 25 MB
together, which are a third longer in a mail."""
_BEGINNING_BYTES = 256 * 1024
_LOOK_BACK = timedelta(days=2)
_PIECE_BYTES = 64 * 1024
_POSITION = "position"


class Ignored(msgspec.Struct, frozen=True):
    """A mail that is not answered; it stays unread for people to see."""

    why: str


def provider(settings: EmailSection, services: Services) -> "EmailChannel":
    return EmailChannel(settings, services)


class EmailChannel(Provider):
    channel = ChannelName("email")

    def __init__(
        self,
        settings: EmailSection,
        services: Services,
        *,
        idle_s: float = IDLE_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.account = settings.address.casefold()
        self.can = Capabilities(
            text_limit=100_000,
            # `write_mail` makes both of a mail's texts from it.
            dialect=MARKDOWN,
            pace=Rate(per_minute=120, burst=20),
            chat_pace=Rate(per_minute=20, burst=5),
            answers=Rate(settings.answers_per_hour / 60, settings.answers_per_hour),
        )
        self._settings = settings
        self._domain = settings.address.rpartition("@")[2]
        self._services = services
        self._idle_s = idle_s
        self._clock = clock

    async def run(self, take: Take) -> None:
        async with self._mailbox() as mailbox:
            position = await self._position(mailbox)
            while True:
                for uid in await mailbox.newer(position):
                    await self._take(mailbox, uid, take)
                    position = uid + 1
                    await self._remember(mailbox, position)
                await mailbox.wait(self._idle_s)

    async def send(self, address: Address, part: Part, key: str) -> str:
        assert isinstance(part, Text), "`can` names no voice"
        identifier = our_id(key, address["place"], self._domain)
        try:
            mail = write_mail(
                address,
                part.text,
                identifier=identifier,
                sender=self._settings.sender,
                own=self._settings.address,
                at=self._clock(),
            )
        except NotSendable as error:
            raise DeliveryFailed(str(error), permanent=True) from error
        plain = is_ascii(self._settings.address, address["to"])
        try:
            async with self._smtp() as smtp:
                await smtp.sendmail(
                    self._settings.address,
                    address["to"],
                    mail.as_bytes(),
                    mail_options=[] if plain else ["SMTPUTF8", "BODY=8BITMIME"],
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [each.code for each in error.recipients]
            raise _failed(error, permanent=all(code >= 500 for code in codes)) from error
        except aiosmtplib.SMTPAuthenticationError as error:
            # The password can be mended; the answer waits for that.
            raise _failed(error, permanent=False) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _failed(error, permanent=error.code >= 500) from error
        except (aiosmtplib.SMTPNotSupported, ValueError) as error:
            raise _failed(error, permanent=True) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _failed(error, permanent=False) from error
        return identifier

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        """From the mail that still lies in the mailbox: `VALIDITY.UID:PART:ENCODING`."""
        place, number, encoding = source.split(":")
        validity, uid = map(int, place.split("."))
        async with self._mailbox(read_only=True) as mailbox:
            if mailbox.uid_validity != validity:
                raise CustomerError("media_gone")
            encoded = await mailbox.read(uid, number)
        if encoded is None:
            raise CustomerError("media_gone")
        data = _decoded(encoded, encoding)
        for start in range(0, len(data), _PIECE_BYTES):
            yield data[start : start + _PIECE_BYTES]

    async def check(self) -> str:
        remedy = "some providers want an app password, or IMAP to be switched on"
        try:
            async with self._mailbox(read_only=True):
                pass
        except LoginRefused as error:
            raise wrong_credentials("the IMAP server", str(error), remedy) from error
        try:
            async with self._smtp():
                pass
        except aiosmtplib.SMTPAuthenticationError as error:
            raise wrong_credentials("the SMTP server", error.message, remedy) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable(f"SMTP: {type(error).__name__}") from error
        return self._settings.address

    async def register(self, url: str) -> str:
        return "the desk fetches mail by itself; nothing has to be registered"

    def judge(self, raw: bytes, place: str, *, whole: bool = True) -> Event | Ignored:
        """What a mail is for the desk. `place`: where it lies, as `fetch` finds it again."""
        try:
            with reading():
                return self._judge(parse_mail(raw), raw, place, whole)
        except Unreadable as error:
            return Ignored(str(error))

    def _judge(self, mail: EmailMessage, raw: bytes, place: str, whole: bool) -> Event | Ignored:
        if bounce := read_bounce(mail):
            return bounce
        letter = read_letter(mail, raw, place, whole=whole)
        if why := why_automatic(mail, letter.sender, self._settings.address):
            return Ignored(why)
        proven = bool(self._settings.authserv_id) and is_authentic(
            unread(mail, "Authentication-Results"), self._settings.authserv_id, letter.domain
        )
        if not proven and self._settings.require_authentication:
            return Ignored("the sender is not proven")
        return self._said(letter, proven=proven)

    def _said(self, letter: Letter, *, proven: bool) -> Said:
        ours = [place for each in letter.thread if (place := place_of(each, self._domain))]
        place = ours[-1] if ours else _place(letter)
        known = letter.thread if letter.id.startswith("sha256:") else (*letter.thread, letter.id)
        address = {
            "to": letter.answer_to,
            "subject": letter.subject,
            "references": " ".join(known),
            "place": place,
        }
        # Who is not proven is another customer than who is, whatever they call themselves.
        user = letter.sender if proven else f"unproven:{letter.sender}"
        return Said(
            chat=Chat(
                user,
                address,
                place,
                letter.locale,
                verified=f"mailto:{letter.sender}" if proven else "",
                private=True,
                name=letter.name,
            ),
            id=letter.id,
            text=letter.text,
            media=letter.media,
            # The desk remembers what it wrote itself.
            quote="" if ours else letter.quote,
            unsupported=letter.unsupported,
        )

    async def _take(self, mailbox: Mailbox, uid: int, take: Take) -> None:
        """Hand one mail to the desk. It is marked as read once it is in Redis."""
        size_bytes = await mailbox.size_bytes(uid)
        if size_bytes is None:
            return
        whole = size_bytes <= LARGEST_MAIL_BYTES
        raw = await mailbox.read(uid, most_bytes=0 if whole else _BEGINNING_BYTES)
        if raw is None:
            return
        event = self.judge(raw, f"{mailbox.uid_validity}.{uid}", whole=whole)
        if isinstance(event, Ignored):
            log.info("email.ignored", extra={"uid": uid, "reason": event.why})
            return
        try:
            await _patiently(take, event)
        except CustomerError as error:
            log.warning("email.refused", extra={"uid": uid, "reason": error.code})
            return
        await mailbox.mark_seen(uid)

    async def _position(self, mailbox: Mailbox) -> int:
        """The UID from which on mails have not been taken."""
        kept = await self._services.memory.recall(self.channel, _POSITION)
        validity, _, uid = kept.partition(":")
        if validity == str(mailbox.uid_validity) and uid.isdigit():
            return int(uid)
        if kept:
            # The folder was made anew, and its mails have other numbers. What came lately is looked
            # at once more: the desk drops what it knows.
            recent = await mailbox.since((self._clock() - _LOOK_BACK).date())
            position = min(recent, default=mailbox.uid_next or 1)
        else:
            # The first time: what lies in the mailbox already was not written to the desk.
            position = mailbox.uid_next or max(await mailbox.newer(1), default=0) + 1
        await self._remember(mailbox, position)
        return position

    async def _remember(self, mailbox: Mailbox, position: int) -> None:
        value = f"{mailbox.uid_validity}:{position}"
        await self._services.memory.remember(self.channel, _POSITION, value)

    def _mailbox(self, *, read_only: bool = False) -> AbstractAsyncContextManager[Mailbox]:
        return open_mailbox(
            read_server(self._settings.imap),
            self._settings.user or self._settings.address,
            self._settings.password.get_secret_value(),
            self._settings.folder,
            read_only=read_only,
        )

    def _smtp(self) -> aiosmtplib.SMTP:
        server = read_server(self._settings.smtp)
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=self._settings.user or self._settings.address,
            password=self._settings.password.get_secret_value(),
            use_tls=server.safety is Safety.TLS,
            start_tls=server.safety is Safety.STARTTLS,
            tls_context=None if server.safety is Safety.NONE else tls_context(),
            timeout=60,
        )


async def _patiently(take: Take, event: Event) -> None:
    """Hand over an event once the desk's limit for a conversation allows it."""
    while True:
        try:
            return await take(event)
        except TooFast as error:
            await asyncio.sleep(error.retry_after_s)


def _place(letter: Letter) -> str:
    """The thread that a mail belongs to: the one that its first mail began."""
    root = letter.thread[0] if letter.thread else letter.id
    return hashlib.sha256(root.encode()).hexdigest()[:24]


def _decoded(encoded: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        try:
            return base64.b64decode(encoded)
        except binascii.Error as error:
            raise CustomerError("upload_interrupted") from error
    return quopri.decodestring(encoded) if encoding == "quoted-printable" else encoded


def _failed(error: Exception, *, permanent: bool) -> DeliveryFailed:
    code = getattr(error, "code", "")
    words = " ".join(str(getattr(error, "message", "")).split())[:200]
    return DeliveryFailed(f"SMTP: {type(error).__name__} {code} {words}", permanent=permanent)
