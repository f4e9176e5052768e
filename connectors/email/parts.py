"""The parts of a mail: what is shown as its text, and which files lie beside it."""

import email.message
import re
from collections.abc import Iterator
from email.message import EmailMessage
from typing import NamedTuple

from connectors.email.html_text import Page, read_html
from connectors.email.reply_text import Words, new_words
from connectors.messaging.events import Remote, kind_of

_SMALLEST_BYTES = 3_000
"""A smaller picture within the text is a logo or counts who opened the mail."""
_MOST_PARTS = 200
_LONGEST_TEXT = 200_000
_QUIET = frozenset(
    {
        *("application/pgp-signature", "application/pkcs7-signature"),
        *("application/x-pkcs7-signature", "application/pgp-keys", "text/x-amp-html"),
    }
)
"""Parts that belong to the mail and not to what it says."""
_UNSUPPORTED = {
    "application/ms-tnef": "winmail.dat",
    "application/pkcs7-mime": "encrypted mail",
    "application/x-pkcs7-mime": "encrypted mail",
    "application/pgp-encrypted": "encrypted mail",
    "message/rfc822": "attached mail",
    "message/partial": "part of a mail",
    "text/calendar": "invitation",
}


class _Part(NamedTuple):
    number: str
    """As IMAP counts (RFC 3501, 6.4.5): `2`, `1.2`."""
    part: EmailMessage
    media_type: str


class Parts:
    """The leaves of a mail's tree: words, files, and what belongs to the mail alone."""

    def __init__(self, mail: EmailMessage) -> None:
        self._bodies: list[_Part] = []
        self._files: list[_Part] = []
        for count, leaf in enumerate(_leaves(mail)):
            if count == _MOST_PARTS:
                break
            is_text = leaf.media_type in ("text/plain", "text/html")
            named = leaf.part.get_filename() or leaf.part.get_content_disposition() == "attachment"
            (self._bodies if is_text and not named else self._files).append(leaf)

    def words(self, forwarded: bool) -> tuple[Words, frozenset[str]]:
        """What was newly written, and the Content-IDs of pictures that stand in it."""
        html = [_text(part) for _, part, media_type in self._bodies if media_type == "text/html"]
        plain = [_text(part) for _, part, media_type in self._bodies if media_type == "text/plain"]
        pages = [read_html(each, forwarded=forwarded) for each in html]
        shown = Page(
            "\n\n".join(page.text for page in pages),
            frozenset(cid for page in pages for cid in page.cids),
        )
        text = "\n\n".join(plain).strip()
        words = new_words((text or shown.text)[:_LONGEST_TEXT], forwarded=forwarded)
        if text and shown.text and not words.text:
            # Some programs leave only the earlier mails in the plain text.
            words = Words(new_words(shown.text[:_LONGEST_TEXT]).text, words.quote)
        return words, shown.cids

    def media(self, place: str, cids: frozenset[str]) -> Iterator[Remote]:
        has_page = any(media_type == "text/html" for _, _, media_type in self._bodies)
        for number, part, media_type in self._files:
            if media_type in _QUIET or media_type in _UNSUPPORTED:
                continue
            size_bytes = _decoded_bytes(part)
            cid = str(part.get("Content-ID", "")).strip().strip("<>")
            family = media_type.partition("/")[0]
            within = family == "image" and part.get_content_disposition() != "attachment"
            if cid and has_page and within and not (cid in cids and size_bytes >= _SMALLEST_BYTES):
                # A picture of the earlier mails, of the signature, or none to look at.
                continue
            yield Remote(
                kind=kind_of(media_type),
                source=f"{place}:{number}:{_encoding(part)}",
                media_type=media_type,
                name=one_line(part.get_filename() or ""),
                size_bytes=size_bytes,
            )

    def unsupported(self) -> tuple[str, ...]:
        found = (_UNSUPPORTED.get(leaf.media_type, "") for leaf in self._files)
        return tuple(dict.fromkeys(filter(None, found)))


def one_line(text: str) -> str:
    """Without line breaks and other control characters: an encoded header may hold them. Bytes that
    stand in a header as they are have come as surrogates, and are UTF-8 (RFC 6532) or nothing."""
    try:
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:
        text = _writable(text)
    return " ".join(re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", text).split())


def _leaves(part: email.message.Message, number: str = "") -> Iterator[_Part]:
    """The parts that hold no others; mails within mails are left whole."""
    assert isinstance(part, EmailMessage)
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        for count, inner in enumerate(part.iter_parts(), 1):
            yield from _leaves(inner, f"{number}.{count}" if number else str(count))
    else:
        yield _Part(number or "1", part, part.get_content_type())


def _text(part: EmailMessage) -> str:
    """A part's words, whatever it says about its characters."""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    for charset in (part.get_content_charset("utf-8"), "utf-8"):
        try:
            text = data.decode(charset)
            break
        except (LookupError, UnicodeDecodeError):
            continue
    else:
        text = data.decode("windows-1252", "replace")
    if str(part.get_param("format", "")).casefold() == "flowed":
        text = _unfolded(text, delsp=str(part.get_param("delsp", "")).casefold() == "yes")
    return _writable(text).replace("\r\n", "\n").replace("\x00", "")


def _writable(text: str) -> str:
    """Without halves of characters, which UTF-7 and others may hold, and UTF-8 may not."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _unfolded(text: str, *, delsp: bool) -> str:
    """Lines that were broken for display alone are one again (RFC 3676)."""
    lines: list[str] = []
    flowing = False
    for line in text.splitlines():
        quoted = line.startswith(">")
        content = line[1:] if line.startswith(" ") else line
        if flowing and not quoted and content != "-- ":
            lines[-1] = (lines[-1][:-1] if delsp else lines[-1]) + content
        else:
            lines.append(content)
        flowing = content.endswith(" ") and not quoted and content != "-- "
    return "\n".join(lines)


def _decoded_bytes(part: EmailMessage) -> int:
    """About how many bytes a part's content has, without decoding it."""
    payload = part.get_payload()
    encoded = len(payload) if isinstance(payload, str) else 0
    return encoded * 3 // 4 if _encoding(part) == "base64" else encoded


def _encoding(part: EmailMessage) -> str:
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().casefold()
    return encoding if encoding in ("base64", "quoted-printable") else "binary"
