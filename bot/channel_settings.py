"""What an operator decides about each messaging app: a section below `channels`.

A channel is on where its section is there. What it needs must then be there as well: a channel
without its secret does not start, it never accepts whatever comes.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

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
Number = Annotated[str, Field(pattern=r"^[0-9]{3,32}$")]
"""An identifier of Meta's, which is all digits."""
AppNumber = Annotated[str, Field(pattern=r"^[0-9]{0,32}$")]


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


class MetaSection(Section):
    """What WhatsApp, Messenger and Instagram have in common."""

    token: Secret
    """An access token that does not expire."""
    app_secret: Secret
    """The app's secret (App settings → Basic), with which Meta signs webhooks:
    `${META_APP_SECRET}`."""
    verify_token: Secret
    """Words of your own making, which are entered beside the webhook's address at Meta and shown
    once in return: `${META_VERIFY_TOKEN}`."""
    api: Address = "https://graph.facebook.com/v25.0"
    """The Graph API, with its version."""


class WhatsAppSection(MetaSection):
    token: Secret
    """An access token of a system user with `whatsapp_business_messaging` and
    `whatsapp_business_management`: `${WHATSAPP_TOKEN}`."""
    phone: Number
    """The phone number's id (API setup → Phone number ID), in quotes; not the number itself."""
    app: AppNumber = ""
    """The app's id, in quotes: with it the desk can enter the webhook's address by itself."""


class MessengerSection(MetaSection):
    token: Secret
    """The Page's access token, with `pages_messaging`: `${MESSENGER_TOKEN}`."""
    page: Number
    """The Page's id, in quotes."""
    app: AppNumber = ""
    """The app's id, in quotes: with it the desk can enter the webhook's address by itself."""


class InstagramSection(MetaSection):
    token: Secret
    """The access token of the Page that the account is linked to, with
    `instagram_manage_messages`: `${INSTAGRAM_TOKEN}`."""
    account: Number
    """The professional account's id (17841…), in quotes."""
