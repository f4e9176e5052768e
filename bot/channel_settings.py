"""What an operator decides about each messaging app: a section below `channels`.

A channel is on where its section is there. What it needs must then be there as well: a channel
without its secret does not start, it never accepts whatever comes.
"""

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

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


def _mail_address(address: str) -> str:
    if not re.fullmatch(r"[^\s<>@,;:\"]+@[^\s<>@,;:\"]+", address):
        raise ValueError("must be an address: `help@shop.example`")
    return address


def _mail_server(*schemes: str) -> AfterValidator:
    def check(address: str) -> str:
        parts = urlsplit(address)
        rest = (parts.username, parts.path, parts.query, parts.fragment)
        if parts.scheme not in schemes or not parts.hostname or any(rest):
            raise ValueError(f"must be a server: `{schemes[0]}://mail.shop.example`")
        return address

    return AfterValidator(check)


class EmailSection(Section):
    address: Annotated[str, AfterValidator(_mail_address)]
    """The mailbox's own address; answers come from it."""
    sender: str = ""
    """The name beside the address in answers, such as the shop's."""
    imap: Annotated[str, _mail_server("imaps", "imap")]
    """Where mail is fetched: `imaps://mail.shop.example` with TLS, or `imap://…`, which turns to
    TLS once connected; without TLS on this machine alone. Ports, where they are not the usual ones
    (993 and 143), stand behind a colon."""
    smtp: Annotated[str, _mail_server("smtps", "smtp")]
    """Where mail is handed in: `smtps://mail.shop.example` (port 465) or `smtp://…` (port 587), as
    with `imap`."""
    user: str = ""
    """Name to log in with; empty: the address."""
    password: Secret
    """Password, or the app password that the provider makes for programs."""
    folder: str = "INBOX"
    """The folder that is answered."""
    authserv_id: str = ""
    """How the server that takes mail in for this mailbox calls itself in the header
    `Authentication-Results`: only what it says about a sender is believed."""
    require_authentication: bool = True
    """Answer only mail whose sender is proven by DMARC, DKIM or SPF. Without it, the desk can be
    made to write to people who never wrote to it."""
    answers_per_hour: Annotated[int, Field(ge=1, le=1_000)] = 20
    """To one sender; more are not sent, so that two machines do not answer each other for ever."""

    @model_validator(mode="after")
    def _something_to_believe(self) -> Self:
        if self.require_authentication and not self.authserv_id:
            raise ValueError(
                "must name an `authserv_id`, or say `require_authentication: false`; see "
                "docs/channels/email.md"
            )
        return self


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
