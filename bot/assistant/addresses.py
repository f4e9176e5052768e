"""Addresses in a text: of web pages, of mailboxes, of telephones. Pure.

An answer may name those that stand in what it rests on, and no others: whoever gets a foreign one
into an answer has a customer who trusts it.
"""

import re
import unicodedata

_REST = r"[^\s<>\"'`)\]}]"
_WEB = re.compile(
    rf"\b(?:[a-z][a-z0-9+.-]*://|www\.|(?:data|javascript|vbscript|file):){_REST}+", re.IGNORECASE
)
_DOMAIN = re.compile(
    rf"(?<![\w@.-])(?:[\w-]+\.)+(?:[^\W\d_]{{2,24}}|xn--[\w-]+)(?::\d+)?(?:/{_REST}*)?",
    re.IGNORECASE,
)
_NETWORK = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:/[^\s<>\"'`)\]}]*)?")
_LINK = re.compile(r"\]\(\s*<?([^)\s>]*)|^\s{0,3}\[[^\]]+\]:\s*(\S+)", re.M)
_MAILBOX = re.compile(r"[\w.!#$%&'*+/=?^`|~-]+@[\w-]+(?:\.[\w-]+)*")
_HANDLE = re.compile(r"(?<![\w.])@[A-Za-z]\w{2,}")
_TELEPHONE = re.compile(r"(?<![\w])\+?\d(?:[\s().\-/\u00a0]{0,2}\d){6,}")
_END = ".,;:!?…。，、*_~"
PICTURE = re.compile(r"!\s*\[[^\]]*\]\s*[(\[]")
"""Markdown that has the reader's app fetch a picture."""
TAG = re.compile(r"</?[a-z!][^>]*>?", re.I)


def addresses_in(text: str) -> set[str]:
    """All addresses in one spelling."""
    text = _seen(text)
    found = {m[0] for pattern in (_WEB, _DOMAIN, _NETWORK) for m in pattern.finditer(text)}
    found |= {target for pair in _LINK.findall(text) for target in pair if target}
    plain = {_plain(each) for each in found}
    plain |= {m[0].strip(_END).casefold() for m in _MAILBOX.finditer(text)}
    plain |= {m[0].casefold() for m in _HANDLE.finditer(text)}
    plain |= {re.sub(r"\D", "", m[0]) for m in _TELEPHONE.finditer(text)}
    return {each for each in plain if each}


def foreign(text: str, known: set[str]) -> set[str]:
    """The addresses in a text that are not among those known, nor the beginning of one."""
    return {each for each in addresses_in(text) if each not in known}


def _plain(address: str) -> str:
    address = address.rstrip(_END).casefold()
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", address).rstrip("/")


def _seen(text: str) -> str:
    """As a reader sees it: other scripts' forms made plain, what is invisible left out."""
    return "".join(
        c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf"
    )
