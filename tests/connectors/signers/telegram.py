"""Telegram: a secret of the operator's own in a header. https://core.telegram.org/bots/api"""

from typing import Any

from bot.channel_settings import TelegramSection
from tests.connectors.signers.signer import JSON, Signer

_SECRET = "the-secret_token"
_ANN = {"id": 77, "is_bot": False, "first_name": "Ann", "language_code": "en"}
_PRIVATE = {"id": 77, "type": "private", "first_name": "Ann"}
_GROUP = {"id": -100200, "type": "supergroup", "title": "Shop", "is_forum": True}
_PLACE = {"latitude": 59.91, "longitude": 10.75}
_FILE = {"file_id": "f", "file_size": 900, "mime_type": "audio/ogg", "duration": 2}


def _settings(api: str) -> TelegramSection:
    given = {"token": "123456:a-token", "secret": _SECRET, "api": api}
    return TelegramSection.model_validate(given)


def _update(number: int, user: int = 1, **content: Any) -> dict[str, Any]:
    sender = _ANN | {"id": 1_000 + user}
    chat = _PRIVATE | {"id": 1_000 + user}
    message = {"message_id": number, "date": 1_700_000_000, "chat": chat, "from": sender}
    return {"update_id": number, "message": message | content}


def _message(number: int, user: int) -> dict[str, Any]:
    return _update(number, user, text=f"Where is order {number}?")


def _samples() -> tuple[Any, ...]:
    pressed = {"message_id": 3, "date": 1, "chat": _PRIVATE}
    return (
        _update(1, text="/start order-7", entities=[{"type": "bot_command", "offset": 0}]),
        _update(2, photo=[{"file_id": "s", "width": 90, "height": 60}], caption="It says this"),
        _update(3, voice=_FILE),
        _update(4, document=_FILE | {"file_name": "a.pdf"}, media_group_id="g"),
        _update(5, sticker={"file_id": "f", "is_animated": False, "is_video": False}),
        _update(6, venue={"location": _PLACE, "title": "Shop"}, location=_PLACE),
        _update(7, contact={"first_name": "Bo", "phone_number": "+4712345678"}),
        _update(8, text="B", quote={"text": "B?"}, reply_to_message={"text": "A or B?"}),
        _update(9, poll={"id": "1", "question": "?"}, dice={"emoji": "🎲", "value": 3}),
        _update(10, text="hi", chat=_GROUP, message_thread_id=5, is_topic_message=True),
        _update(11, new_chat_members=[_ANN]),
        {"update_id": 12, "edited_message": _update(1, text="C", edit_date=9)["message"]},
        {
            "update_id": 13,
            "callback_query": {"id": "q", "from": _ANN, "data": "yes", "message": pressed},
        },
        {
            "update_id": 14,
            "message_reaction": {
                "chat": _PRIVATE, "message_id": 3, "user": _ANN, "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": "👍"}],
            },
        },
    )  # fmt: skip


SIGNER = Signer(
    settings=_settings,
    sign=lambda body: (JSON | {"X-Telegram-Bot-Api-Secret-Token": _SECRET}, ""),
    message=_message,
    samples=_samples,
)
