"""Telegram: the Bot API, by webhook, or by long polling where the desk has no public address.

The API is plain JSON over HTTP, and what is needed of it fits this file; python-telegram-bot would
bring its own HTTP client, its own job queue and its own event loop. It drives the tests instead.
Sources: https://core.telegram.org/bots/api (Bot API 9).
"""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from bot.channel_settings import TelegramSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError, Unavailable
from bot.messages import ChannelName
from connectors.limiter import Rate
from connectors.messaging.api import Reply, refused, wrong_credentials
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import TELEGRAM_HTML
from connectors.messaging.hook import Answer, Forged, Hook, Taken, same
from connectors.messaging.provider import Address, Provider, Registration, Services, Take
from connectors.messaging.render import Part, Voice
from connectors.telegram_events import parse, parse_or_nothing

POLL_S = 25
MOST_BYTES = 20 * 1024**2
"""Of a file that a bot may download from Telegram's own servers."""
_UPDATES = ("message", "edited_message", "callback_query", "message_reaction", "my_chat_member")


def provider(settings: TelegramSection, services: Services) -> "Telegram":
    return Telegram(settings, services)


class Telegram(Provider):
    channel = ChannelName("telegram")
    can = Capabilities(
        text_limit=4096,
        unit=Unit.UTF16,
        dialect=TELEGRAM_HTML,
        choices=8,
        choice_chars=40,
        voice="audio/ogg",
        edits=True,
        typing=True,
        # https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
        pace=Rate(per_minute=60 * 30, burst=30),
        chat_pace=Rate(per_minute=60, burst=4),
    )

    def __init__(self, settings: TelegramSection, services: Services) -> None:
        token = settings.token.get_secret_value()
        self.account = token.partition(":")[0]
        self._secret = settings.secret.get_secret_value()
        self._calls = f"{settings.api}/bot{token}"
        self._files = f"{settings.api}/file/bot{token}"
        self._host = settings.api.partition("://")[2].partition(":")[0]
        self._services = services

    async def receive(self, hook: Hook) -> Taken:
        if not same(hook.headers.get("x-telegram-bot-api-secret-token", ""), self._secret):
            raise Forged("the secret token is missing or wrong")
        update = hook.json()
        events = parse(update)
        query = update.get("callback_query")
        if isinstance(query, dict) and isinstance(query.get("id"), str):
            # Answering in the response itself stops the button's spinner without a further call.
            told = {"method": "answerCallbackQuery", "callback_query_id": query["id"]}
            return Taken(events, Answer(json.dumps(told).encode(), "application/json"))
        return Taken(events)

    async def run(self, take: Take) -> None:
        """Long polling, where no secret says that webhooks are used."""
        if self._secret:
            return
        await self._call("deleteWebhook", {"drop_pending_updates": False})
        offset = 0
        while True:
            asked = {"timeout": POLL_S, "offset": offset, "allowed_updates": list(_UPDATES)}
            wait = aiohttp.ClientTimeout(total=POLL_S + 10)
            for update in await self._call("getUpdates", asked, timeout=wait):
                if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
                    raise Unavailable("getUpdates: an update without a number")
                for event in parse_or_nothing(update):
                    await take(event)
                # The next call confirms it: what is not in Redis yet comes again.
                offset = update["update_id"] + 1

    async def send(self, address: Address, part: Part, key: str) -> str:
        where: dict[str, Any] = _where(address)
        if isinstance(part, Voice):
            form = aiohttp.FormData({name: str(value) for name, value in where.items()})
            data = b"".join([p async for p in self._services.open_media(part.attachment.id)])
            form.add_field("voice", data, filename="answer.ogg", content_type="audio/ogg")
            form.add_field("duration", str(round(part.attachment.duration_s or 0)))
            sent = await self._call("sendVoice", data=form)
        else:
            message = where | {"text": part.text} | _TEXT_OPTIONS
            if part.choices:
                message["reply_markup"] = _keyboard(part.choices)
            sent = await self._call("sendMessage", message)
        return f"{address['chat']}:{sent['message_id']}"

    async def edit(self, address: Address, sent: str, part: Part) -> None:
        if isinstance(part, Voice):
            raise DeliveryFailed("a text cannot become a recording", permanent=True)
        message: dict[str, Any] = {
            "chat_id": address["chat"],
            "message_id": int(sent.rpartition(":")[2]),
            "text": part.text,
        }
        if part.choices:
            message["reply_markup"] = _keyboard(part.choices)
        try:
            await self._call("editMessageText", message | _TEXT_OPTIONS)
        except DeliveryFailed as error:
            if "message is not modified" not in str(error):
                raise

    async def type(self, address: Address) -> None:
        await self._call("sendChatAction", _where(address) | {"action": "typing"})

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        try:
            # Links to files expire after an hour: each attempt asks for a new one.
            found = await self._call("getFile", {"file_id": source})
        except DeliveryFailed as error:
            if "too big" in str(error):
                raise CustomerError("upload_too_large", limit_mb=MOST_BYTES / 1024**2) from error
            if error.permanent:
                raise CustomerError("media_gone") from error
            raise
        address = f"{self._files}/{found.get('file_path', '')}"
        async for piece in self._services.download.pieces(address, hosts=(self._host,)):
            yield piece

    async def check(self) -> str:
        try:
            found = await self._call("getMe", {})
        except DeliveryFailed as error:
            if not error.permanent:
                raise
            raise wrong_credentials(
                "Telegram", str(error), "copy the token from @BotFather into TELEGRAM_TOKEN"
            ) from error
        return f"@{found.get('username', '?')}"

    async def registered(self) -> Registration | None:
        if not self._secret:
            return None
        found = await self._call("getWebhookInfo", {})
        return Registration(str(found.get("url", "")), str(found.get("last_error_message", "")))

    async def register(self, url: str) -> str:
        if not self._secret:
            await self._call("deleteWebhook", {"drop_pending_updates": False})
            return "without `secret` the desk fetches messages by itself; no webhook is needed"
        options = {"url": url, "secret_token": self._secret, "allowed_updates": list(_UPDATES)}
        try:
            await self._call("setWebhook", options)
        except DeliveryFailed as error:
            raise OperatorError(f"Telegram refuses the webhook: {error}") from error
        return f"Telegram sends to {url}"

    async def _call(
        self, method: str, message: Mapping[str, Any] | None = None, **request: Any
    ) -> Any:
        """One method of the Bot API. Raises `DeliveryFailed` with Telegram's own description."""
        if message is not None:
            request["json"] = message
        reply: Reply = await self._services.api.call(
            "POST", f"{self._calls}/{method}", what=method, **request
        )
        answer = reply.json()
        if answer.get("ok") is not True:
            raise refused(method, reply, str(answer.get("description", "no description")))
        return answer.get("result")


_TEXT_OPTIONS = {"parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}


def _where(address: Address) -> dict[str, Any]:
    where: dict[str, Any] = {"chat_id": address["chat"]}
    if address.get("thread"):
        where["message_thread_id"] = int(address["thread"])
    return where


def _keyboard(choices: tuple[str, ...]) -> dict[str, Any]:
    """Buttons that write their own words for the customer, and go once one was pressed."""
    return {
        "keyboard": [[{"text": choice}] for choice in choices],
        "one_time_keyboard": True,
        "resize_keyboard": True,
    }
