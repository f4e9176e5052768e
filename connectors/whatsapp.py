"""WhatsApp, by Meta's Cloud API: webhooks in, Graph API calls out.

pywa would bring its own client, its own server and its own threads for what are four calls here;
it checks messages, signatures and payloads in the tests instead.
Sources: https://developers.facebook.com/documentation/business-messaging/whatsapp
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from bot.channel_settings import WhatsAppSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError
from bot.messages import Attachment, AttachmentKind, ChannelName
from connectors.limiter import Rate
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import WHATSAPP
from connectors.messaging.events import (
    Chat,
    Event,
    Progressed,
    Reacted,
    Remote,
    Said,
    State,
    Withdrawn,
)
from connectors.messaging.hook import Hook, Malformed, Taken
from connectors.messaging.meta import (
    HOSTS,
    Graph,
    GraphFailed,
    events_of,
    not_ours,
    place,
    read_signed,
    refuse_old,
    shake_hands,
)
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Part, Text, Voice, choice_hint

log = logging.getLogger(__name__)

CHANNEL = ChannelName("whatsapp")
_KIND = "whatsapp_business_account"
_MOST_BUTTONS = 3
_BUTTON_CHARS = 20
_FILES = {
    "image": AttachmentKind.IMAGE,
    "sticker": AttachmentKind.IMAGE,
    "audio": AttachmentKind.AUDIO,
    "video": AttachmentKind.VIDEO,
    "document": AttachmentKind.FILE,
}
_STATES = {
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.READ,
    "played": State.READ,
    "failed": State.FAILED,
}
_QUIET = frozenset({"system"})
"""What happened to a customer's account, without their having said anything."""


def provider(settings: WhatsAppSection, services: Services) -> "WhatsApp":
    return WhatsApp(settings, services)


class WhatsApp(Provider):
    channel = CHANNEL
    can = Capabilities(
        text_limit=4096,
        # Meta counts "characters"; should an emoji be two of them, it still fits.
        unit=Unit.UTF16,
        dialect=WHATSAPP,
        choices=10,
        choice_chars=24,
        choices_text_limit=1024,
        voice="audio/ogg",
        typing=True,
        window=timedelta(hours=24),
        # https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
        pace=Rate(per_minute=60 * 80, burst=80),
        # One every six seconds to one person, and 45 at once that the next minutes pay for.
        chat_pace=Rate(per_minute=10, burst=45),
    )

    def __init__(self, settings: WhatsAppSection, services: Services) -> None:
        self.account = settings.phone
        self._secret = settings.app_secret.get_secret_value()
        self._verify_token = settings.verify_token.get_secret_value()
        self._graph = Graph(settings, services.api, app=settings.app)
        self._services = services

    async def receive(self, hook: Hook) -> Taken:
        if hook.method == "GET":
            return Taken(answer=shake_hands(hook, self._verify_token))
        body = read_signed(hook, self._secret, _KIND)
        if self._services.on_call is not None:
            for value in _calls(body):
                self._services.on_call(value)
        items = _items(body, self.account)
        refuse_old(
            (item["timestamp"] for _, item in items if "timestamp" in item), hook.received_at
        )
        return Taken(events_of(CHANNEL, items, lambda item: _events(*item)))

    async def send(self, address: Address, part: Part, key: str) -> str:
        if isinstance(part, Voice):
            media = await self._upload(part.attachment)
            content: dict[str, Any] = {"type": "audio", "audio": {"id": media, "voice": True}}
        else:
            content = _written(part)
        sent = await self._graph.post(
            f"{self.account}/messages", what="messages", json=_to(address) | content
        )
        try:
            return str(sent["messages"][0]["id"])
        except (KeyError, IndexError, TypeError):
            return ""  # taken, but not named: sending it again would be worse

    async def type(self, address: Address) -> None:
        """WhatsApp shows it for 25 seconds, and marks the customer's message as read."""
        shown = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": address["message"],
            "typing_indicator": {"type": "text"},
        }
        await self._graph.post(f"{self.account}/messages", what="typing", json=shown)

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        """Links to media hold for five minutes: each attempt asks for a new one, and once more
        where that one is refused."""
        begun = False
        for attempt in (1, 2):
            address = await self._link(source)
            try:
                async for piece in self._services.download.pieces(
                    address, hosts=HOSTS, headers=self._graph.headers
                ):
                    begun = True
                    yield piece
                return
            except CustomerError as error:
                if begun or attempt == 2 or error.code != "media_gone":
                    raise

    async def check(self) -> str:
        try:
            found = await self._graph.get(
                self.account, what="phone number", fields="display_phone_number,verified_name"
            )
        except GraphFailed as error:
            if not (error.permanent or error.operator):
                raise
            remedy = "check WHATSAPP_TOKEN, and that `phone` is the Phone number ID of API setup"
            raise not_ours("WhatsApp", error, remedy) from error
        return f"{found.get('verified_name', '?')}, {found.get('display_phone_number', '?')}"

    async def register(self, url: str) -> str:
        """Enter the address for this number alone, so that others of the app keep theirs."""
        override = {"override_callback_uri": url, "verify_token": self._verify_token}
        try:
            fields = ["messages", "calls"] if self._services.on_call else ["messages"]
            await self._graph.subscribe_app(_KIND, url, fields)
            await self._graph.post(
                self.account, what="webhook", json={"webhook_configuration": override}
            )
        except DeliveryFailed as error:
            raise OperatorError(f"WhatsApp refuses the webhook: {error}") from error
        return f"WhatsApp sends to {url}; the app must be subscribed to the field `messages`"

    async def _upload(self, recording: Attachment) -> str:
        data = b"".join([piece async for piece in self._services.open_media(recording.id)])
        form = aiohttp.FormData({"messaging_product": "whatsapp", "type": recording.media_type})
        # Without its codec WhatsApp takes an OGG file for one that it cannot play.
        form.add_field("file", data, filename="answer.ogg", content_type=recording.media_type)
        kept = await self._graph.post(f"{self.account}/media", what="media upload", data=form)
        return str(kept.get("id", ""))

    async def _link(self, media: str) -> str:
        try:
            found = await self._graph.get(
                quote(media, safe=""), what="media", phone_number_id=self.account
            )
        except GraphFailed as error:
            if error.permanent:
                raise CustomerError("media_gone") from error
            raise
        return str(found.get("url", ""))


