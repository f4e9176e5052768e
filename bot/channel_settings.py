"""What an operator decides about each messaging app: a section below `channels`.

A channel is on where its section is there. What it needs must then be there as well: a channel
without its secret does not start, it never accepts whatever comes.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from bot.config_section import Section


def _whole(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("is empty; write `${NAME}` of an environment variable that holds it")
    return secret


def _address(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return address.rstrip("/")


Secret = Annotated[SecretStr, AfterValidator(_whole)]
"""One that must be there."""
Address = Annotated[str, AfterValidator(_address)]
"""Of a provider's API; files may be fetched from the same host, wherever it lies."""


def _telegram_secret(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret.get_secret_value()):
        raise ValueError("must be 1 to 256 letters, digits, `_` and `-`")
    return secret


class TelegramSection(Section):
    token: Secret
    """The bot's token, as @BotFather gives it: `${TELEGRAM_TOKEN}`."""
    secret: Annotated[SecretStr, AfterValidator(_telegram_secret)] = SecretStr("")
    """What Telegram shows with each webhook: 1 to 256 letters, digits, `_` and `-` of your own
    making. Without one, the desk fetches messages by long polling, and needs no public address."""
    api: Address = "https://api.telegram.org"
    """Telegram's API, or a Bot API server of your own."""


def _host(host: str) -> str:
    if not re.fullmatch(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)+", host):
        raise ValueError(
            "must be a host name: `files.crm.example`, or `.crm.example` for all below"
        )
    return host


class WebhookSection(Section):
    url: Address
    """Where replies are sent: an address of your system's. Files may be fetched from the same
    host, wherever it lies."""
    secret: Secret
    """What both sides sign with: `whsec_` and 24 to 64 bytes in base64."""
    old_secret: SecretStr = SecretStr("")
    """The secret before, while it is being replaced: both are believed, and both sign."""
    files: list[Annotated[str, AfterValidator(_host)]] = []
    """Hosts on the internet that attachments may be fetched from by HTTPS; `.crm.example` stands
    for all below it."""

    @property
    def api(self) -> str:
        """Where files may be fetched from as well."""
        return self.url
