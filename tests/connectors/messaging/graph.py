"""Meta's side for the tests: signed webhooks, and a Graph API that sends and refuses."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx
from hypothesis import strategies as st
from starlette.responses import JSONResponse, Response

from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.stand_in import Call, StandIn

TOKEN = "EAAG-the-token"
SECRET = "the-app-secret"
VERIFY = "words that we made up"
VERSION = "/v25.0"
CREDENTIALS = {"token": TOKEN, "app_secret": SECRET, "verify_token": VERIFY}


def now_s() -> int:
    return int(time.time())


def signature(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


async def deliver(
    site: ChannelSite, channel: str, body: Mapping[str, Any] | bytes, signed: str | None = None
) -> int:
    """Send a webhook as Meta does; `signed`: another signature than the right one."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = signature(content) if signed is None else signed
    headers = {"X-Hub-Signature-256": given, "Content-Type": "application/json"}
    return (await site.post(channel, content, headers)).status_code


async def shake(site: ChannelSite, channel: str, **query: str) -> httpx.Response:
    """The `GET` by which Meta makes sure of an address."""
    params = {f"hub.{name}": value for name, value in query.items()}
    async with httpx.AsyncClient(base_url=site.url, trust_env=False) as client:
        return await client.get(f"/channels/{channel}", params=params)


def refusal(
    status: int, code: int, message: str = "no", subcode: int | None = None, **more: Any
) -> Response:
    """An error of the Graph API; `headers`, and what else stands in it."""
    headers = more.pop("headers", None)
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "x"} | more
    if subcode is not None:
        error["error_subcode"] = subcode
    return JSONResponse({"error": error}, status, headers=headers)


class GraphApi(StandIn):
    """`refusals`: what the next messages are answered with; typing is left out of the count."""

    def __init__(self, messages: str) -> None:
        super().__init__()
        self.messages = f"{VERSION}/{messages}"
        self.refusals: list[Response] = []
        self._sent = 0
        self.answer("POST", self.messages, self._send)

    def keep(self, name: str, data: bytes) -> str:
        """Have media ready; gives their address."""
        self.answer("GET", f"/media/{name}", data)
        return f"{self.url}/media/{name}"

    async def sent(self, count: int = 1) -> list[dict[str, Any]]:
        """The messages that were sent, once there are as many."""
        calls = await self.wait(self.messages, count, where=is_message)
        return [body_of(call) for call in calls]

    def _send(self, call: Call) -> Response:
        if not is_message(call):
            return JSONResponse({"success": True})
        if self.refusals:
            return self.refusals.pop(0)
        self._sent += 1
        return JSONResponse(self.receipt(f"mid.{self._sent}"))

    def receipt(self, identifier: str) -> dict[str, Any]:
        return {"recipient_id": "77", "message_id": identifier}


def is_message(call: Call) -> bool:
    return not body_of(call).keys() & {"sender_action", "typing_indicator"}


def body_of(call: Call) -> dict[str, Any]:
    if call.form:
        return call.form
    body: dict[str, Any] = call.json()
    return body


_JUNK = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.just([]), st.just({}))


def broken_somewhere(data: st.DataObject, body: Any) -> Any:
    """A copy of a webhook, one place of which holds what does not belong there."""
    whole = where = json.loads(json.dumps(body))
    while True:
        keys = list(where) if isinstance(where, dict) else range(len(where))
        key = data.draw(st.sampled_from(list(keys)))
        if not (isinstance(where[key], dict | list) and where[key]) or data.draw(st.booleans()):
            where[key] = data.draw(_JUNK)
            return whole
        where = where[key]
