"""LINE: the body's HMAC under the channel's secret.
https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/"""

import hmac
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from bot.channel_settings import LineSection
from tests.connectors.signers.signer import JSON, Signer

_SECRET = "a-channel-secret"


def _settings(api: str) -> LineSection:
    return LineSection.model_validate({"token": "a-token", "secret": _SECRET, "api": api})


def _sign(body: bytes) -> tuple[Mapping[str, str], str]:
    signature = b64encode(hmac.digest(_SECRET.encode(), body, "sha256")).decode()
    return JSON | {"X-Line-Signature": signature}, ""


def _happened(kind: str, number: int, user: int = 1, **content: Any) -> dict[str, Any]:
    event = {
        "type": kind, "mode": "active", "timestamp": int(time.time() * 1000),
        "source": {"type": "user", "userId": f"U{user:032x}"}, "webhookEventId": f"01E{number}",
        "deliveryContext": {"isRedelivery": False}, "replyToken": f"reply-{number}",
    } | content  # fmt: skip
    return {"destination": "U" + "0" * 32, "events": [event]}


def _message(number: int, user: int, kind: str = "text", **content: Any) -> dict[str, Any]:
    about = {"id": str(number), "type": kind, "quoteToken": "q"} | content
    return _happened("message", number, user, message=about)


def _samples() -> tuple[Any, ...]:
    hosted = {"contentProvider": {"type": "line"}}
    group = {"type": "group", "groupId": "C" + "0" * 32, "userId": "U" + "0" * 32}
    mention = {"mentionees": [{"index": 0, "length": 5, "isSelf": True, "type": "user"}]}
    return (
        {"destination": "U" + "0" * 32, "events": []},
        _message(1, 1, "image", **hosted),
        _message(2, 1, "audio", duration=900, **hosted),
        _message(3, 1, "file", fileName="a.pdf", fileSize=9),
        _message(4, 1, "location", title="Shop", address="High St", latitude=1.5, longitude=2.5),
        _message(5, 1, "sticker", packageId="1", stickerId="2", keywords=["happy"]),
        _happened("message", 6, source=group,
                  message={"id": "6", "type": "text", "text": "@Shop hi", "mention": mention}),
        _happened("follow", 7, follow={"isUnblocked": False}),
        _happened("unsend", 8, unsend={"messageId": "1"}),
        _happened("postback", 9, postback={"data": "Yes", "params": {"date": "2026-01-01"}}),
        _happened("join", 10, source=group),
    )  # fmt: skip


SIGNER = Signer(
    settings=_settings,
    sign=_sign,
    message=lambda number, user: _message(number, user, text=f"Where is order {number}?"),
    samples=_samples,
)
