"""Discord's side for the tests: its payloads, its HTTP API and its gateway as far as a conversation
needs them."""

import asyncio
from typing import Any

from starlette.responses import JSONResponse, Response

from connectors.messaging.events import Chat
from tests.connectors.messaging.socket_stand_in import Line, SocketStandIn
from tests.connectors.messaging.stand_in import Call, StandIn

TOKEN = "a.bot.token"
BOT, ANN, BO = "1000000000000000001", "53908099506183680", "53908232506183680"
APPLICATION = "1000000000000000002"
DIRECT, CHANNEL, GUILD = "290926798626357999", "345626669114982402", "290926798626357250"
DM = Chat(ANN, {"channel": DIRECT, "message": ""})
MINE = {"id": BOT, "username": "shop", "discriminator": "0", "avatar": None, "bot": True}
HERS = {"id": ANN, "username": "ann", "global_name": "Ann", "discriminator": "0", "avatar": None}


def message(number: int = 1, **content: Any) -> dict[str, Any]:
    """As https://docs.discord.com/developers/resources/message#message-object has it."""
    return {
        "id": str(334385199974967000 + number), "channel_id": DIRECT, "author": HERS, "type": 0,
        "content": "", "timestamp": "2026-07-11T17:27:07.299000+00:00", "edited_timestamp": None,
        "tts": False, "mention_everyone": False, "mentions": [], "mention_roles": [],
        "attachments": [], "embeds": [], "pinned": False, "flags": 0, "components": [],
    } | content  # fmt: skip


def in_guild(number: int = 1, **content: Any) -> dict[str, Any]:
    """The same in a server, with a mention of the bot."""
    where = {"channel_id": CHANNEL, "guild_id": GUILD, "member": {"roles": []}, "mentions": [MINE]}
    return message(number, **where | {"content": f"<@{BOT}> hi"} | content)


def file(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(700 + number), "filename": "x.png", "size": 12, "content_type": "image/png",
        "url": f"https://cdn.discordapp.com/attachments/{DIRECT}/{700 + number}/x.png?ex=1&hm=2",
        "proxy_url": f"https://media.discordapp.net/attachments/{DIRECT}/{700 + number}/x.png",
    } | changes  # fmt: skip


def interaction(kind: int, data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": "846462639134605312", "application_id": APPLICATION, "type": kind, "data": data,
        "token": "a-token-of-the-interaction", "version": 1, "channel_id": DIRECT, "user": HERS,
        "locale": "de", "context": 1, "entitlements": [], "attachment_size_limit": 10485760,
    } | changes  # fmt: skip


def ask(words: str = "where is it?", **changes: Any) -> dict[str, Any]:
    option = {"name": "question", "type": 3, "value": words}
    data = {"id": "771825006014889984", "name": "ask", "type": 1, "options": [option]}
    return interaction(2, data, **changes)


def press(identifier: str = "0:Where is it?", **changes: Any) -> dict[str, Any]:
    data = {"custom_id": identifier, "component_type": 2}
    return interaction(3, data, message=message(author=MINE), **changes)


class DiscordApi(StandIn):
    """Remembers the messages that it was sent by their nonces."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: dict[str, dict[str, Any]] = {}
        for channel in (DIRECT, CHANNEL):
            path = f"/channels/{channel}"
            self.answer("POST", f"{path}/messages", self._post)
            self.answer("POST", f"{path}/typing", lambda _: Response(status_code=204))
            for number in range(900, 910):
                self.answer("PATCH", f"{path}/messages/{number}", message(author=MINE))
        self.answer("GET", "/users/@me", MINE)
        application = {
            "id": APPLICATION, "name": "Shop", "description": "", "icon": None, "flags": 0,
            "bot_public": True, "bot_require_code_grant": False, "verify_key": "0" * 64,
            "owner": MINE, "team": None, "summary": "",
        }  # fmt: skip
        self.answer("GET", "/applications/@me", application)
        self.answer("GET", "/oauth2/applications/@me", application)
        self.answer("PATCH", "/applications/@me", application)
        self.answer("POST", f"/applications/{APPLICATION}/commands", {"id": "1", "name": "ask"})

    def keep(self, name: str, data: bytes) -> str:
        self.answer("GET", f"/attachments/{name}", data)
        return f"{self.url}/attachments/{name}"

    def texts(self, channel: str = DIRECT) -> list[str]:
        calls = self.made(f"/channels/{channel}/messages")
        return [call.json()["content"] for call in calls if not call.form]

    def _post(self, call: Call) -> Response:
        asked = call.form or call.json()
        nonce = str(asked.get("nonce", ""))
        if not (nonce and nonce in self.posted):
            number = str(900 + len(self.posted))
            text = asked.get("content", "")
            channel = call.path.split("/")[2]
            self.posted[nonce or number] = message(
                author=MINE, content=text, channel_id=channel, id=number, nonce=nonce
            )
        return JSONResponse(self.posted[nonce or number])


class GatewaySide(SocketStandIn):
    """Greets, acknowledges heartbeats, begins sessions and takes them up again."""

    def __init__(self) -> None:
        super().__init__()
        self.interval_ms = 45_000
        self.acknowledges = True
        self.takes_up = True
        self.begins = True
        self.number = 0

    async def opened(self, line: Line) -> None:
        await line.say({"op": 10, "d": {"heartbeat_interval": self.interval_ms}, "s": None})

    async def heard(self, line: Line, frame: dict[str, Any]) -> None:
        match frame["op"]:
            case 1 if self.acknowledges:
                await line.say({"op": 11, "d": None})
            case 2 if self.begins:
                self.number = 0
                await self.tell(
                    line,
                    "READY",
                    {
                        "v": 10, "user": MINE, "guilds": [], "session_id": "session-1",
                        "resume_gateway_url": f"{self.url}/resumed",
                        "application": {"id": APPLICATION, "flags": 0},
                    },
                )  # fmt: skip
            case 6 if self.takes_up:
                await self.tell(line, "RESUMED", {})
            case 2 | 6:
                await line.say({"op": 9, "d": False})
        if frame["op"] in (2, 6):
            line.ready.set()

    async def ready(self, number: int = 1) -> Line:
        """The first connection, the second, …, once its session has begun."""
        line = await self.line(number)
        async with asyncio.timeout(20):
            await line.ready.wait()
        return line

    async def tell(self, line: Line, name: str, data: Any) -> None:
        """A dispatch, with the next number."""
        self.number += 1
        await line.say({"op": 0, "t": name, "s": self.number, "d": data})


def refusal(status: int, code: int, text: str = "no", **more: Any) -> Response:
    return JSONResponse({"code": code, "message": text} | more, status)
