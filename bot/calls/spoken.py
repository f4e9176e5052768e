"""A reply as it is said in a call: sentences, what may be chosen, and numbers read back. Pure."""

import re

from bot.messages import Reply, ReplyKind
from bot.speakable import speakable
from bot.texts import say
from models.sentences import sentences

_MOST_OPTIONS = 4
"""Nobody remembers more of what they hear."""
_NUMBER = re.compile(r"(?<!\w)[A-Za-z]{0,4}-?\d(?:[\d \-]*\d)?(?!\w)")
_LEAST_DIGITS = 5
_PRICE_OR_DATE = re.compile(r"[€$£%]|\d{1,2}[./]\d{1,2}")


def spoken(reply: Reply) -> list[str]:
    """The sentences of a reply, with what may be chosen where it asks to choose."""
    found = sentences_of(reply.text, reply.locale)
    if reply.kind is ReplyKind.CLARIFY:
        found += [
            say("call_option", reply.locale, number=number, option=option)
            for number, option in enumerate(reply.suggestions[:_MOST_OPTIONS], 1)
        ]
    return found


def sentences_of(markdown: str, locale: str) -> list[str]:
    return list(sentences(speakable(markdown, locale)))


def rest_of(markdown: str, begun: str) -> str | None:
    """What of a text comes after its beginning; None where it begins otherwise. How the words are
    parted makes no difference."""
    at = 0
    for word in begun.split():
        at += len(markdown) - at - len(markdown[at:].lstrip())
        if not markdown.startswith(word, at):
            return None
        at += len(word)
    return markdown[at:]


def readback(text: str, locale: str) -> str:
    """A long number in what the caller said, digit by digit, so that they can object; empty where
    there is none."""
    if _PRICE_OR_DATE.search(text):
        return ""
    for found in _NUMBER.findall(text):
        characters = re.sub(r"[\s\-]", "", found).upper()
        if sum(c.isdigit() for c in characters) >= _LEAST_DIGITS:
            return ", ".join(
                " ".join(characters[at : at + 3]) for at in range(0, len(characters), 3)
            )
    return ""
