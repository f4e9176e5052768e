"""Discord: Ed25519 over moment and body.
https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint"""

import time
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.channel_settings import DiscordSection
from tests.connectors.signers.signer import JSON, Signer

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_APPLICATION = "1000000000000000002"


def _settings(api: str) -> DiscordSection:
    public = _KEY.public_key().public_bytes_raw().hex()
    given = {"token": "a.b.c", "application": _APPLICATION, "public_key": public, "api": api}
    return DiscordSection.model_validate(given)


def _sign(body: bytes) -> tuple[Mapping[str, str], str]:
    stamp = str(int(time.time()))
    signature = _KEY.sign(stamp.encode() + body).hex()
    return JSON | {"X-Signature-Timestamp": stamp, "X-Signature-Ed25519": signature}, ""


def _interaction(number: int, user: int, kind: int, data: Any, **more: Any) -> dict[str, Any]:
    person = {"id": str(53908099506180000 + user), "username": "ann", "global_name": "Ann"}
    return {
        "id": str(846462639134000000 + number), "application_id": _APPLICATION, "type": kind,
        "data": data, "token": "t", "version": 1, "channel_id": "290926798626357999",
        "user": person, "locale": "de", "context": 1,
    } | more  # fmt: skip


def _asked(number: int, user: int) -> dict[str, Any]:
    option = {"name": "question", "type": 3, "value": f"Where is order {number}?"}
    return _interaction(number, user, 2, {"id": "7", "name": "ask", "type": 1, "options": [option]})


def _samples() -> tuple[Any, ...]:
    shown = {"id": "334385199974967001", "channel_id": "290926798626357999", "content": "?"}
    file = {"id": "701", "filename": "x.png", "size": 12, "content_type": "image/png",
            "url": "https://cdn.discordapp.com/attachments/1/701/x.png"}  # fmt: skip
    options = [{"name": "question", "type": 3, "value": "x"}, {"name": "file", "type": 11,
               "value": "701"}]  # fmt: skip
    data = {"id": "7", "name": "ask", "type": 1, "options": options}
    return (
        {"type": 1, "application_id": _APPLICATION},
        _interaction(1, 1, 3, {"custom_id": "0:Yes", "component_type": 2}, message=shown),
        _interaction(2, 1, 2, data | {"resolved": {"attachments": {"701": file}}}),
        _interaction(3, 1, 4, data),
        _interaction(4, 1, 5, {"custom_id": "x", "components": []}, member={"user": {"id": "1"}}),
    )


SIGNER = Signer(settings=_settings, sign=_sign, message=_asked, samples=_samples)
