"""What an app can show, as its channel declares it; `render.py` and `courier.py` go by it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from connectors.limiter import Rate
from connectors.messaging import gsm
from connectors.messaging.dialects import PLAIN, Dialect


class Unit(Enum):
    """What a provider counts when it limits a text."""

    CHARACTERS = "characters"
    """Unicode code points."""
    UTF16 = "utf-16"
    """Code units of two bytes: an emoji is two."""
    BYTES = "bytes"
    """Of the text in UTF-8."""
    SMS = "sms"
    """Characters of the GSM alphabet, 153 of them a segment; those of a text that needs another
    alphabet weigh more."""

    def length(self, text: str) -> int:
        if self is Unit.UTF16:
            return len(text.encode("utf-16-le", "surrogatepass")) // 2
        if self is Unit.BYTES:
            return len(text.encode("utf-8", "surrogatepass"))
        if self is Unit.SMS:
            return gsm.length(text)
        return len(text)


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    text_limit: int
    """Units in one message; a longer answer is sent as several."""
    unit: Unit = Unit.CHARACTERS
    dialect: Dialect = PLAIN
    """How the app writes bold, lists, links."""
    choices: int = 0
    """Most buttons or rows under one text; 0: choices are numbered in the text, and a number
    answers."""
    choice_chars: int = 20
    """Characters on one of them; where a longer one is offered, choices are numbered."""
    choices_text_limit: int = 0
    """Units in a text that has choices under it, where that is less than `text_limit`."""
    voice: str = ""
    """Media type of the recordings that the app plays (`audio/ogg`); empty where it plays none,
    and answers are text alone."""
    citations: bool = False
    """The articles of an answer are passed on beside its text, instead of as lines below it."""
    edits: bool = False
    """What was sent can be changed: an answer grows while it is being made."""
    typing: bool = False
    """The customer can be shown that an answer is being made."""
    typing_every_s: float = 4.0
    """How often that has to be said again while it lasts; Telegram shows it for 5 s."""
    window: timedelta | None = None
    """How long after the customer's last message they may be written to freely; None: always."""
    pace: Rate = Rate(per_minute=60 * 20, burst=20)
    """Requests to the provider, over all chats, that it allows."""
    chat_pace: Rate = Rate(per_minute=60, burst=5)
    """The same to one chat."""
    answers: Rate | None = None
    """Answers to one customer; what is over is not sent at all: who writes so often and at once is
    a machine, and two machines would answer each other for ever."""
