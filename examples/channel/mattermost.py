"""Mattermost: an outgoing webhook brings what people write, and a bot account answers them.

Sources: https://developers.mattermost.com/integrate/webhooks/outgoing/ and
https://developers.mattermost.com/api-documentation/ (posts, files, users).
"""

from collections.abc import AsyncIterator
from urllib.parse import quote

from bot.channel_settings import Address as ServerAddress
from bot.channel_settings import Secret
from bot.config_section import Section
from bot.messages import AttachmentKind
from connectors.messaging.api import Reply, refused
from connectors.messaging.capabilities import Capabilities
from connectors.messaging.dialects import MARKDOWN
from connectors.messaging.events import Chat, Remote, Said
from connectors.messaging.hook import Forged, Hook, Malformed, Taken, same
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Part, Text


class Settings(Section):
    api: ServerAddress
    bot_id: str
    bot_token: Secret
    hook_token: Secret


class Mattermost(Provider):
    can = Capabilities(text_limit=16_383, dialect=MARKDOWN)

    def __init__(self, settings: Settings, services: Services) -> None:
        self.account = settings.bot_id
        self._api = f"{settings.api}/api/v4"
        self._headers = {"Authorization": f"Bearer {settings.bot_token.get_secret_value()}"}
        self._hook_token = settings.hook_token.get_secret_value()
        self._services = services

    async def receive(self, hook: Hook) -> Taken:
        post = hook.json()
        if not same(str(post.get("token", "")), self._hook_token):
            raise Forged("the token is missing or wrong")
        try:
            user, place = str(post["user_id"]), str(post["channel_id"])
            text = post["text"].removeprefix(post.get("trigger_word") or "").strip()
            names = filter(None, (post.get("file_ids") or "").split(","))
            files = tuple(Remote(AttachmentKind.FILE, name) for name in names)
            said = Said(Chat(user, {"channel": place}, place), str(post["post_id"]), text, files)
            return Taken(() if user == self.account else (said,))
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed(f"not a post: {type(error).__name__}") from error

    async def send(self, address: Address, part: Part, key: str) -> str:
        assert isinstance(part, Text), "`can` names no voice"
        post = {"channel_id": address["channel"], "message": part.text, "pending_post_id": key}
        sent = await self._call("POST", "/posts", json=post)
        return str(sent.json()["id"])

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        address = f"{self._api}/files/{quote(source, safe='')}"
        async for piece in self._services.download.pieces(address, hosts=(), headers=self._headers):
            yield piece

    async def check(self) -> str:
        return f"@{(await self._call('GET', '/users/me')).json()['username']}"

    async def _call(self, method: str, path: str, **request: object) -> Reply:
        address = f"{self._api}{path}"
        reply = await self._services.api.call(
            method, address, what=path, headers=self._headers, **request
        )
        if not reply.ok:
            raise refused(path, reply, str(reply.json().get("message", "no reason")))
        return reply


def provider(settings: Settings, services: Services) -> Mattermost:
    return Mattermost(settings, services)
