"""Vonage: SMS and MMS by the Messages API; text also for the other apps that it can be linked to.

The signature is a JWT, which PyJWT reads; Vonage's own packages add models to that, and prove this
file's check in the tests. A request is believed for five minutes. Played again within them it
changes nothing: the desk takes a `message_uuid` once, and a delivery's state goes forward only.
Messages are sent with the API key, which takes no application and no private key of the operator's.
The API has no idempotency key: a crash between a call and its note sends twice.
Sources: https://developer.vonage.com/en/api/messages,
https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jwt

from bot.channel_settings import VonageSection
from bot.errors import DeliveryFailed, OperatorError
from bot.messages import AttachmentKind, ChannelName
from connectors.limiter import Rate
from connectors.messaging.api import Reply, refused, wrong_credentials
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import PLAIN, SMS
from connectors.messaging.events import Chat, Event, Progressed, Reacted, Remote, Said, State
from connectors.messaging.gsm import SEGMENT
from connectors.messaging.hook import Forged, Hook, Malformed, Taken, same
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Part, Voice

OLDEST_S = 300
"""How far a signature's time may be from the desk's."""
_MEDIA_HOSTS = (".nexmo.com", ".vonage.com")
_FILES = {
    "image": (AttachmentKind.IMAGE, "image/jpeg"),
    "sticker": (AttachmentKind.IMAGE, "image/webp"),
    "audio": (AttachmentKind.AUDIO, ""),
    "video": (AttachmentKind.VIDEO, "video/mp4"),
    "file": (AttachmentKind.FILE, ""),
}
_IN_WORDS = ("text", "location", "reply", "button")
_STATES = {
    "submitted": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.READ,
    "rejected": State.FAILED,
    "undeliverable": State.FAILED,
}
_PASSING = frozenset({1000, 1030, 1070, 1100})
"""Throttled, an internal error, no credit left, no connection:
https://developer.vonage.com/en/api-errors/messages"""
_CODE = re.compile(r"#([0-9]{1,9})$")
_NUMBER = re.compile(r"\+?\d[\d ()-]{5,}\d")


def provider(settings: VonageSection, services: Services) -> "Vonage":
    return Vonage(settings, services)


