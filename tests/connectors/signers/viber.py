"""Viber: the body's HMAC under the bot's token.
https://developers.viber.com/docs/api/rest-bot-api/#callbacks"""

import hmac
import time
from collections.abc import Mapping
from typing import Any

from bot.channel_settings import ViberSection
from tests.connectors.signers.signer import JSON, Signer

_TOKEN = "4453b6ac12345678-e02c5f12174805f9-daec9cbb5448c51f"


def _settings(api: str) -> ViberSection:
    return ViberSection.model_validate({"token": _TOKEN, "sender": "Voltaro", "api": api})


def _sign(body: bytes) -> tuple[Mapping[str, str], str]:
    signature = hmac.digest(_TOKEN.encode(), body, "sha256").hex()
    return JSON | {"X-Viber-Content-Signature": signature}, ""


def _callback(kind: str, number: int, **content: Any) -> dict[str, Any]:
    about = {"event": kind, "timestamp": int(time.time() * 1000), "chat_hostname": "x"}
    return about | {"message_token": 4912661846655238000 + number} | content


def _message(number: int, user: int, kind: str = "text", **content: Any) -> dict[str, Any]:
    sender = {"id": f"u{user:010}A=", "name": "Ann", "language": "de", "api_version": 10}
    return _callback("message", number, sender=sender, message={"type": kind} | content)


def _samples() -> tuple[Any, ...]:
    user = {"id": "u0000000001A=", "name": "Ann", "language": "de", "api_version": 10}
    file = {"media": "https://dl-media.viber.com/1/a.jpg", "size": 9, "file_name": "a.pdf"}
    return (
        {"event": "webhook", "timestamp": 1, "message_token": 1},
        _callback("conversation_started", 1, type="open", context="c", user=user, subscribed=False),
        _callback("subscribed", 2, user=user),
        _callback("unsubscribed", 3, user_id=user["id"]),
        _callback("delivered", 4, user_id=user["id"]),
        _callback("failed", 5, user_id=user["id"], desc="no"),
        _message(6, 1, "picture", text="see", **file),
        _message(7, 1, "video", duration=2, **file),
        _message(8, 1, "file", **file),
        _message(9, 1, "location", location={"lat": 1.5, "lon": 2.5}),
        _message(10, 1, "contact", contact={"name": "Bo", "phone_number": "1"}),
        _message(11, 1, "sticker", sticker_id=5),
        _message(12, 1, "url", media="https://a.example"),
    )


SIGNER = Signer(
    settings=_settings,
    sign=_sign,
    message=lambda number, user: _message(number, user, text=f"Where is order {number}?"),
    samples=_samples,
)
