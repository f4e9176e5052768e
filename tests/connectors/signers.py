"""How each channel's provider signs and what it sends, for what tests and measures all channels.

A channel joins with one entry in `SIGNERS`; what is not here still gets what nobody signed.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.channel_settings import (
    DiscordSection,
    InstagramSection,
    LineSection,
    MessengerSection,
    SlackSection,
    TelegramSection,
    ViberSection,
    WebhookSection,
    WhatsAppSection,
)

PUBLIC_URL = "https://desk.example"
"""What providers that sign the address call the desk."""
SECRET = "the-secret_token"


def to_json(payload: Any) -> bytes:
    return json.dumps(payload).encode()


@dataclass(frozen=True)
class Signer:
    settings: Callable[[str], Any]
    """Address of the provider's API → the channel's section."""
    sign: Callable[[bytes], tuple[Mapping[str, str], str]]
    """Body → the headers and the query string with which the provider would deliver it now."""
    message: Callable[[int, int], Any]
    """Number of the message and of its sender → the payload of a text, which is no other's."""
    samples: tuple[Any, ...] = ()
    """Further payloads, of other kinds."""
    encode: Callable[[Any], bytes] = to_json
    """Payload, whatever has become of it → body."""


_ANN = {"id": 77, "is_bot": False, "first_name": "Ann", "language_code": "en"}
_PRIVATE = {"id": 77, "type": "private", "first_name": "Ann"}
_GROUP = {"id": -100200, "type": "supergroup", "title": "Shop", "is_forum": True}


def _telegram(number: int, user: int, **content: Any) -> dict[str, Any]:
    sender = _ANN | {"id": 1_000 + user}
    chat = _PRIVATE | {"id": 1_000 + user}
    message = {"message_id": number, "date": 1_700_000_000, "chat": chat, "from": sender}
    return {"update_id": number, "message": message | content}


def _telegram_text(number: int, user: int) -> dict[str, Any]:
    return _telegram(number, user, text=f"Where is order {number}?")


_TELEGRAM_PLACE = {"latitude": 59.91, "longitude": 10.75}
_TELEGRAM_FILE = {"file_id": "f", "file_size": 900, "mime_type": "audio/ogg", "duration": 2}
_TELEGRAM_SAMPLES = (
    _telegram(1, 1, text="/start order-7", entities=[{"type": "bot_command", "offset": 0}]),
    _telegram(2, 1, photo=[{"file_id": "s", "width": 90, "height": 60}], caption="It says this"),
    _telegram(3, 1, voice=_TELEGRAM_FILE),
    _telegram(4, 1, document=_TELEGRAM_FILE | {"file_name": "a.pdf"}, media_group_id="g"),
    _telegram(5, 1, sticker={"file_id": "f", "is_animated": False, "is_video": False}),
    _telegram(6, 1, venue={"location": _TELEGRAM_PLACE, "title": "Shop"}, location=_TELEGRAM_PLACE),
    _telegram(7, 1, contact={"first_name": "Bo", "phone_number": "+4712345678"}),
    _telegram(8, 1, text="B", quote={"text": "B?"}, reply_to_message={"text": "A or B?"}),
    _telegram(9, 1, poll={"id": "1", "question": "?"}, dice={"emoji": "🎲", "value": 3}),
    _telegram(10, 1, text="hi", chat=_GROUP, message_thread_id=5, is_topic_message=True),
    _telegram(11, 1, new_chat_members=[_ANN]),
    {"update_id": 12, "edited_message": _telegram(1, 1, text="C", edit_date=9)["message"]},
    {"update_id": 13, "callback_query": {"id": "q", "from": _ANN, "data": "yes",
     "message": {"message_id": 3, "date": 1, "chat": _PRIVATE}}},
    {"update_id": 14, "message_reaction": {"chat": _PRIVATE, "message_id": 3, "user": _ANN,
     "old_reaction": [], "new_reaction": [{"type": "emoji", "emoji": "👍"}]}},
)  # fmt: skip


def _meta(secret: str) -> Callable[[bytes], tuple[Mapping[str, str], str]]:
    def sign(body: bytes) -> tuple[Mapping[str, str], str]:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return {"X-Hub-Signature-256": f"sha256={digest}"}, ""

    return sign


_META = {"token": "a-token", "app_secret": SECRET, "verify_token": "a-word"}


