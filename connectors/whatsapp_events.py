"""What a webhook of WhatsApp's Cloud API tells.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages.
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from bot.messages import AttachmentKind, ChannelName
from connectors.messaging.events import (
    Chat,
    Event,
    Progressed,
    Reacted,
    Remote,
    Said,
    State,
    Withdrawn,
    kind_of,
)
from connectors.messaging.hook import Malformed
from connectors.messaging.meta import events_of, place

log = logging.getLogger(__name__)

CHANNEL = ChannelName("whatsapp")
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

Item = tuple[Mapping[str, Any], Mapping[str, Any]]
"""A message or a status, and before it what surrounds it."""


def parse(body: Mapping[str, Any], phone: str) -> tuple[Event, ...]:
    """What a webhook tells about one of the account's phone numbers. Raises `Malformed`.

    Templates, preferences and whatever else concerns the account and not a conversation
    stand under other fields than `messages`.
    """
    return parse_items(items_of(body, phone))


def parse_items(items: Iterable[Item]) -> tuple[Event, ...]:
    """The same of what `items_of` has found. Raises `Malformed`."""
    return events_of(CHANNEL, items, lambda item: _events(*item))


def calls_of(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a webhook tells of calls. Raises `Malformed`."""
    try:
        changes = [change for entry in body["entry"] for change in entry["changes"]]
        return [change["value"] for change in changes if change["field"] == "calls"]
    except (KeyError, TypeError) as error:
        raise Malformed(f"not a change: {type(error).__name__}") from error


def items_of(body: Mapping[str, Any], phone: str) -> list[Item]:
    """Each message and status of the number. Raises `Malformed`."""
    found: list[Item] = []
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
    verified = f"tel:+{phone}" if phone.isdecimal() else ""
    name = str((named.get("profile") or {}).get("name") or "")
    return Chat(user, address, verified=verified, name=name)


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
    if attachment is AttachmentKind.FILE:
        attachment = kind_of(claimed)
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
