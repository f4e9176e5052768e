"""Messenger: the messages of a Facebook Page, by the Messenger Platform.

Meta keeps no Python SDK for it; what is needed fits here and in `messaging/messenger_platform.py`.
Sources: https://developers.facebook.com/documentation/business-messaging/messenger-platform
"""

import json
from datetime import timedelta

import aiohttp

from bot.channel_settings import MessengerSection
from bot.errors import DeliveryFailed, OperatorError
from bot.messages import ChannelName
from connectors.limiter import Rate
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.messenger_platform import STARTED, MessengerPlatform
from connectors.messaging.meta import GraphFailed, not_ours
from connectors.messaging.provider import Address, Services
from connectors.messaging.render import Part, Voice

_FIELDS = (
    *("messages", "messaging_postbacks", "messaging_referrals", "message_edits"),
    *("message_reactions", "message_deliveries", "message_reads"),
)
_REMEDY = "copy the Page's own access token into MESSENGER_TOKEN, and its id into `page`"


def provider(settings: MessengerSection, services: Services) -> "Messenger":
    return Messenger(settings, services, settings.page, app=settings.app)


class Messenger(MessengerPlatform):
    channel = ChannelName("messenger")
    kind = "page"
    setting = "page"
    can = Capabilities(
        text_limit=2000,
        # Meta counts "characters"; should an emoji be two of them, it still fits.
        unit=Unit.UTF16,
        choices=13,
        choice_chars=20,
        voice="audio/mp4",
        typing=True,
        # A person may answer for seven days with the HUMAN_AGENT tag, which Meta grants for people
        # alone: what the desk sends by itself never carries it.
        window=timedelta(hours=24),
        # 300 texts a second, of recordings 10: what is over is refused for the moment.
        # https://developers.facebook.com/documentation/business-messaging/messenger-platform/overview/rate-limiting
        pace=Rate(per_minute=60 * 300, burst=300),
    )

    async def send(self, address: Address, part: Part, key: str) -> str:
        if not isinstance(part, Voice):
            return await self._send_text(address, part)
        data = b"".join([p async for p in self._services.open_media(part.attachment.id)])
        message = {"attachment": {"type": "audio", "payload": {"is_reusable": False}}}
        form = aiohttp.FormData(
            {
                "recipient": json.dumps({"id": address["to"]}),
                "messaging_type": "RESPONSE",
                "message": json.dumps(message),
            }
        )
        form.add_field("filedata", data, filename="answer.m4a", content_type="audio/mp4")
        sent = await self._graph.post("me/messages", what="voice", data=form)
        return str(sent.get("message_id", ""))

    async def check(self) -> str:
        try:
            found = await self._graph.get("me", what="Page", fields="id,name")
        except GraphFailed as error:
            if not (error.permanent or error.operator):
                raise
            raise not_ours("Messenger", error, _REMEDY) from error
        if found.get("id") != self.account:
            raise OperatorError(
                "Messenger: the token is not that of the Page in `channels.messenger.page`",
                remedy=_REMEDY,
            )
        return str(found.get("name", "?"))

    async def register(self, url: str) -> str:
        try:
            entered = await self._graph.subscribe_app(self.kind, url, _FIELDS)
            fields = {"subscribed_fields": ",".join(_FIELDS)}
            await self._graph.post("me/subscribed_apps", what="subscribed_apps", json=fields)
            start = {"get_started": {"payload": STARTED}}
            await self._graph.post("me/messenger_profile", what="messenger_profile", json=start)
        except DeliveryFailed as error:
            raise OperatorError(f"Messenger refuses the webhook: {error}") from error
        if entered:
            return f"Messenger sends to {url}"
        return (
            f"the Page is subscribed; enter {url} and the verify token in the app's Messenger API "
            "settings, or set `app` to have the desk do it"
        )
