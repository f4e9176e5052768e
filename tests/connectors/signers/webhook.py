"""Any system: https://github.com/standard-webhooks/standard-webhooks"""

import hashlib
import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from bot.channel_settings import WebhookSection
from tests.connectors.signers.signer import JSON, Signer

_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def _settings(api: str) -> WebhookSection:
    return WebhookSection.model_validate({"url": f"{api}/answers", "secret": _SECRET})


def _sign(body: bytes) -> tuple[Mapping[str, str], str]:
    name, stamp = hashlib.md5(body).hexdigest(), str(int(time.time()))
    key = b64decode(_SECRET.removeprefix("whsec_"))
    signature = b64encode(hmac.digest(key, f"{name}.{stamp}.".encode() + body, "sha256")).decode()
    headers = {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }
    return JSON | headers, ""


def _told(kind: str, number: int, user: int = 1, **content: Any) -> dict[str, Any]:
    about = {"type": kind, "customer": f"user-{user}", "conversation": "t-1", "locale": "en"}
    return about | {"id": f"m{number}"} | content


def _samples() -> tuple[Any, ...]:
    file = {"url": "https://a.example/1", "type": "image/png", "name": "a.png", "size": 9}
    return (
        _told("message", 1, text="see", files=[file]),
        _told("message", 2, text="B", replaces="m1", quote="A or B?"),
        _told("deleted", 1),
        _told("typing", 3),
        {"type": "status", "id": "m1", "status": "read"},
    )


SIGNER = Signer(
    settings=_settings,
    sign=_sign,
    message=lambda number, user: _told("message", number, user, text=f"Where is order {number}?"),
    samples=_samples,
)