def _whatsapp(number: int, user: int) -> dict[str, Any]:
    phone, person = f"4790000{user:04}", f"US.{user}"
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "4712345678", "phone_number_id": "1122334455"},
        "contacts": [{"profile": {"name": "Ann"}, "wa_id": phone, "user_id": person}],
        "messages": [
            {
                "from": phone,
                "id": f"wamid.{user}-{number}",
                "timestamp": str(int(time.time())),
                "type": "text",
                "text": {"body": f"Where is order {number}?"},
            }
        ],
    }
    change = {"value": value, "field": "messages"}
    entry = {"id": "1234567890", "changes": [change]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def _messenger(number: int, user: int) -> dict[str, Any]:
    now_ms = int(time.time() * 1000)
    said = {
        "sender": {"id": str(1_000 + user)},
        "recipient": {"id": "5566"},
        "timestamp": now_ms,
        "message": {"mid": f"m_{user}_{number}", "text": f"Where is order {number}?"},
    }
    return {"object": "page", "entry": [{"id": "5566", "time": now_ms, "messaging": [said]}]}


def _instagram(number: int, user: int) -> dict[str, Any]:
    return _messenger(number, user) | {"object": "instagram"}


def _slack_sign(body: bytes) -> tuple[Mapping[str, str], str]:
    stamp = str(int(time.time()))
    base = f"v0:{stamp}:".encode() + body
    digest = hmac.new(SECRET.encode(), base, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }
    return headers, ""


def _slack(number: int, user: int) -> dict[str, Any]:
    stamp = f"{1_700_000_000 + number}.{user:06}"
    event = {
        "type": "message",
        "channel_type": "im",
        "channel": f"D{user:08}",
        "user": f"U{user:08}",
        "text": f"Where is order {number}?",
        "ts": stamp,
        "event_ts": stamp,
    }
    return {
        "type": "event_callback",
        "team_id": "T061EG9R6",
        "api_app_id": "A0PNCHHK2",
        "event_id": f"Ev{user}-{number}",
        "event_time": int(time.time()),
        "event": event,
    }


_DISCORD_KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def _discord_sign(body: bytes) -> tuple[Mapping[str, str], str]:
    stamp = str(int(time.time()))
    signature = _DISCORD_KEY.sign(stamp.encode() + body).hex()
    return {"X-Signature-Timestamp": stamp, "X-Signature-Ed25519": signature}, ""


def _discord(number: int, user: int) -> dict[str, Any]:
    person = {"id": str(80_000_000_000_000_000 + user), "username": "ann"}
    return {
        "type": 2,
        "id": str(90_000_000_000_000_000 + 10_000 * user + number),
        "application_id": "775566112233",
        "token": "an-interaction-token",
        "channel_id": str(70_000_000_000_000_000 + user),
        "channel": {"id": str(70_000_000_000_000_000 + user), "type": 1},
        "user": person,
        "locale": "en-US",
        "data": {
            "id": "1",
            "name": "ask",
            "type": 1,
            "options": [{"name": "question", "type": 3, "value": f"Where is order {number}?"}],
        },
    }


def _line_sign(body: bytes) -> tuple[Mapping[str, str], str]:
    digest = hmac.digest(SECRET.encode(), body, hashlib.sha256)
    return {"X-Line-Signature": base64.b64encode(digest).decode()}, ""


def _line(number: int, user: int) -> dict[str, Any]:
    event = {
        "type": "message",
        "mode": "active",
        "timestamp": int(time.time() * 1000),
        "source": {"type": "user", "userId": f"U{user:032x}"},
        "webhookEventId": f"01FZ{user}-{number}",
        "deliveryContext": {"isRedelivery": False},
        "message": {
            "type": "text",
            "id": str(100_000 * user + number),
            "quoteToken": "q",
            "text": f"Where is order {number}?",
        },
    }
    return {"destination": "U0", "events": [event]}


def _viber_sign(body: bytes) -> tuple[Mapping[str, str], str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Viber-Content-Signature": digest}, ""


def _viber(number: int, user: int) -> dict[str, Any]:
    return {
        "event": "message",
        "timestamp": int(time.time() * 1000),
        "message_token": 10_000_000 * user + number,
        "sender": {"id": f"{user:011}A=", "name": "Ann", "language": "en", "api_version": 10},
        "message": {"type": "text", "text": f"Where is order {number}?"},
    }


_STANDARD_SECRET = base64.b64encode(b"w" * 32).decode()


def _standard_sign(body: bytes) -> tuple[Mapping[str, str], str]:
    """https://www.standardwebhooks.com"""
    identifier, stamp = hashlib.sha256(body).hexdigest()[:24], str(int(time.time()))
    signed = f"{identifier}.{stamp}.".encode() + body
    digest = hmac.digest(b"w" * 32, signed, hashlib.sha256)
    headers = {
        "webhook-id": identifier,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    return headers, ""


def _standard(number: int, user: int) -> dict[str, Any]:
    return {
        "type": "message",
        "id": f"m{user}-{number}",
        "customer": f"user-{user}",
        "conversation": "t-1",
        "text": f"Where is order {number}?",
    }


def _section(kind: type[Any], **settings: str) -> Callable[[str], Any]:
    """The section, its API at the address that is given to what this makes."""
    return lambda api: kind.model_validate(settings | {"api": api})


SIGNERS: dict[str, Signer] = {
    "telegram": Signer(
        settings=lambda api: TelegramSection(token="123456:a-token", secret=SECRET, api=api),
        sign=lambda body: ({"X-Telegram-Bot-Api-Secret-Token": SECRET}, ""),
        message=_telegram_text,
        samples=_TELEGRAM_SAMPLES,
    ),
    "whatsapp": Signer(
        settings=_section(WhatsAppSection, **_META, phone="1122334455"),
        sign=_meta(SECRET),
        message=_whatsapp,
    ),
    "messenger": Signer(
        settings=_section(MessengerSection, **_META, page="5566"),
        sign=_meta(SECRET),
        message=_messenger,
    ),
    "instagram": Signer(
        settings=_section(InstagramSection, **_META, account="5566"),
        sign=_meta(SECRET),
        message=_instagram,
    ),
    "slack": Signer(
        settings=_section(SlackSection, token="xoxb-1", app="A0PNCHHK2", signing_secret=SECRET),
        sign=_slack_sign,
        message=_slack,
    ),
    "discord": Signer(
        settings=_section(
            DiscordSection,
            token="a-token",
            application="775566112233",
            public_key=_DISCORD_KEY.public_key().public_bytes_raw().hex(),
        ),
        sign=_discord_sign,
        message=_discord,
    ),
    "line": Signer(
        settings=_section(LineSection, token="a-token", secret=SECRET),
        sign=_line_sign,
        message=_line,
    ),
    "viber": Signer(
        settings=_section(ViberSection, token=SECRET, sender="Shop"),
        sign=_viber_sign,
        message=_viber,
    ),
    "webhook": Signer(
        settings=lambda api: WebhookSection.model_validate(
            {"url": f"{api}/answers", "secret": f"whsec_{_STANDARD_SECRET}"}
        ),
        sign=_standard_sign,
        message=_standard,
    ),
}
