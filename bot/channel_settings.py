"""What an operator decides about each messaging app: a section below `channels`.

A channel is on where its section is there. What it needs must then be there as well: a channel
without its secret does not start, it never accepts whatever comes.
"""

import re
from typing import Annotated, Literal

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


class LineSection(Section):
    token: Secret
    """The channel access token (long-lived) of the Messaging API channel: `${LINE_TOKEN}`."""
    secret: Secret
    """The channel secret, which LINE signs its webhooks with: `${LINE_SECRET}`."""
    groups: Literal["mentions", "all"] = "mentions"
    """In groups: answer what mentions the account, or everything that is written there."""
    api: Address = "https://api.line.me"
    """LINE's API. Files come from `api-data.line.me` beside it; from the same address elsewhere."""


class WeChatSection(Section):
    appid: Annotated[str, Field(pattern=r"^wx[0-9a-z]{16}$")]
    """AppID of the official account: `wx` and 16 letters and digits."""
    secret: Secret
    """AppSecret of the account: `${WECHAT_SECRET}`."""
    token: Secret
    """The token of the server configuration, of your own making, which WeChat signs with."""
    aes_key: SecretStr = SecretStr("")
    """The EncodingAESKey of the server configuration, 43 letters and digits. Given one, messages
    must come encrypted (safe mode); without, they are taken in plain mode."""
    api: Address = "https://api.weixin.qq.com"
    """WeChat's API; `https://api2.weixin.qq.com` is its second site."""


class ViberSection(Section):
    token: Secret
    """The bot's authentication token: `${VIBER_TOKEN}`."""
    sender: Annotated[str, Field(min_length=1, max_length=28)]
    """Whom customers see as the author of answers, up to 28 characters."""
    api: Address = "https://chatapi.viber.com"
    """Viber's API."""
