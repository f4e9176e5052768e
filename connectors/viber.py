"""Viber: a bot of the REST API, by webhook.

What is needed of the API fits this file; viberbot is synchronous, compares signatures with `==` and
refuses kinds of messages that it does not know. It makes the vectors of the tests instead.
Sources: https://developers.viber.com/docs/api/rest-bot-api/
"""

import hashlib
import hmac
import html
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec

from bot.channel_settings import ViberSection
from bot.errors import DeliveryFailed, OperatorError
from bot.messages import AttachmentKind, ChannelName
from connectors.limiter import Rate
from connectors.messaging.api import Reply, refused, wrong_credentials
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import VIBER
from connectors.messaging.events import Chat, Event, Progressed, Remote, Said, State
from connectors.messaging.hook import REMEMBERED_S, Forged, Hook, Malformed, Taken, same
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Part, Voice

MEDIA_HOSTS = (".viber.com",)
FORMATTED = 7
"""The first version of the apps' API that shows bold and the like; to an older app, what asks for
more than it has is not delivered."""
_EVENTS = ("delivered", "seen", "failed", "subscribed", "unsubscribed", "conversation_started")
"""What is asked for beside messages, which always come."""
_INSECURE = re.compile(r"http://(?=[a-z0-9.-]+\.viber\.com/)")
_STATES = {"delivered": State.DELIVERED, "seen": State.READ, "failed": State.FAILED}
_FILES = {
    "picture": (AttachmentKind.IMAGE, "image/jpeg"),
    "video": (AttachmentKind.VIDEO, "video/mp4"),
    "file": (AttachmentKind.FILE, ""),
    "sticker": (AttachmentKind.IMAGE, "image/png"),
}
_TOO_MANY, _TOO_MANY_S = 12, 60.0
_KNOWN = range(1, 25)
"""Statuses that say what is wrong; all others are errors within Viber, and pass."""
_REFUSALS = {
    1: "the address is not valid",
    3: "the request is not valid",
    4: "something is missing in the request",
    5: "the customer has no Viber any more",
    6: "the customer does not subscribe to the bot",
    11: "none of the customer's devices takes messages of bots",
    13: "the customer's app is too old",
    14: "the customer's app is too old",
    21: "the bot may not write to the customer's country",
}
"""https://developers.viber.com/docs/api/rest-bot-api/#error-codes"""
_BROKEN = {
    2: "Viber refuses the token",
    7: "the bot is blocked",
    8: "there is no such bot",
    9: "the bot is suspended",
    10: "the bot has no webhook",
    23: "the bot's free messages are used up",
    24: "the bot's balance is used up",
}
"""What an operator mends; until then nothing is lost."""


def provider(settings: ViberSection, services: Services) -> "Viber":
    return Viber(settings, services)


class Viber(Provider):
    channel = ChannelName("viber")
    account = ""
    """Viber's ids of people are different for each bot."""
    can = Capabilities(
        # The whole request may have 30 kB, which so many units cannot fill.
        text_limit=7000,
        unit=Unit.UTF16,
        dialect=VIBER,
        choices=12,
        choice_chars=40,
        # Bots can send no recording that plays in the chat.
        voice="",
        # https://creators.viber.com/docs/bots-api/resources/messaging/send-message: 100 messages
        # an hour to somebody who does not answer. Nothing is said of all chats together.
        pace=Rate(per_minute=60 * 20, burst=20),
        chat_pace=Rate(per_minute=30, burst=10),
    )

    def __init__(self, settings: ViberSection, services: Services) -> None:
        self._token = settings.token.get_secret_value()
        self._sender = settings.sender
        self._api = settings.api
        self._services = services

    async def receive(self, hook: Hook) -> Taken:
        digest = hmac.new(self._token.encode(), hook.body, hashlib.sha256).hexdigest()
        if not same(hook.headers.get("x-viber-content-signature", ""), digest):
            raise Forged("the signature is missing or wrong")
        body = hook.json()
        at = body.get("timestamp")
        # The signature says nothing of time; tokens tell what came before, for as long as they are
        # remembered. Viber repeats a callback for an hour.
        if not isinstance(at, int) or hook.received_at - at / 1000 > REMEMBERED_S:
            raise Forged("an old request, played again")
        return Taken(parse(body))

    async def send(self, address: Address, part: Part, key: str) -> str:
        if isinstance(part, Voice):
            raise DeliveryFailed("a bot can send no recording", permanent=True)
        version = int(address.get("version", "1"))
        message: dict[str, Any] = {
            "receiver": address["user"],
            "min_api_version": FORMATTED if version >= FORMATTED else 1,
            "sender": {"name": self._sender},
            "type": "text",
            "text": part.text,
        }
        if address.get("chat"):
            message["chat_id"] = address["chat"]
        if part.choices:
            message["keyboard"] = _keyboard(part.choices)
        answer = await self._call("send_message", message)
        return str(answer.get("message_token", ""))

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        # Some stickers are still named by their old address.
        address = _INSECURE.sub("https://", source)
        async for piece in self._services.download.pieces(address, hosts=MEDIA_HOSTS):
            yield piece

    async def check(self) -> str:
        reply, answer = await self._asked("get_account_info", {})
        if answer.get("status") == 2:
            remedy = "copy the token from the Viber Admin Panel into VIBER_TOKEN"
            raise wrong_credentials("Viber", str(answer.get("status_message", "")), remedy)
        if answer.get("status") != 0:
            raise _failure("get_account_info", reply, answer)
        return f"{answer.get('name', '?')} ({answer.get('uri', '?')})"

    async def register(self, url: str) -> str:
        # Names and photographs of customers are not needed.
        wanted = {"url": url, "event_types": _EVENTS, "send_name": False, "send_photo": False}
        _, answer = await self._asked("set_webhook", wanted)
        if answer.get("status") != 0:
            raise OperatorError(
                f"Viber refuses the webhook: {answer.get('status_message', 'no description')}",
                remedy=f"Viber calls {url} at once: the desk must be running and be reached there "
                "with a certificate of a known authority",
            )
        return f"Viber sends to {url}"

    async def _call(self, path: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """One call of the API. Raises `DeliveryFailed`."""
        reply, answer = await self._asked(path, message)
        if answer.get("status") != 0:
            raise _failure(path, reply, answer)
        return answer

    async def _asked(self, path: str, message: Mapping[str, Any]) -> tuple[Reply, dict[str, Any]]:
        """What is answered, whatever it says: Viber's status stands in the body."""
        reply = await self._services.api.call(
            "POST",
            f"{self._api}/pa/{path}",
            what=path,
            data=msgspec.json.encode(message),
            headers={"X-Viber-Auth-Token": self._token, "Content-Type": "application/json"},
        )
        return reply, reply.json()


def _failure(path: str, reply: Reply, answer: Mapping[str, Any]) -> DeliveryFailed:
    found, words = answer.get("status"), str(answer.get("status_message", "no description"))
    # An answer that is none of Viber's (a proxy's page) has no status, and passes.
    status = found if isinstance(found, int) else -1
    if status == _TOO_MANY:
        return DeliveryFailed(f"{path}: too many messages", retry_after_s=_TOO_MANY_S)
    if status in _KNOWN and status not in _BROKEN:
        return refused(path, reply, f"{status}: {_REFUSALS.get(status, words)}")
    return DeliveryFailed(f"{path}: {status}: {_BROKEN.get(status, words)[:200]}")


def _keyboard(choices: tuple[str, ...]) -> dict[str, Any]:
    """Buttons in place of the app's keyboard, each a line; one that is touched says its words."""
    return {
        "Type": "keyboard",
        "DefaultHeight": False,
        "Buttons": [
            {
                "Columns": 6,
                "Rows": 1,
                "ActionType": "reply",
                "ActionBody": choice,
                # The label alone is HTML.
                "Text": html.escape(choice, quote=False),
            }
            for choice in choices
        ],
    }


def parse(body: Mapping[str, Any]) -> tuple[Event, ...]:
    """What a callback tells. Raises `Malformed` where what must be there is not."""
    try:
        return tuple(_events(body))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"not a callback: {type(error).__name__}") from error