def _to(address: Address) -> dict[str, Any]:
    """Whom it is for: a telephone number, or the id of somebody who shows none."""
    told = {"to": address["to"]} if address.get("to") else {"recipient": address["user"]}
    return {"messaging_product": "whatsapp", "recipient_type": "individual", **told}


def _written(part: Text) -> dict[str, Any]:
    if not part.choices:
        return {"type": "text", "text": {"body": part.text, "preview_url": False}}
    short = all(Unit.UTF16.length(choice) <= _BUTTON_CHARS for choice in part.choices)
    if short and len(part.choices) <= _MOST_BUTTONS:
        replies = [
            {"type": "reply", "reply": {"id": str(number), "title": choice}}
            for number, choice in enumerate(part.choices, 1)
        ]
        return _interactive("button", part.text, {"buttons": replies})
    rows = [{"id": str(number), "title": choice} for number, choice in enumerate(part.choices, 1)]
    action = {"button": choice_hint(part.locale)[:_BUTTON_CHARS], "sections": [{"rows": rows}]}
    return _interactive("list", part.text, action)


def _interactive(kind: str, text: str, action: dict[str, Any]) -> dict[str, Any]:
    content = {"type": kind, "body": {"text": text}, "action": action}
    return {"type": "interactive", "interactive": content}


def parse(body: Mapping[str, Any], phone: str) -> tuple[Event, ...]:
    """What a webhook tells about one of the account's phone numbers. Raises `Malformed`.

    Templates, preferences and whatever else concerns the account and not a conversation
    stand under other fields than `messages`.
    """
    return events_of(CHANNEL, _items(body, phone), lambda item: _events(*item))


