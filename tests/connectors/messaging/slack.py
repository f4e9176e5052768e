"""Slack's side for the tests: its payloads, and its Web API as far as a conversation needs it."""

from typing import Any

from starlette.responses import JSONResponse, Response

from connectors.messaging.events import Chat
from tests.connectors.messaging.stand_in import Call, StandIn

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TOKEN = "xoxb-a-token"
APP = "A0LAN2Q65"
BOT, ANN, BO = "U0LAN0Z89", "U061F7AUR", "U0BO"
DIRECT, CHANNEL = "D0PNCRP9N", "C0LAN2Q65"
DM = Chat(ANN, {"channel": DIRECT, "thread": ""})


def envelope(event: dict[str, Any], number: str = "Ev08MFMKH6") -> dict[str, Any]:
    """An `event_callback`, as https://docs.slack.dev/apis/events-api#callback-field has it."""
    return {
        "token": "legacy", "team_id": "T061EG9R6", "api_app_id": APP, "type": "event_callback",
        "event": event, "event_id": number, "event_time": 1515449522,
        "authorizations": [{"enterprise_id": None, "team_id": "T061EG9R6", "user_id": BOT,
                            "is_bot": True, "is_enterprise_install": False}],
        "is_ext_shared_channel": False,
    }  # fmt: skip


def message(ts: str = "1.1", channel: str = DIRECT, **content: Any) -> dict[str, Any]:
    kind = "im" if channel.startswith("D") else "channel"
    event = {"type": "message", "user": ANN, "ts": ts, "channel": channel, "event_ts": ts}
    return event | {"channel_type": kind, "client_msg_id": f"c-{ts}"} | content


def button(**changes: Any) -> dict[str, Any]:
    action = {
        "type": "button", "action_id": "say-0", "block_id": "b1", "value": "Where is it?",
        "text": {"type": "plain_text", "text": "Where is it?"}, "action_ts": "7.7",
    }  # fmt: skip
    return {
        "type": "block_actions", "api_app_id": APP, "token": "legacy", "trigger_id": "1.2.3",
        "user": {"id": ANN, "username": "ann", "team_id": "T061EG9R6"},
        "container": {"type": "message", "message_ts": "2.2", "channel_id": DIRECT},
        "channel": {"id": DIRECT, "name": "directmessage"}, "team": {"id": "T061EG9R6"},
        "message": {"type": "message", "ts": "2.2", "user": BOT, "bot_id": "B1", "text": "?"},
        "response_url": "https://hooks.slack.com/actions/x", "actions": [action],
    } | changes  # fmt: skip


COMMAND = {
    "token": "legacy", "team_id": "T061EG9R6", "team_domain": "shop", "channel_id": "C2147483705",
    "channel_name": "test", "user_id": ANN, "user_name": "ann", "command": "/ask",
    "text": "where is it?", "response_url": "https://hooks.slack.com/commands/1234/5678",
    "trigger_id": "13345224609.738474920.8088930838d88f008e0", "api_app_id": APP,
}  # fmt: skip


class WebApi(StandIn):
    """Slack's side, as far as a conversation needs it."""

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self.answer("POST", "/chat.postMessage", self._post)
        self.answer("POST", "/chat.update", {"ok": True, "channel": DIRECT, "ts": "900.1"})
        self.answer(
            "POST",
            "/auth.test",
            {"ok": True, "user": "shop", "team": "Shop", "user_id": BOT, "bot_id": "B1"},
        )
        self.answer("POST", "/files.getUploadURLExternal", self._place)
        self.answer("POST", "/upload/v1/abc", b"OK - 10")
        self.answer("POST", "/files.completeUploadExternal", {"ok": True, "files": [{"id": "F9"}]})
        self.answer("POST", "/conversations.open", {"ok": True, "channel": {"id": DIRECT}})

    def keep(self, name: str, data: bytes) -> str:
        """A file at `url_private`, which wants the bot's token."""
        path = f"/files-pri/{name}"

        def hosted(call: Call) -> Response:
            if call.headers.get("authorization") != f"Bearer {TOKEN}":
                return Response(status_code=302, headers={"location": "https://shop.slack.com/"})
            return Response(data)

        self.answer("GET", path, hosted)
        return f"{self.url}{path}"

    def texts(self) -> list[str]:
        return [call.json()["text"] for call in self.made("/chat.postMessage")]

    def _post(self, call: Call) -> Response:
        self._sent += 1
        asked = call.json()
        return JSONResponse({"ok": True, "channel": asked["channel"], "ts": f"900.{self._sent}"})

    def _place(self, call: Call) -> Response:
        place = {"ok": True, "upload_url": f"{self.url}/upload/v1/abc", "file_id": "F9"}
        return JSONResponse(place)


def refusal(error: str, status: int = 200, **headers: str) -> Response:
    return JSONResponse({"ok": False, "error": error}, status, headers)
