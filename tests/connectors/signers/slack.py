"""Slack: the HMAC of moment and body. https://docs.slack.dev/authentication/verifying-requests"""

import hmac
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from bot.channel_settings import SlackSection
from tests.connectors.signers.signer import JSON, Signer, to_json

_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
_APP, _BOT = "A0LAN2Q65", "U0LAN0Z89"


def _settings(api: str) -> SlackSection:
    given = {"token": "xoxb-1", "app": _APP, "signing_secret": _SECRET, "api": api}
    return SlackSection.model_validate(given)


def _sign(body: bytes) -> tuple[Mapping[str, str], str]:
    stamp = str(int(time.time()))
    signature = hmac.digest(_SECRET.encode(), f"v0:{stamp}:".encode() + body, "sha256").hex()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    kind = form if body.startswith((b"payload=", b"command=")) else JSON
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature}"}
    return kind | headers, ""


def _event(number: int, **event: Any) -> dict[str, Any]:
    return {
        "token": "legacy", "team_id": "T061EG9R6", "api_app_id": _APP, "type": "event_callback",
        "event": event, "event_id": f"Ev{number}", "event_time": 1515449522,
        "authorizations": [{"team_id": "T061EG9R6", "user_id": _BOT, "is_bot": True}],
    }  # fmt: skip


def _said(number: int, user: int = 1, **content: Any) -> dict[str, Any]:
    about = {
        "type": "message",
        "user": f"U{user:06}",
        "ts": f"{number}.1",
        "channel": f"D{user:06}",
    }
    return _event(number, **about | {"channel_type": "im", "client_msg_id": f"c{number}"} | content)


def _samples() -> tuple[Any, ...]:
    file = {"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 9, "mode": "hosted",
            "url_private": "https://files.slack.com/files-pri/T-F1/a.png"}  # fmt: skip
    pressed = {
        "type": "block_actions", "api_app_id": _APP, "user": {"id": "U000001"},
        "container": {"type": "message", "message_ts": "2.2", "channel_id": "D000001"},
        "channel": {"id": "D000001"}, "message": {"ts": "2.2", "user": _BOT, "text": "?"},
        "actions": [{"type": "button", "value": "Yes", "action_id": "say-0", "action_ts": "7.7"}],
    }  # fmt: skip
    asked = {"command": "/ask", "text": "where?", "user_id": "U000001", "channel_id": "C1"}
    return (
        {"type": "url_verification", "token": "legacy", "challenge": "3eZbrw1aB"},
        _said(1, text="", files=[file], subtype="file_share"),
        _said(2, subtype="message_changed", message={"text": "B", "ts": "1.1", "user": "U000001"}),
        _said(3, subtype="message_deleted", deleted_ts="1.1", previous_message={"user": "U000001"}),
        _said(4, text=f"<@{_BOT}> hi", type="app_mention", channel="C0LAN2Q65", thread_ts="1.0"),
        _event(5, type="reaction_added", user="U000001", reaction="thumbsup",
               item={"type": "message", "channel": "D000001", "ts": "1.1"}),
        _event(6, type="app_home_opened", user="U000001", channel="D000001", tab="messages"),
        {"form": {"payload": pressed}},
        {"form": asked | {"api_app_id": _APP, "trigger_id": "1.2", "team_id": "T061EG9R6"}},
    )  # fmt: skip


def _encode(payload: Any) -> bytes:
    """What is filled in is a form, all else JSON."""
    form = payload.get("form") if isinstance(payload, dict) else None
    if not isinstance(form, dict):
        return to_json(payload)
    texts = {k: v if isinstance(v, str) else to_json(v).decode() for k, v in form.items()}
    return urlencode(texts).encode()


SIGNER = Signer(
    settings=_settings,
    sign=_sign,
    message=lambda number, user: _said(number, user, text=f"Where is order {number}?"),
    samples=_samples,
    encode=_encode,
)
