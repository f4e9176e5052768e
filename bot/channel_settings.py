"""What an operator decides about each messaging app: a section below `channels`.

A channel is on where its section is there. What it needs must then be there as well: a channel
without its secret does not start, it never accepts whatever comes.
"""

import re
from typing import Annotated, Literal, Self
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


class TwilioSection(Section):
    account: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
    """The account's SID, which begins with `AC`."""
    token: Secret
    """The account's auth token: `${TWILIO_TOKEN}`. Twilio signs its webhooks with it."""
    numbers: tuple[Annotated[str, Field(pattern=r"^(whatsapp:)?\+[0-9]{5,15}$")], ...] = ()
    """The desk's numbers, as Twilio writes them: `+15550100000`, `whatsapp:+15550100000`. Those
    that Twilio is told to send to the desk; an answer comes from the one that was written to."""
    messaging_service: Annotated[str, Field(pattern=r"^(MG[0-9a-fA-F]{32})?$")] = ""
    """The SID of a Messaging Service that has these numbers, which begins with `MG`; where there
    is one, answers go through it."""
    api: Address = "https://api.twilio.com"
    """Twilio's API; other regions have one of their own (`https://api.dublin.ie1.twilio.com`)."""
    messaging: Address = "https://messaging.twilio.com"
    """The API that shows WhatsApp users that an answer is being made."""


class VonageSection(Section):
    key: Annotated[str, Field(min_length=1)]
    """The account's API key."""
    secret: Secret
    """The API key's secret: `${VONAGE_SECRET}`."""
    signature_secret: Secret
    """What Vonage signs its webhooks with: `${VONAGE_SIGNATURE_SECRET}`. It is another one than
    `secret`; both stand in the dashboard below *API settings*."""
    api: Address = "https://api.nexmo.com"
    """Vonage's Messages API."""
    rest: Address = "https://rest.nexmo.com"
    """Vonage's account API."""


class TeamsSection(Section):
    app_id: Annotated[str, Field(min_length=1)]
    """The bot's Microsoft app id."""
    password: Secret
    """A client secret of that app: `${TEAMS_PASSWORD}`."""
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")] = "botframework.com"
    """The directory (tenant) id of a bot that is registered for one directory alone, as all new
    ones are."""
    issuer: Address = "https://api.botframework.com"
    """Who signs what Teams sends; `https://api.botframework.us` in the US government's cloud."""
    openid: Address = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    """Where the keys for it are found; in the US government's cloud,
    `https://login.botframework.azure.us/v1/.well-known/openidconfiguration`."""
    login: Address = "https://login.microsoftonline.com"
    """Where the desk gets its own token; `https://login.microsoftonline.us` in the US government's
    cloud."""
    api: Address = "https://smba.trafficmanager.net"
    """The Bot Connector. Teams names the one to answer to with each message; those of Microsoft's
    are known in any case."""


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
