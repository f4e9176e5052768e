"""An answer as a mail: plain text and HTML, in its thread, marked as sent by a machine."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import EmailPolicy

from connectors.email.incoming import ADDRESS, bare_subject
from connectors.email.parts import one_line
from connectors.messaging.dialects import EMAIL_HTML, PLAIN, is_tight
from connectors.messaging.document import Block, Kind, read_markdown

MOST_REFERENCES = 20
_ID = re.compile(r"([A-Za-z0-9._-]+)\.t([0-9a-f]{24})@([^@<>\s]+)")
_SAFE = re.compile(r"[\x21-\x3b=\x3f-\x7e]{1,250}")
_IDS = ("message-id", "in-reply-to", "references")


class _Policy(EmailPolicy):
    """The library writes an id of more than a line as an encoded word, which no program reads as an
    id: they are written as they are, each on a line of its own."""

    def fold(self, name: str, value: str) -> str:
        if name.casefold() not in _IDS:
            return str(super().fold(name, value))
        return f"{name}: {f'{self.linesep} '.join(str(value).split())}{self.linesep}"

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.casefold() not in _IDS:
            return bytes(super().fold_binary(name, value))
        return self.fold(name, value).encode("ascii")


POLICY = _Policy(linesep="\r\n")


class NotSendable(Exception):
    """An address or an id that would break a mail's header."""


def our_id(key: str, place: str, domain: str) -> str:
    """The Message-ID of a part: the same whenever it is sent again, and with the thread in it, for
    programs that name in their answer only the mail that they answer."""
    return f"{key}.t{place}@{domain}"


def place_of(identifier: str, domain: str) -> str:
    """The thread that a Message-ID of the desk's belongs to; empty where it is not the desk's."""
    match = _ID.fullmatch(identifier)
    return match[2] if match and match[3].casefold() == domain.casefold() else ""


def write_mail(
    address: Mapping[str, str], text: str, *, identifier: str, sender: str, own: str, at: datetime
) -> EmailMessage:
    """`address`: as `connectors.email.channel` keeps it with the conversation. `text`: Markdown.
    `sender`: the name beside the desk's `own` address. `at`: when, with its time zone.

    Raises `NotSendable`.
    """
    references = [each for each in address.get("references", "").split(" ") if each]
    for each in (identifier, *references):
        if not _SAFE.fullmatch(each):
            raise NotSendable("an id of the thread holds what no id may hold")
    mail = EmailMessage(policy=POLICY.clone(utf8=not is_ascii(own, address["to"])))
    try:
        mail["From"] = _address(own, one_line(sender))
        mail["To"] = _address(address["to"])
        mail["Subject"] = _subject(address.get("subject", ""))
    except ValueError as error:
        raise NotSendable(f"the address or the subject breaks a header: {error}") from error
    mail["Date"] = at.astimezone(UTC)
    mail["Message-ID"] = f"<{identifier}>"
    if references:
        mail["In-Reply-To"] = f"<{references[-1]}>"
        mail["References"] = " ".join(f"<{each}>" for each in kept_references(references))
    mail["Auto-Submitted"] = "auto-replied"
    # What Exchange calls it: no answers from its out-of-office assistants.
    mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    blocks = read_markdown(text)
    mail.set_content(_plain(blocks), charset="utf-8", cte="quoted-printable")
    mail.add_alternative(_html(blocks), subtype="html", charset="utf-8", cte="quoted-printable")
    return mail


def is_ascii(own: str, to: str) -> bool:
    """Whether every server can deliver between these addresses; others need SMTPUTF8 (RFC 6531)."""
    return own.isascii() and to.isascii()


def kept_references(references: list[str]) -> list[str]:
    """The first, which began the thread, and the last ones (RFC 5322 sets no limit; servers do)."""
    if len(references) <= MOST_REFERENCES:
        return references
    return [references[0], *references[-MOST_REFERENCES + 1 :]]


def _address(address: str, name: str = "") -> MailAddress:
    """Raises `ValueError` for what is not one address."""
    if not ADDRESS.fullmatch(address):
        raise ValueError("it is not one address")
    local, _, domain = address.rpartition("@")
    return MailAddress(name, local, domain)


def _subject(subject: str) -> str:
    """`Re:` once, in front of what it was. Raises `ValueError` where it is more than a line."""
    if one_line(subject) != subject:
        raise ValueError("the subject is not one line")
    return f"Re: {bare_subject(subject)}".strip()


def _plain(blocks: tuple[Block, ...]) -> str:
    text, last = "", None
    for block in blocks:
        gap = "" if last is None else "\n" if is_tight(last, block) else "\n\n"
        text += f"{gap}{PLAIN.write(block)}"
        last = block
    return f"{text}\n"


def _html(blocks: tuple[Block, ...]) -> str:
    paragraphs: list[str] = []
    last = None
    for block in blocks:
        written = EMAIL_HTML.write(block)
        if block.kind is not Kind.CODE:
            written = written.replace("\n", "<br>\n")
        if last is not None and is_tight(last, block):
            paragraphs[-1] += f"<br>\n{written}"
        else:
            paragraphs.append(written)
        last = block
    body = "\n".join(f'<div dir="auto" style="margin:0 0 1em">{each}</div>' for each in paragraphs)
    return f"<!DOCTYPE html>\n<html><body>\n{body}\n</body></html>\n"
