"""Any other system: webhooks in both directions, signed as https://www.standardwebhooks.com says.

The system posts what customers say to the desk, and the desk posts what it answers to the system.
The signatures are a dozen lines with `hmac`; the `standardwebhooks` package of the specification's
authors checks them in the tests. docs/channels/webhook.md has every field.
"""

import base64
import binascii
import hashlib
import hmac
import mimetypes
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bot.channel_settings import WebhookSection
from bot.errors import DeliveryFailed, OperatorError
from bot.messages import ChannelName
from connectors.limiter import Rate
from connectors.messaging.api import asks_back, refused, wrong_credentials
from connectors.messaging.capabilities import Capabilities
from connectors.messaging.dialects import MARKDOWN
from connectors.messaging.events import (
    Chat,
    Event,
    Progressed,
    Reacted,
    Remote,
    Said,
    State,
    Withdrawn,
    Writes,
    kind_of,
)
from connectors.messaging.hook import Forged, Hook, Malformed, Taken, same
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Part, Text

TOLERANCE_S = 300
"""How far a signature's time may be from the desk's: the specification's recommendation."""
PREFIX = "whsec_"
_MOST_SIGNATURES = 10
_PASSING = (408, 425)


def provider(settings: WebhookSection, services: Services) -> "WebhookChannel":
    return WebhookChannel(settings, services)


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    media_type: str = ""
    name: str = ""
    size_bytes: int = 0
    duration_s: float | None = None


class _Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """What all that a customer does has in common."""

    customer: str
    conversation: str = ""
    locale: str = ""
    name: str = ""
    """The customer's; hidden from language models on other machines."""

    @property
    def chat(self) -> Chat:
        if not self.customer:
            raise Malformed("`customer` is empty")
        address = {"customer": self.customer, "conversation": self.conversation}
        return Chat(
            self.customer,
            address,
            self.conversation,
            self.locale[:35],
            private=True,
            name=self.name,
        )


class Written(_Sent, frozen=True, tag="message", kw_only=True):
    id: str = ""
    """Empty: the header `webhook-id`."""
    text: str = ""
    attachments: tuple[File, ...] = ()
    quote: str = ""
    replaces: str = ""
    unsupported: tuple[str, ...] = ()
    joined: bool = False


class Deleted(_Sent, frozen=True, tag="deleted", kw_only=True):
    id: str


class Signed(_Sent, frozen=True, tag="reaction", kw_only=True):
    to: str
    emoji: str = ""


class Types(_Sent, frozen=True, tag="typing"):
    pass


class Became(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="state"
):
    id: str
    state: State
    reason: str = ""


class Pinged(msgspec.Struct, frozen=True, tag_field="type", tag="ping"):
    pass


_decode = msgspec.json.Decoder(Written | Deleted | Signed | Types | Became | Pinged).decode
_encode = msgspec.json.Encoder().encode