def _calls(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What it tells of calls. Raises `Malformed`."""
    try:
        changes = [change for entry in body["entry"] for change in entry["changes"]]
        return [change["value"] for change in changes if change["field"] == "calls"]
    except (KeyError, TypeError) as error:
        raise Malformed(f"not a change: {type(error).__name__}") from error


def _items(
    body: Mapping[str, Any], phone: str
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each message and status of the number, and what surrounds it."""
    found: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    others = False
    try:
        for entry in body["entry"]:
            for change in entry["changes"]:
                value = change["value"]
                if change["field"] != "messages":
                    continue
                if value["metadata"]["phone_number_id"] != phone:
                    others = True
                    continue
                items = [*(value.get("messages") or ()), *(value.get("statuses") or ())]
                found += [(value, item | {}) for item in items]
    except (KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"not a change: {type(error).__name__}") from error
    if others:
        log.warning("meta.other_account", extra={"channel": CHANNEL, "setting": "phone"})
    return found


def _events(value: Mapping[str, Any], item: Mapping[str, Any]) -> list[Event]:
    if "status" in item:
        state = _STATES.get(item["status"])
        return [Progressed(str(item["id"]), state, _reason(item))] if state else []
    if item["type"] in _QUIET or "group_id" in item or _is_permission(item):
        return []
    chat = _chat(value, item)
    if item["type"] == "reaction":
        reaction = item["reaction"]
        return [Reacted(chat, str(reaction["message_id"]), str(reaction.get("emoji") or ""))]
    if item["type"] == "revoke":
        return [Withdrawn(chat, str(item["revoke"]["original_message_id"]))]
    if item["type"] == "edit":
        edit = item["edit"]
        said = _said(chat, str(item["id"]), edit["message"])
        return [msgspec.structs.replace(said, replaces=str(edit["original_message_id"]))]
    return [_said(chat, str(item["id"]), item)]


def _is_permission(item: Mapping[str, Any]) -> bool:
    """The customer decided whether they may be called: they said nothing, and the desk does not."""
    return bool((item.get("interactive") or {}).get("call_permission_reply"))


def _reason(status: Mapping[str, Any]) -> str:
    errors = status.get("errors") or [{}]
    details = (errors[0].get("error_data") or {}).get("details")
    words = [errors[0].get("code"), details or errors[0].get("title")]
    return ": ".join(str(each) for each in words if each)


def _chat(value: Mapping[str, Any], item: Mapping[str, Any]) -> Chat:
    """A person is known by the id that Meta gives them for this business, which every webhook
    brings; who took a user name may show no telephone number."""
    contacts = value.get("contacts") or [{}]
    phone = str(item.get("from") or "")
    named = next((each for each in contacts if each.get("wa_id") == phone), contacts[0])
    user = str(item.get("from_user_id") or named.get("user_id") or phone)
    if not user:
        raise KeyError("from")
    address = {"to": phone, "user": user, "message": str(item["id"])}
    # WhatsApp lets nobody write from a number that they have not proved to be theirs.
    return Chat(user, address, verified=f"tel:+{phone}" if phone.isdecimal() else "")


def _said(chat: Chat, identifier: str, message: Mapping[str, Any]) -> Said:
    kind = str(message["type"])
    content = message.get(kind)
    said = Said(chat, identifier, quote=_quote(message))
    if kind == "request_welcome":
        return msgspec.structs.replace(said, joined=True)
    if kind in _FILES and content:
        text = str(content.get("caption") or "")
        return msgspec.structs.replace(said, text=text, media=(_remote(kind, content),))
    tell = _WORDS.get(kind)
    text = tell(content) if tell and content else ""
    if text:
        return msgspec.structs.replace(said, text=text)
    hidden = (message.get("unsupported") or {}).get("type")
    return msgspec.structs.replace(said, unsupported=(str(hidden or kind),))


def _remote(kind: str, file: Mapping[str, Any]) -> Remote:
    claimed = str(file.get("mime_type") or "")
    attachment = _FILES[kind]
    family = claimed.partition("/")[0]
    if attachment is AttachmentKind.FILE and family in ("image", "audio", "video"):
        attachment = AttachmentKind(family)
    return Remote(
        attachment, str(file["id"]), media_type=claimed, name=str(file.get("filename") or "")
    )


def _quote(message: Mapping[str, Any]) -> str:
    """The words of the advertisement or the number of the product that the customer asks about.
    Of a message that they answer only the id is told."""
    shown = message.get("referral") or {}
    product = ((message.get("context") or {}).get("referred_product") or {}).get(
        "product_retailer_id"
    )
    words = [shown.get("headline"), shown.get("body"), product]
    return "\n".join(str(each) for each in words if each)


def _place(location: Mapping[str, Any]) -> str:
    names = location.get("name"), location.get("address")
    return place(location["latitude"], location["longitude"], *names)


def _people(contacts: list[Mapping[str, Any]]) -> str:
    return "\n".join(_person(each) for each in contacts)


def _person(contact: Mapping[str, Any]) -> str:
    phones = [str(each.get("phone") or "") for each in contact.get("phones") or ()]
    mails = [str(each.get("email") or "") for each in contact.get("emails") or ()]
    name = str((contact.get("name") or {}).get("formatted_name") or "")
    return " ".join(filter(None, [name, *phones, *mails]))


def _order(order: Mapping[str, Any]) -> str:
    """A basket from the catalogue: `3 × HAMBURGER (30 ILS)`, a line each."""
    lines = [
        f"{item.get('quantity', 1)} × {item['product_retailer_id']}"
        f" ({item.get('item_price', '?')} {item.get('currency', '')})"
        for item in order.get("product_items") or ()
    ]
    return "\n".join([*filter(None, [str(order.get("text") or "")]), *lines])


def _pressed(interactive: Mapping[str, Any]) -> str:
    for kind in ("button_reply", "list_reply"):
        if kind in interactive:
            return str(interactive[kind]["title"])
    form = interactive.get("nfm_reply")
    return _form(form) if form else ""


def _form(form: Mapping[str, Any]) -> str:
    """A form (a "flow") that was filled in: a line for each field."""
    fields = json.loads(form.get("response_json") or "{}")
    return "\n".join(f"{name}: {value}" for name, value in fields.items() if name != "flow_token")


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "text": lambda text: str(text["body"]),
    "button": lambda button: str(button.get("text") or button["payload"]),
    "interactive": _pressed,
    "location": _place,
    "contacts": _people,
    "order": _order,
}
