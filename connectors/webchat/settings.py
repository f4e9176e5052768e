"""What an operator can decide about the chat widget."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from bot import texts
from connectors.limiter import Rate

T = TypeVar("T")


class Business(msgspec.Struct, frozen=True):
    """What the widget says before anybody has written."""

    name: str
    greetings: Mapping[str, str] = {}
    """Language (`de`) → greeting; the desk's own sentence where there is none."""
    suggestions: Mapping[str, tuple[str, ...]] = {}
    """Language → questions to offer as buttons; English ones where a language has none."""

    def greeting(self, locale: str) -> str:
        own = _for(self.greetings, locale)
        return own if own is not None else texts.say("greeting", locale, business=self.name)

    def suggested(self, locale: str) -> tuple[str, ...]:
        return _for(self.suggestions, locale) or self.suggestions.get("en", ())


class Limits(msgspec.Struct, frozen=True):
    text_chars: int = 8_000
    """Told to the widget; the desk refuses longer messages."""
    upload_bytes: int = 25 * 1024 * 1024
    attachments: int = 10
    """Files beside one message."""
    sessions: Rate = Rate(per_minute=60, burst=120)
    """New conversations from one network address."""
    uploads: Rate = Rate(per_minute=30, burst=30)
    """Files from one network address."""
    calls: Rate = Rate(per_minute=10, burst=5)
    """Calls from one network address."""
    lookups: Rate = Rate(per_minute=600, burst=300)
    """Resumed conversations, media and traces, by one network address."""


class WebchatSettings(msgspec.Struct, frozen=True):
    business: Business
    limits: Limits = Limits()
    session_days: float = 30.0
    """How long a widget may stay away and still resume its conversation."""
    media_url_s: float = 600.0
    upload_url_s: float = 600.0
    hello_s: float = 10.0
    """How long a new connection may keep silent."""
    developer: bool = False
    """Show how answers came about to whoever uses the widget: for development only."""


def _for(choices: Mapping[str, T], locale: str) -> T | None:
    """The choice for a locale (`pt-BR`): its own, or its language's."""
    return choices.get(locale) or choices.get(locale.split("-")[0].lower())
