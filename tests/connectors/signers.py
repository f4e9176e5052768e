"""How each channel's provider signs and what it sends, for what tests and measures all channels.

A channel joins with one entry in `SIGNERS`; what is not here still gets what nobody signed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.channel_settings import TelegramSection

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


SIGNERS: dict[str, Signer] = {
    "telegram": Signer(
        settings=lambda api: TelegramSection.model_validate(
            {"token": "123456:a-token", "secret": SECRET, "api": api}
        ),
        sign=lambda body: ({"X-Telegram-Bot-Api-Secret-Token": SECRET}, ""),
        message=_telegram_text,
        samples=_TELEGRAM_SAMPLES,
    ),
}