class WebhookChannel(Provider):
    channel = ChannelName("webhook")
    account = "default"
    can = Capabilities(
        text_limit=50_000,
        dialect=MARKDOWN,
        choices=20,
        choice_chars=200,
        citations=True,
        pace=Rate(per_minute=60 * 50, burst=100),
        chat_pace=Rate(per_minute=60 * 5, burst=20),
    )

    def __init__(
        self,
        settings: WebhookSection,
        services: Services,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = settings.url
        self._keys = [read_secret(settings.secret.get_secret_value())]
        if old := settings.old_secret.get_secret_value():
            self._keys.append(read_secret(old))
        self._hosts = tuple(settings.files)
        self._services = services
        self._clock = clock
        if services.public_url:
            # A recording is passed on as an address of the desk's.
            self.can = replace(self.can, voice="audio/ogg")

    async def receive(self, hook: Hook) -> Taken:
        verify(hook, self._keys)
        return Taken(parse(hook))

    async def send(self, address: Address, part: Part, key: str) -> str:
        told: dict[str, Any] = {"id": key, **address}
        if isinstance(part, Text):
            told |= {"type": "text", "text": part.text, "choices": part.choices}
            told["citations"] = [self._cited(msgspec.to_builtins(c)) for c in part.citations]
        else:
            spoken = part.attachment
            told |= {"type": "voice", "url": self._services.media_url(spoken)}
            told |= {"media_type": spoken.media_type, "size_bytes": spoken.size_bytes}
            told["duration_s"] = spoken.duration_s
        await self._post(told, key)
        return key

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        async for piece in self._services.download.pieces(source, hosts=self._hosts):
            yield piece

    async def check(self) -> str:
        try:
            await self._post({"type": "ping"}, f"ping_{self._clock():.0f}")
        except DeliveryFailed as error:
            if not error.permanent:
                raise asks_back(error) from error
            raise wrong_credentials(
                "the system at channels.webhook.url", str(error), "see docs/channels/webhook.md"
            ) from error
        return urlsplit(self._url).netloc

    async def register(self, url: str) -> str:
        return f"have your system post to {url}, signed as docs/channels/webhook.md says"

    async def _post(self, told: Mapping[str, Any], key: str) -> None:
        body = _encode(told)
        headers = sign(body, key, int(self._clock()), self._keys)
        reply = await self._services.api.call(
            "POST", self._url, what="webhook", data=body, headers=headers
        )
        if reply.status in _PASSING:
            raise DeliveryFailed(f"webhook: HTTP {reply.status}")
        if not reply.ok:
            # 410 Gone is the specification's "never again"; what else is refused stays refused.
            words = reply.json().get("error", "")
            raise refused("webhook", reply, words if isinstance(words, str) else "")

    def _cited(self, citation: dict[str, Any]) -> dict[str, Any]:
        """With an address that opens outside of the desk, where there is one."""
        path = str(citation.get("url", ""))
        if path.startswith("/"):
            citation["url"] = f"{self._services.public_url}{path}"
        return citation if self._services.public_url or not path else citation | {"url": ""}


def read_secret(secret: str) -> bytes:
    """The bytes that a secret stands for. Raises `OperatorError`."""
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if not 24 <= len(key) <= 64:
        raise OperatorError(
            "`channels.webhook.secret` is not 24 to 64 bytes in base64",
            remedy=f'echo "{PREFIX}$(openssl rand -base64 32)"',
        )
    return key


def sign(body: bytes, identifier: str, at: int, keys: list[bytes]) -> dict[str, str]:
    """The headers of a request. `at`: Unix time in seconds."""
    return {
        "content-type": "application/json",
        "webhook-id": identifier,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(_signature(body, identifier, str(at), key) for key in keys),
    }


def verify(hook: Hook, keys: list[bytes]) -> None:
    """Raises `Forged`."""
    identifier = hook.headers.get("webhook-id", "")
    at = hook.headers.get("webhook-timestamp", "")
    given = hook.headers.get("webhook-signature", "").split(" ")[:_MOST_SIGNATURES]
    if not (identifier and at.isascii() and at.isdigit() and len(at) <= 12):
        raise Forged("the signature's headers are missing")
    wanted = [_signature(hook.body, identifier, at, key) for key in keys]
    # Each is compared, so that the time taken tells nothing about which one it was.
    found = [same(each, mine) for each in given for mine in wanted]
    if not any(found):
        raise Forged("the signature is wrong")
    if abs(hook.received_at - int(at)) > TOLERANCE_S:
        raise Forged("the signature is not of these five minutes")


def _signature(body: bytes, identifier: str, at: str, key: bytes) -> str:
    signed = b".".join((identifier.encode(), at.encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def parse(hook: Hook) -> tuple[Event, ...]:
    """What a request tells. Raises `Malformed`."""
    try:
        sent = _decode(hook.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from error
    match sent:
        case Written():
            return (_said(sent, sent.id or hook.headers["webhook-id"]),)
        case Deleted():
            return (Withdrawn(sent.chat, sent.id),)
        case Signed():
            return (Reacted(sent.chat, sent.to, sent.emoji),)
        case Types():
            return (Writes(sent.chat),)
        case Became():
            return (Progressed(sent.id, sent.state, sent.reason),)
    return ()


def _said(sent: Written, identifier: str) -> Said:
    return Said(
        chat=sent.chat,
        id=identifier,
        text=sent.text,
        media=tuple(map(_remote, sent.attachments)),
        quote=sent.quote,
        replaces=sent.replaces,
        unsupported=sent.unsupported,
        joined=sent.joined,
    )


def _remote(file: File) -> Remote:
    try:
        address = urlsplit(file.url)
    except ValueError as error:
        raise Malformed("an attachment's `url` is not an address") from error
    if address.scheme not in ("https", "http"):
        raise Malformed("an attachment's `url` is neither https nor http")
    path = address.path
    media_type = file.media_type or mimetypes.guess_type(path)[0] or ""
    return Remote(
        kind=kind_of(media_type),
        source=file.url,
        media_type=media_type,
        name=file.name or path.rpartition("/")[2],
        size_bytes=max(0, file.size_bytes),
        duration_s=file.duration_s,
    )
