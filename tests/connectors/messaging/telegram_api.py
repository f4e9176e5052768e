"""Telegram's Bot API on a real socket, as far as a conversation needs it, and updates as it sends
them. python-telegram-bot is pointed at it in test_telegram_library.py, so that it is not our own
idea of the protocol."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.responses import JSONResponse, Response

from tests.connectors.messaging.stand_in import Call, StandIn

TOKEN = "123456:a-token"
SECRET = "the-secret_token"
BOT = {"id": 123456, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}
ANN = {"id": 77, "is_bot": False, "first_name": "Ann", "language_code": "en"}
PRIVATE = {"id": 77, "type": "private", "first_name": "Ann"}


def update(number: int, **content: Any) -> dict[str, Any]:
    """What Ann sends in her private chat, as an `Update`."""
    message = {"message_id": number, "date": 1700000000, "chat": PRIVATE, "from": ANN} | content
    return {"update_id": 1000 + number, "message": message}


def refusal(status: int, description: str, **parameters: Any) -> Response:
    body = {"ok": False, "error_code": status, "description": description}
    return JSONResponse(body | ({"parameters": parameters} if parameters else {}), status)


def accepted(result: Any) -> JSONResponse:
    return JSONResponse({"ok": True, "result": result})


class BotApi(StandIn):
    """Telegram's side. `sent` is what it has taken from the bot, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        """What `getUpdates` gives until it is confirmed."""
        self.webhook: dict[str, Any] = {"url": ""}
        for method, handler in {
            "sendMessage": self._send,
            "sendVoice": self._send,
            "editMessageText": self._edit,
            "sendChatAction": lambda _: accepted(True),
            "getMe": lambda _: accepted(BOT),
            "getFile": self._file,
            "getUpdates": self._updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": lambda _: accepted(
                {"has_custom_certificate": False, "pending_update_count": 0} | self.webhook
            ),
        }.items():
            self.answer("POST", self.method(method), handler)

    @staticmethod
    def method(name: str) -> str:
        return f"/bot{TOKEN}/{name}"

    def keep(self, file_id: str, data: bytes) -> None:
        self.answer("GET", f"/file/bot{TOKEN}/files/{file_id}", data)

    def texts(self) -> list[str]:
        """The words that it has taken."""
        return [message["text"] for message in self.sent if "text" in message]

    def _send(self, call: Call) -> Response:
        given = parameters(call)
        message: dict[str, Any] = {
            "message_id": 500 + len(self.sent) + 1,
            "date": 1700000000,
            "from": BOT,
            "chat": PRIVATE | {"id": int(given["chat_id"])},
        }
        if "voice" in call.form:
            name, data = call.form["voice"]
            voice = {"file_id": name, "file_unique_id": "u", "duration": 1}
            message["voice"] = voice | {"file_size": len(data)}
        else:
            message["text"] = given["text"]
        self.sent.append(message)
        return accepted(message)

    def _edit(self, call: Call) -> Response:
        given = parameters(call)
        place = int(given["message_id"]) - 501
        self.sent[place]["text"] = given["text"]
        return accepted(self.sent[place])

    def _file(self, call: Call) -> Response:
        name = parameters(call)["file_id"]
        return accepted({"file_id": name, "file_unique_id": "u", "file_path": f"files/{name}"})

    def _updates(self, call: Call) -> Response:
        offset = int(parameters(call).get("offset") or 0)
        self.updates = [each for each in self.updates if each["update_id"] >= offset]
        return accepted(self.updates)

    def _set_webhook(self, call: Call) -> Response:
        self.webhook = {"url": parameters(call)["url"]}
        return accepted(True)

    def _delete_webhook(self, call: Call) -> Response:
        self.webhook = {"url": ""}
        return accepted(True)


def parameters(call: Call) -> dict[str, Any]:
    """A method's parameters: JSON, or a form in which what is no text is JSON."""
    if not call.form:
        given: dict[str, Any] = json.loads(call.body or b"{}")
        return given
    return {name: value for name, value in call.form.items() if isinstance(value, str)}


@asynccontextmanager
async def webhooks(url: str) -> AsyncIterator["Webhooks"]:
    """Telegram as it delivers updates to a desk."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        yield Webhooks(client)


class Webhooks:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def deliver(self, body: dict[str, Any]) -> int:
        """Gives the status that the desk answers with."""
        answer = await self._client.post(
            "/channels/telegram",
            content=json.dumps(body).encode(),
            headers={"X-Telegram-Bot-Api-Secret-Token": SECRET},
        )
        return answer.status_code