def _events(body: Mapping[str, Any]) -> list[Event]:
    kind = str(body["event"])
    if kind == "message":
        return [_said(body)]
    if kind in _STATES:
        reason = str(body.get("desc", ""))
        return [Progressed(str(int(body["message_token"])), _STATES[kind], reason)]
    if kind in ("conversation_started", "subscribed"):
        return _opened(body)
    return []


def _opened(body: Mapping[str, Any]) -> list[Event]:
    """The chat was opened: from a link with words of the operator's, by somebody new, or again."""
    chat = _chat(body["user"], body)
    context = str(body.get("context") or "")
    if context:
        return [Said(chat, str(int(body["message_token"])), context, joined=True)]
    if body.get("subscribed") is True:
        return []
    # One id for all of them: who opens the chat and then subscribes is greeted once.
    return [Said(chat, "joined", joined=True)]


def _chat(person: Mapping[str, Any], body: Mapping[str, Any]) -> Chat:
    user, place = str(person["id"]), str(body.get("chat_id") or "")
    if not user:
        raise ValueError("nobody")
    version = str(int(person.get("api_version") or 1))
    return Chat(
        user=user,
        address={"user": user, "version": version, "chat": place},
        place=place,
        locale=str(person.get("language") or "")[:35],
        name=str(person.get("name") or ""),
    )


def _said(body: Mapping[str, Any]) -> Said:
    message = body["message"]
    chat, number = _chat(body["sender"], body), str(int(body["message_token"]))
    kind, text = str(message["type"]), str(message.get("text") or "")
    if kind in _FILES and message.get("media"):
        return Said(chat, number, text, (_remote(message, kind),))
    tell = _WORDS.get(kind)
    told = tell(message) if tell else ""
    text = "\n".join(filter(None, [text, told]))
    known = kind == "text" or bool(told)
    return Said(chat, number, text, unsupported=() if known else (kind,))


def _remote(message: Mapping[str, Any], kind: str) -> Remote:
    attachment_kind, media_type = _FILES[kind]
    return Remote(
        kind=attachment_kind,
        source=str(message["media"]),
        media_type=media_type,
        name=str(message.get("file_name") or ""),
        size_bytes=int(message.get("size") or 0),
        duration_s=float(message["duration"]) if "duration" in message else None,
    )


def _contact(message: Mapping[str, Any]) -> str:
    contact = message["contact"]
    return f"{contact.get('name') or ''} {contact.get('phone_number') or ''}".strip()


def _place(message: Mapping[str, Any]) -> str:
    place = message["location"]
    at = f"{float(place['lat']):.5f}, {float(place['lon']):.5f}"
    return f"{place['address']} ({at})" if place.get("address") else at


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "contact": _contact,
    "location": _place,
    "url": lambda message: str(message["media"]),
}
