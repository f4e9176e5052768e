"""One mail, read: who wrote it, what is new in it, which files lie beside it, what it answers."""

import email.policy
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.errors import MessageError
from email.headerregistry import AddressHeader
from email.message import EmailMessage

import msgspec

from connectors.email.parts import Parts, one_line
from connectors.messaging.events import Remote

_MOST_IDS = 100
ADDRESS = re.compile(r'[^\s<>@,;:"\x00-\x1f]{1,64}@[^\s<>@,;:"\x00-\x1f]{1,255}')
"""One address, whatever its script; quoted local parts, which no program writes, are none."""
_MESSAGE_ID = re.compile(r"<([\x21-\x3b=\x3f-\x7e]{1,250})>")
_FORWARDED = re.compile(
    r"\s*(?:fwd?|wg|rv|tr|enc|i|doorst|vs|vb|转发|轉寄|إعادة توجيه)\s*[:：]", re.IGNORECASE
)
_REPLIED = re.compile(
    r"\s*(?:re|aw|antw|sv|rif|res|ref|odp|回复|回覆|答复|رد)(?:\[\d+\])?\s*[:：]\s*", re.IGNORECASE
)


_STUMBLES = (
    *(MessageError, ValueError, LookupError, AttributeError, TypeError, AssertionError),
    RecursionError,
)


class Unreadable(Exception):
    """No mail, or none that says who wrote it."""


class Letter(msgspec.Struct, frozen=True):
    """What of a mail matters to the desk."""

    id: str
    """The Message-ID without its brackets; a hash where there is none."""
    sender: str
    """The one address in From, in lower case."""
    name: str
    """What stands beside it."""
    answer_to: str
    """Where an answer goes: Reply-To where it names one address of the same domain, or `sender`. An
    address elsewhere would let anybody have the desk write to anybody."""
    subject: str
    """On one line."""
    text: str
    quote: str
    media: tuple[Remote, ...]
    unsupported: tuple[str, ...]
    thread: tuple[str, ...]
    """Message-IDs of the mails before it, oldest first."""
    locale: str

    @property
    def domain(self) -> str:
        return self.sender.rpartition("@")[2]


@contextmanager
def reading() -> Iterator[None]:
    """The library raises what it likes for headers that break the rules: it is `Unreadable`
    here, so that one mail does not stop those behind it."""
    try:
        yield
    except _STUMBLES as error:
        raise Unreadable(f"not a mail: {type(error).__name__}") from error


def parse_mail(raw: bytes) -> EmailMessage:
    """Raises `Unreadable`."""
    with reading():
        return message_from_bytes(raw, policy=email.policy.default)


def read_letter(mail: EmailMessage, raw: bytes, place: str, *, whole: bool = True) -> Letter:
    """What a mail says. `place`: where in the mailbox it lies, in front of the part's number in the
    `source` of each file. `whole`: `raw` is all of it.

    Raises `Unreadable`.
    """
    with reading():
        return _read(mail, raw, place, whole)


def _read(mail: EmailMessage, raw: bytes, place: str, whole: bool) -> Letter:
    subject = one_line(str(mail.get("Subject", "")))
    forwarded = bool(_FORWARDED.match(subject))
    thread = _thread(mail)
    parts = Parts(mail)
    words, cids = parts.words(forwarded)
    text = words.text
    if not thread and bare_subject(subject).casefold() not in text.casefold():
        # A first mail says in its subject what it is about, and often nothing else.
        text = f"{bare_subject(subject)}\n\n{text}".strip()
    found = _MESSAGE_ID.search(" ".join(unread(mail, "Message-ID")))
    sender, name = _sender(mail)
    return Letter(
        id=found[1] if found else f"sha256:{hashlib.sha256(raw).hexdigest()}",
        sender=sender,
        name=name,
        answer_to=_answer_to(mail, sender),
        subject=subject[:300],
        text=text,
        quote=words.quote,
        media=tuple(parts.media(place, cids)),
        unsupported=(*parts.unsupported(), *(() if whole else ("large files",))),
        thread=thread,
        locale=one_line(str(mail.get("Content-Language", "")).partition(",")[0])[:35],
    )


def unread(mail: EmailMessage, name: str) -> list[str]:
    """The headers of a name as they came: the library's readers stumble over ids that break the
    rules, and decode what is to be taken literally."""
    pairs = mail.raw_items()
    return [str(value) for header, value in pairs if header.casefold() == name.casefold()]


def bare_subject(subject: str) -> str:
    """Without any number of `Re:`, in the languages that mail programs write it in."""
    while match := _REPLIED.match(subject):
        subject = subject[match.end() :]
    return subject


def _sender(mail: EmailMessage) -> tuple[str, str]:
    """Address and name. Raises `Unreadable` where From names nobody, or several."""
    headers = mail.get_all("From", [])
    if len(headers) != 1 or not isinstance(headers[0], AddressHeader):
        raise Unreadable("From is missing or there twice")
    addresses = headers[0].addresses
    address = one_line(addresses[0].addr_spec) if len(addresses) == 1 else ""
    if not ADDRESS.fullmatch(address):
        raise Unreadable("From is not one address")
    return address.casefold(), one_line(addresses[0].display_name)[:120]


def _answer_to(mail: EmailMessage, sender: str) -> str:
    header = mail.get("Reply-To")
    addresses = header.addresses if isinstance(header, AddressHeader) else ()
    address = one_line(addresses[0].addr_spec) if len(addresses) == 1 else ""
    same_domain = address.rpartition("@")[2].casefold() == sender.rpartition("@")[2]
    return address if same_domain and ADDRESS.fullmatch(address) else sender


def _thread(mail: EmailMessage) -> tuple[str, ...]:
    named = " ".join(unread(mail, "References"))
    answered = " ".join(unread(mail, "In-Reply-To"))
    ids = _MESSAGE_ID.findall(named[:50_000]) + _MESSAGE_ID.findall(answered[:2_000])
    return tuple(dict.fromkeys([*ids[:1], *ids[-_MOST_IDS:]]))
