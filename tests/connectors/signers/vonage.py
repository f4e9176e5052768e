"""Vonage: a token that holds the body's digest.
https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks"""

import hashlib
import time
from collections.abc import Mapping
from typing import Any

import jwt

from bot.channel_settings import VonageSection
from tests.connectors.signers.signer import JSON, Signer

_KEY = "abcd1234"
_SECRET = "the-signature-secret-of-at-least-32-bytes"


def _settings(api: str) -> VonageSection:
    given = {"key": _KEY, "secret": "s", "signature_secret": _SECRET, "api": api, "rest": api}
    return VonageSection.model_validate(given)


def _sign(body: bytes) -> tuple[Mapping[str, str], str]:
    claims = {
        "iat": int(time.time()), "jti": hashlib.md5(body).hexdigest(), "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(), "api_key": _KEY,
        "application_id": "78d335fa-323d-0114-9c3d-d6f0d48968cf",
    }  # fmt: skip
    return JSON | {"Authorization": f"Bearer {jwt.encode(claims, _SECRET, algorithm='HS256')}"}, ""


def _sent(number: int, user: int = 1, **content: Any) -> dict[str, Any]:
    return {
        "channel": "sms", "message_uuid": f"aaaaaaaa-bbbb-4ccc-8ddd-{number:012d}",
        "to": "447700900000", "from": f"4477{user:08}", "timestamp": "2025-02-03T12:14:25Z",
    } | content  # fmt: skip


def _text(number: int, user: int) -> dict[str, Any]:
    return _sent(number, user, message_type="text", text=f"Where is order {number}?")


def _samples() -> tuple[Any, ...]:
    image = {"url": "https://api-us.nexmo.com/v3/media/1", "caption": "see"}
    return (
        _sent(1, channel="mms", message_type="image", image=image),
        _sent(2, channel="mms", message_type="vcard", vcard=image),
        _sent(3, message_type="unsupported"),
        _sent(4, status="rejected", error={"title": 1120, "detail": "Illegal", "type": "x"}),
        _sent(5, status="delivered", destination={"network_code": "12345"}),
    )


SIGNER = Signer(settings=_settings, sign=_sign, message=_text, samples=_samples)
