"""What a customer may tell the desk to do about itself: link their apps, and unlink them. Pure.

A message is a command only as a whole: a question that has one of these words in it stays one.
"""

import re
import unicodedata
from enum import StrEnum

import msgspec

from bot.messages import Message

CODE_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
"""Without what looks alike (0 O, 1 I L), and without vowels: a code spells no word."""
CODE_CHARS = 6
_DASH_AFTER = 4
_LONGEST = 60


class Ask(StrEnum):
    """What is wanted."""

    CODE = "code"
    """A code, to be sent from the other app."""
    LINK = "link"
    """To be linked with the app that gave the code."""
    UNLINK = "unlink"


class Command(msgspec.Struct, frozen=True):
    ask: Ask
    code: str = ""
    """As it was given out, whatever it was typed like; empty where it cannot be one."""


_LINK = "link|verknüpfen|vincular|enlazar|关联|绑定|链接|ربط|اربط"
_UNLINK = (
    r"unlink|verknüpfung\s+aufheben|desvincular|desenlazar|取消关联|取消绑定|解除绑定|解绑"
    r"|إلغاء\s+الربط|فك\s+الربط"
)
_MENTION = r"(?:@\w{1,40})?"
_COMMAND = re.compile(
    rf"[/!]?(?:(?P<unlink>{_UNLINK})|(?P<link>{_LINK})){_MENTION}"
    r"(?:[\s:]*(?P<code>(?<![a-zü])[0-9a-z]{3,5}[-–—_ ]?[0-9a-z]{1,4}))?[.!。]?"
)


def command_of(message: Message) -> Command | None:
    """The command that a message is; None where it is something to be answered."""
    if message.attachments or not 0 < len(message.text) <= _LONGEST:
        return None
    found = _COMMAND.fullmatch(_plain(message.text))
    if not found:
        return None
    if found["unlink"]:
        return None if found["code"] else Command(Ask.UNLINK)
    if not found["code"]:
        return Command(Ask.CODE)
    code = _as_given(found["code"])
    # `link please` names no code, and `link 4F7K-QO` tries to.
    if not code and not re.search(r"[0-9–—_-]", found["code"]):
        return None
    return Command(Ask.LINK, code)


def write_code(symbols: str) -> str:
    """As customers see it: `4F7K-Q2`."""
    return f"{symbols[:_DASH_AFTER]}-{symbols[_DASH_AFTER:]}"


def _as_given(typed: str) -> str:
    symbols = re.sub(r"[^0-9A-Z]", "", typed.upper())
    if len(symbols) != CODE_CHARS or set(symbols) - set(CODE_ALPHABET):
        return ""
    return write_code(symbols)


def _plain(text: str) -> str:
    """In small letters; digits and wide letters of other scripts' keyboards become plain ones."""
    if not text.isascii():
        text = "".join(
            str(unicodedata.digit(char)) if unicodedata.category(char) == "Nd" else char
            for char in unicodedata.normalize("NFKC", text)
            if unicodedata.category(char) not in ("Cf", "Mn")
        )
    return text.casefold().strip(" \t\n*`\"'“”")