class Vonage(Provider):
    channel = ChannelName("vonage")
    can = Capabilities(
        # Vonage takes 3200, but phones and networks seldom join more than six segments.
        text_limit=6 * SEGMENT,
        unit=Unit.SMS,
        dialect=SMS,
        # https://developer.vonage.com/en/messages/concepts/rate-limiting
        pace=Rate(per_minute=60 * 30, burst=30),
    )
    elsewhere = Capabilities(
        # The shortest that a linked app takes is Instagram's.
        text_limit=1000,
        unit=Unit.UTF16,
        dialect=PLAIN,
        window=timedelta(hours=24),
        pace=can.pace,
    )

    def __init__(self, settings: VonageSection, services: Services) -> None:
        self.account = settings.key
        secret = settings.secret.get_secret_value()
        self._signature_secret = settings.signature_secret.get_secret_value()
        self._credentials = {"Authorization": aiohttp.encode_basic_auth(settings.key, secret)}
        self._api = settings.api
        self._rest = settings.rest
        self._services = services

    def can_at(self, address: Address) -> Capabilities:
        return self.can if address["app"] == "sms" else self.elsewhere

    def text_address(self, sender: str, number: str) -> Address:
        return {"app": "sms", "to": number.removeprefix("+"), "from": sender.removeprefix("+")}

    async def receive(self, hook: Hook) -> Taken:
        self.verify(hook)
        return Taken(parse(hook.json()))

    async def send(self, address: Address, part: Part, key: str) -> str:
        if isinstance(part, Voice):
            raise DeliveryFailed("an SMS cannot be a recording", permanent=True)
        message = {
            "channel": address["app"],
            "message_type": "text",
            "to": address["to"],
            "from": address["from"],
            "text": part.text,
        }
        if self._services.public_url:
            # Without it, receipts of what is sent by API key go to the account's own address.
            message["webhook_url"] = f"{self._services.public_url}/channels/{self.channel}"
            message["webhook_version"] = "v1"
        reply = await self._services.api.call(
            "POST",
            f"{self._api}/v1/messages",
            what="messages",
            json=message,
            headers=self._credentials,
        )
        if not reply.ok:
            raise _refusal(reply)
        return str(reply.json().get("message_uuid", ""))

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        hosts = (urlsplit(self._api).hostname or "", *_MEDIA_HOSTS)
        async for piece in self._services.download.pieces(source, hosts=hosts):
            yield piece

    async def check(self) -> str:
        reply = await self._services.api.call(
            "GET",
            f"{self._rest}/account/get-balance",
            what="get-balance",
            headers=self._credentials,
        )
        if reply.status in (401, 403):
            remedy = "copy the API key and secret from https://dashboard.vonage.com"
            raise wrong_credentials("Vonage", f"HTTP {reply.status}", remedy)
        value = reply.json().get("value")
        if not reply.ok or not isinstance(value, int | float):
            raise OperatorError(f"Vonage refuses to tell the balance: HTTP {reply.status}")
        return f"{self.account}, with {value:.2f} € left"

    async def register(self, url: str) -> str:
        return (
            f"enter {url} as the inbound URL and the status URL of the application's messages at "
            "https://dashboard.vonage.com, and link the number to the application"
        )

    def verify(self, hook: Hook) -> None:
        """Whether Vonage signed a request just now. Raises `Forged`."""
        kind, _, token = hook.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Forged("the signature is missing")
        try:
            claims = jwt.decode(
                token.strip(),
                self._signature_secret,
                algorithms=["HS256"],
                issuer="Vonage",
                options={
                    "require": ["iat", "iss", "jti", "payload_hash"],
                    # By the request's time, below.
                    "verify_iat": False,
                    "verify_exp": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Forged(f"the signature: {type(error).__name__}") from error
        issued = claims["iat"]
        if not isinstance(issued, int | float) or abs(hook.received_at - issued) > OLDEST_S:
            raise Forged("the signature is of another time")
        if claims.get("api_key", self.account) != self.account:
            raise Forged("the signature is another account's")
        digest = hashlib.sha256(hook.body).hexdigest()
        if not same(str(claims["payload_hash"]).lower(), digest):
            raise Forged("the signature is of another body")


def parse(told: Mapping[str, Any]) -> tuple[Event, ...]:
    """What a webhook tells. Raises `Malformed` where what must be there is not."""
    try:
        if "message_type" in told:
            return (_said(told),)
        if "status" in told:
            return _progress(told)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Malformed(f"not a message: {type(error).__name__}") from error
    raise Malformed("neither a message nor a status; the webhooks' version must be v1")


def _said(message: Mapping[str, Any]) -> Event:
    number, chat = str(message["message_uuid"]), _chat(message)
    if message["message_type"] == "reaction":
        taken_back = message["reaction"].get("action") == "unreact"
        emoji = "" if taken_back else str(message["reaction"].get("emoji", ""))
        return Reacted(chat, str(message["context"]["message_uuid"]), emoji)
    if not isinstance(message["message_type"], str):
        raise TypeError("no type")
    parts = _parts(message)
    kinds = [str(part["type"]) for part in parts]
    return Said(
        chat,
        number,
        _words(message),
        tuple(_remote(part) for part in parts if part["type"] in _FILES),
        unsupported=tuple("contact" if k == "vcard" else k for k in kinds if k not in _FILES),
    )


def _chat(message: Mapping[str, Any]) -> Chat:
    customer, desk = message["from"], message["to"]
    if not (isinstance(customer, str) and isinstance(desk, str) and customer and desk):
        raise ValueError("no numbers")
    app = str(message["channel"])
    if app in ("sms", "mms"):
        app = "sms"  # what has no files is answered without
    user = customer if app == "sms" else f"{app}:{customer}"
    return Chat(user, {"app": app, "to": customer, "from": desk}, place=desk, private=True)


def _words(message: Mapping[str, Any]) -> str:
    kind = message["message_type"]
    if kind == "text":
        return str(message["text"])
    if kind == "location":
        return _place(message["location"])
    if kind == "reply":
        return str(message["reply"].get("title") or message["reply"]["id"])
    if kind == "button":
        return str(message["button"].get("text") or message["button"]["payload"])
    about = message.get(kind)
    caption = about.get("caption") if isinstance(about, dict) else None
    return str(caption or message.get("text") or "")


def _place(location: Mapping[str, Any]) -> str:
    place = f"{float(location['lat']):.5f}, {float(location['long']):.5f}"
    named = ", ".join(filter(None, [location.get("name"), location.get("address")]))
    return f"{named} ({place})" if named else place


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a message holds besides words; an MMS may hold several."""
    kind = message["message_type"]
    if kind in _IN_WORDS:
        return []
    if kind == "content":
        return [dict(part) for part in message["content"]]
    return [{"type": kind} | (message[kind] if kind in _FILES else {})]


def _remote(part: Mapping[str, Any]) -> Remote:
    kind, media_type = _FILES[part["type"]]
    return Remote(kind, str(part["url"]), media_type, str(part.get("name") or ""))


def _progress(told: Mapping[str, Any]) -> tuple[Event, ...]:
    state = _STATES.get(told["status"])
    if state is None:
        return ()
    reason = _reason(told.get("error") or {}) if state is State.FAILED else ""
    return (Progressed(str(told["message_uuid"]), state, reason),)


def _refusal(reply: Reply) -> DeliveryFailed:
    error = reply.json()
    told = refused("messages", reply, _reason(error))
    passing = _code(error) in _PASSING or reply.status in (401, 402)
    return DeliveryFailed(str(told), permanent=not passing)


def _code(error: Mapping[str, Any]) -> int:
    """Of an error, which tells it in its type's address or instead of a title."""
    found = _CODE.search(str(error.get("type", "")))
    title = str(error.get("title", ""))
    return int(found[1]) if found else int(title) if re.fullmatch(r"[0-9]{1,9}", title) else 0


def _reason(error: Mapping[str, Any]) -> str:
    """An error in words that name nobody's number."""
    words = _NUMBER.sub("…", str(error.get("detail") or error.get("title") or ""))
    return ": ".join(filter(None, [str(_code(error) or ""), words])) or "no reason given"
