"""What an operator decides about each messaging app: a section below `channels`.

A channel is on where its section is there. What it needs must then be there as well: a channel
without its secret does not start, it never accepts whatever comes.
"""

import re
from typing import Annotated

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


class SlackSection(Section):
    token: Secret
    """The bot's token, `xoxb-…`, from "OAuth & Permissions": `${SLACK_TOKEN}`."""
    app: Annotated[str, Field(pattern="^A[A-Z0-9]+$")]
    """The app's id, `A…`, from "Basic Information"."""
    signing_secret: SecretStr = SecretStr("")
    """What Slack signs webhooks with, from "Basic Information": `${SLACK_SIGNING_SECRET}`. Without
    one, no webhook is believed."""
    app_token: SecretStr = SecretStr("")
    """An app-level token, `xapp-…`, with the scope `connections:write`: `${SLACK_APP_TOKEN}`. With
    one, the desk opens a connection to Slack (Socket Mode), and needs no public address."""
    channels: tuple[str, ...] = ()
    """Ids (`C…`) of channels in which every message is a question to the desk. Elsewhere it answers
    direct messages, mentions, and what is written in threads that it began."""
    streaming: bool = False
    """Whether an answer grows in the app while it is being made. Slack allows some 50 changes of
    messages a minute in a whole workspace: for desks where few write at once."""
    api: Address = "https://slack.com/api"
    """Slack's Web API."""

    @model_validator(mode="after")
    def _reachable(self) -> "SlackSection":
        if not (self.signing_secret.get_secret_value() or self.app_token.get_secret_value()):
            raise ValueError("needs `signing_secret` (webhooks) or `app_token` (Socket Mode)")
        return self


class DiscordSection(Section):
    token: Secret
    """The bot's token, from "Bot" in the developer portal: `${DISCORD_TOKEN}`."""
    application: Annotated[str, Field(pattern="^[0-9]{5,20}$")]
    """The application's id, in quotation marks, from "General Information"."""
    public_key: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = ""
    """The application's public key, from "General Information": commands and buttons then come by
    webhook. Without one, no webhook is believed, and they come over the gateway, as messages do."""
    api: Address = "https://discord.com/api/v10"
    """Discord's HTTP API."""
