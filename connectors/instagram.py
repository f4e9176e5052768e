"""Instagram: the direct messages of a professional account, by the Messenger Platform.

Of Meta's two ways this is the one through the Page that the account is linked to. The other, the
Instagram API with Instagram login, needs no Page, but its tokens end after 60 days and a desk would
have to renew and keep secrets by itself; a Page's token of a system user does not end.
Sources: https://developers.facebook.com/documentation/business-messaging/instagram-messaging
"""

from datetime import timedelta
from typing import Any

from bot.channel_settings import InstagramSection
from bot.errors import DeliveryFailed, OperatorError
from bot.messages import ChannelName
from connectors.limiter import Rate
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.messenger_platform import MessengerPlatform
from connectors.messaging.meta import GraphFailed, not_ours
from connectors.messaging.provider import Address, Services
from connectors.messaging.render import Part, Voice

_REMEDY = "copy the access token of the linked Page into INSTAGRAM_TOKEN, and check `account`"


def provider(settings: InstagramSection, services: Services) -> "Instagram":
    return Instagram(settings, services, settings.account)


class Instagram(MessengerPlatform):
    channel = ChannelName("instagram")
    kind = "instagram"
    setting = "account"
    can = Capabilities(
        # "UTF-8 and 1000 bytes or less"; the same page speaks of characters above, which is more.
        # https://developers.facebook.com/docs/messenger-platform/instagram/features/send-message
        text_limit=1000,
        unit=Unit.BYTES,
        choices=13,
        choice_chars=20,
        voice="audio/mp4",
        typing=True,
        window=timedelta(hours=24),
        # 300 texts a second, of recordings 10: what is over is refused for the moment.
        # https://developers.facebook.com/documentation/business-messaging/messenger-platform/overview/rate-limiting
        pace=Rate(per_minute=60 * 300, burst=300),
    )

    async def send(self, address: Address, part: Part, key: str) -> str:
        if not isinstance(part, Voice):
            return await self._send_text(address, part)
        # Instagram fetches recordings by itself: the desk gives it an address that lapses.
        payload = {"url": self._services.media_url(part.attachment)}
        content: dict[str, Any] = {"message": {"attachment": {"type": "audio", "payload": payload}}}
        return await self._call("voice", address, content)

    async def check(self) -> str:
        try:
            found = await self._graph.get(
                "me", what="Page", fields="name,instagram_business_account{id,username}"
            )
        except GraphFailed as error:
            if not (error.permanent or error.operator):
                raise
            raise not_ours("Instagram", error, _REMEDY) from error
        linked = found.get("instagram_business_account")
        linked = linked if isinstance(linked, dict) else {}
        if linked.get("id") != self.account:
            raise OperatorError(
                f"Instagram: the Page {found.get('name', '?')} is linked to the account "
                f"{linked.get('id', '(none)')}, not to that in `channels.instagram.account`",
                remedy=_REMEDY,
            )
        return f"@{linked.get('username', '?')}"

    async def register(self, url: str) -> str:
        """Meta lets nobody enter the address itself by a call for Instagram, only the Page's
        consent. https://developers.facebook.com/docs/messenger-platform/instagram/features/webhook
        """
        try:
            fields = {"subscribed_fields": "messages"}
            await self._graph.post("me/subscribed_apps", what="subscribed_apps", json=fields)
        except DeliveryFailed as error:
            raise OperatorError(f"Instagram refuses the webhook: {error}") from error
        return (
            f"the Page is subscribed; enter {url} and the verify token in the app's Instagram "
            "settings, with the fields messages, messaging_postbacks, messaging_seen, "
            "messaging_referral and message_reactions"
        )
