"""WhatsApp, by Meta's Cloud API: webhooks in, Graph API calls out.

pywa would bring its own client, its own server and its own threads for what are four calls here;
it checks messages, signatures and payloads in the tests instead.
Sources: https://developers.facebook.com/documentation/business-messaging/whatsapp
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import aiohttp

from bot.channel_settings import WhatsAppSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError
from bot.messages import Attachment
from connectors.limiter import Rate
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import WHATSAPP
from connectors.messaging.hook import Hook, Taken
from connectors.messaging.meta import (
    HOSTS,
    Graph,
    GraphFailed,
    not_ours,
    read_signed,
    refuse_old,
    shake_hands,
)
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Part, Text, Voice, choice_hint
from connectors.whatsapp_events import CHANNEL, calls_of, items_of, parse_items

_KIND = "whatsapp_business_account"
_MOST_BUTTONS = 3
_BUTTON_CHARS = 20


def provider(settings: WhatsAppSection, services: Services) -> "WhatsApp":
    return WhatsApp(settings, services)


class WhatsApp(Provider):
    channel = CHANNEL
    can = Capabilities(
        text_limit=4096,
        # Meta counts "characters"; should an emoji be two of them, it still fits.
        unit=Unit.UTF16,
        dialect=WHATSAPP,
        choices=10,
        choice_chars=24,
        choices_text_limit=1024,
        voice="audio/ogg",
        typing=True,
        window=timedelta(hours=24),
        # https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
        pace=Rate(per_minute=60 * 80, burst=80),
        # One every six seconds to one person, and 45 at once that the next minutes pay for.
        chat_pace=Rate(per_minute=10, burst=45),
    )

    def __init__(self, settings: WhatsAppSection, services: Services) -> None:
        self.account = settings.phone
        self._secret = settings.app_secret.get_secret_value()
        self._verify_token = settings.verify_token.get_secret_value()
        self._graph = Graph(settings, services.api, app=settings.app)
        self._services = services

    async def receive(self, hook: Hook) -> Taken:
        if hook.method == "GET":
            return Taken(answer=shake_hands(hook, self._verify_token))
        body = read_signed(hook, self._secret, _KIND)
        if self._services.on_call is not None:
            for value in calls_of(body):
                self._services.on_call(value)
        items = items_of(body, self.account)
        refuse_old(
            (item["timestamp"] for _, item in items if "timestamp" in item), hook.received_at
        )
        return Taken(parse_items(items))

    async def send(self, address: Address, part: Part, key: str) -> str:
        if isinstance(part, Voice):
            media = await self._upload(part.attachment)
            content: dict[str, Any] = {"type": "audio", "audio": {"id": media, "voice": True}}
        else:
            content = _written(part)
        sent = await self._graph.post(
            f"{self.account}/messages", what="messages", json=_to(address) | content
        )
        try:
            return str(sent["messages"][0]["id"])
        except (KeyError, IndexError, TypeError):
            return ""  # taken, but not named: sending it again would be worse

    async def type(self, address: Address) -> None:
        """WhatsApp shows it for 25 seconds, and marks the customer's message as read."""
        shown = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": address["message"],
            "typing_indicator": {"type": "text"},
        }
        await self._graph.post(f"{self.account}/messages", what="typing", json=shown)

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        """Links to media hold for five minutes: each attempt asks for a new one, and once more
        where that one is refused."""
        begun = False
        for attempt in (1, 2):
            address = await self._link(source)
            try:
                async for piece in self._services.download.pieces(
                    address, hosts=HOSTS, headers=self._graph.headers
                ):
                    begun = True
                    yield piece
                return
            except CustomerError as error:
                if begun or attempt == 2 or error.code != "media_gone":
                    raise

    async def check(self) -> str:
        try:
            found = await self._graph.get(
                self.account, what="phone number", fields="display_phone_number,verified_name"
            )
        except GraphFailed as error:
            if not (error.permanent or error.operator):
                raise
            remedy = "check WHATSAPP_TOKEN, and that `phone` is the Phone number ID of API setup"
            raise not_ours("WhatsApp", error, remedy) from error
        return f"{found.get('verified_name', '?')}, {found.get('display_phone_number', '?')}"

    async def register(self, url: str) -> str:
        """Enter the address for this number alone, so that others of the app keep theirs."""
        override = {"override_callback_uri": url, "verify_token": self._verify_token}
        try:
            fields = ["messages", "calls"] if self._services.on_call else ["messages"]
            await self._graph.subscribe_app(_KIND, url, fields)
            await self._graph.post(
                self.account, what="webhook", json={"webhook_configuration": override}
            )
        except DeliveryFailed as error:
            raise OperatorError(f"WhatsApp refuses the webhook: {error}") from error
        return f"WhatsApp sends to {url}; the app must be subscribed to the field `messages`"

    async def _upload(self, recording: Attachment) -> str:
        data = b"".join([piece async for piece in self._services.open_media(recording.id)])
        form = aiohttp.FormData({"messaging_product": "whatsapp", "type": recording.media_type})
        # Without its codec WhatsApp takes an OGG file for one that it cannot play.
        form.add_field("file", data, filename="answer.ogg", content_type=recording.media_type)
        kept = await self._graph.post(f"{self.account}/media", what="media upload", data=form)
        return str(kept.get("id", ""))

    async def _link(self, media: str) -> str:
        try:
            found = await self._graph.get(
                quote(media, safe=""), what="media", phone_number_id=self.account
            )
        except GraphFailed as error:
            if error.permanent:
                raise CustomerError("media_gone") from error
            raise
        return str(found.get("url", ""))


def _to(address: Address) -> dict[str, Any]:
    """Whom it is for: a telephone number, or the id of somebody who shows none."""
    told = {"to": address["to"]} if address.get("to") else {"recipient": address["user"]}
    return {"messaging_product": "whatsapp", "recipient_type": "individual", **told}


def _written(part: Text) -> dict[str, Any]:
    if not part.choices:
        return {"type": "text", "text": {"body": part.text, "preview_url": False}}
    short = all(Unit.UTF16.length(choice) <= _BUTTON_CHARS for choice in part.choices)
    if short and len(part.choices) <= _MOST_BUTTONS:
        replies = [
            {"type": "reply", "reply": {"id": str(number), "title": choice}}
            for number, choice in enumerate(part.choices, 1)
        ]
        return _interactive("button", part.text, {"buttons": replies})
    rows = [{"id": str(number), "title": choice} for number, choice in enumerate(part.choices, 1)]
    action = {"button": choice_hint(part.locale)[:_BUTTON_CHARS], "sections": [{"rows": rows}]}
    return _interactive("list", part.text, action)


def _interactive(kind: str, text: str, action: dict[str, Any]) -> dict[str, Any]:
    content = {"type": kind, "body": {"text": text}, "action": action}
    return {"type": "interactive", "interactive": content}
