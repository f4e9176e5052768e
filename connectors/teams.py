"""Microsoft Teams: a bot of the Bot Framework, in chats with one person, with several, in channels.

The desk speaks the Bot Connector's REST API; botbuilder is no longer kept up, and what followed it
brings a web framework of its own. Teams plays no recording that a bot sends without asking first
for a place to store it, so that answers are text. The API takes no idempotency key: a crash between
a call and its note sends twice.
Sources: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference,
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4.
"""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from yarl import URL

from bot.channel_settings import TeamsSection
from bot.errors import DeliveryFailed
from bot.messages import ChannelName
from connectors.limiter import Rate
from connectors.messaging.api import Reply, refused, wrong_credentials
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import MARKDOWN
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, Taken
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Part, Voice
from connectors.teams_activities import parse, sent_id
from connectors.teams_tokens import OwnToken, ServiceKeys, TokenRefused, Verifier

_SERVICES = (
    "smba.trafficmanager.net",  # anybody may have another name below trafficmanager.net
    ".botframework.com",
    ".teams.microsoft.com",
    ".botframework.azure.us",
    ".teams.microsoft.us",
)
"""Where the Bot Connector is. Nobody else is shown the desk's token."""
_FILES = (".sharepoint.com", ".sharepoint.us", ".sharepoint-mil.us")
"""Where people's files are: their OneDrive for Business."""
_PASSING = frozenset({401, 408, 412})
"""Beside 429 and what is above 500: a token that is no longer taken, a time-out, two calls at once.
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit"""
_TAKEN_INVOKES = frozenset({"message/submitAction", "fileConsent/invoke"})


def provider(settings: TeamsSection, services: Services) -> "Teams":
    return Teams(settings, services)


class Teams(Provider):
    channel = ChannelName("teams")
    can = Capabilities(
        # About 28 kB a message, in UTF-16, with all around it:
        # https://learn.microsoft.com/microsoftteams/limits-specifications-teams#chat
        text_limit=10_000,
        unit=Unit.UTF16,
        dialect=MARKDOWN,
        choices=6,
        choice_chars=40,
        edits=True,
        typing=True,
        # https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
        pace=Rate(per_minute=60 * 40, burst=40),
        chat_pace=Rate(per_minute=60, burst=6),
    )

    def __init__(self, settings: TeamsSection, services: Services) -> None:
        self.account = settings.app_id
        self._service = URL(settings.api).origin()
        self._services = services
        self._keys = ServiceKeys(services.api, settings.openid)
        self._verifier = Verifier(self._keys, app_id=settings.app_id, issuer=settings.issuer)
        self._token = OwnToken(
            services.api,
            f"{settings.login}/{settings.tenant}/oauth2/v2.0/token",
            {
                "client_id": settings.app_id,
                "client_secret": settings.password.get_secret_value(),
                "scope": f"{settings.issuer}/.default",
            },
        )

    async def receive(self, hook: Hook) -> Taken:
        authorization = hook.headers.get("authorization", "")
        if not authorization:
            raise Forged("the token is missing")
        activity = hook.json()
        service = activity.get("serviceUrl")
        if not isinstance(service, str):
            raise Malformed("an activity without a service")
        await self._verifier.verify(authorization, service)
        if activity.get("channelId") != "msteams":
            raise Forged("the activity is of another channel than Teams")
        if not self._is_service(service):
            raise Forged("the service is none of Microsoft's")
        if activity.get("type") == "invoke":
            # What asks for something right away is said to be unknown, so that Teams tells it.
            known = activity.get("name") in _TAKEN_INVOKES
            return Taken(answer=Answer(status=200 if known else 501))
        return Taken(parse(activity))

    async def send(self, address: Address, part: Part, key: str) -> str:
        message = _message(part, private=bool(address.get("private")))
        if address.get("message"):
            message["replyToId"] = address["message"]
        sent = await self._call("POST", address, "", message)
        return sent_id(address["conversation"], str(sent.get("id", "")))

    async def edit(self, address: Address, sent: str, part: Part) -> None:
        number = sent.rpartition(" ")[2]
        message = _message(part, private=bool(address.get("private"))) | {"id": number}
        await self._call("PUT", address, number, message)

    async def type(self, address: Address) -> None:
        await self._call("POST", address, "", {"type": "typing"})

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        # A picture lies at the service, and is for the bot; a file's address opens it by itself.
        ours = self._is_service(source) and "/v3/attachments/" in source
        headers = await self._token.header() if ours else {}
        hosts = (*_SERVICES, *_FILES)
        async for piece in self._services.download.pieces(source, hosts=hosts, headers=headers):
            yield piece

    async def check(self) -> str:
        try:
            await self._token.header()
        except TokenRefused as error:
            remedy = "copy the app's id, secret and tenant from https://portal.azure.com"
            raise wrong_credentials("Microsoft", str(error), remedy) from error
        await self._keys.find("")
        return self.account

    async def register(self, url: str) -> str:
        return (
            f"enter {url} as the messaging endpoint of the bot at https://portal.azure.com or "
            "https://dev.teams.microsoft.com/bots"
        )

    def _is_service(self, address: str) -> bool:
        """Whether an address is the Bot Connector's, and may be shown the desk's token."""
        try:
            url = URL(address)
            origin, host = url.origin(), url.host or ""
        except ValueError:
            return False
        if origin == self._service:
            return url.user is None
        named = any(host == name or (name[0] == "." and host.endswith(name)) for name in _SERVICES)
        return named and url.scheme == "https" and url.port == 443 and url.user is None

    async def _call(
        self, method: str, address: Address, activity: str, content: dict[str, Any]
    ) -> dict[str, Any]:
        """Send an activity, or change the one named. Raises `DeliveryFailed`."""
        if not self._is_service(address["service"]):
            raise DeliveryFailed("the service is none of Microsoft's", permanent=True)
        conversation = quote(address["conversation"], safe="")
        path = f"{address['service']}/v3/conversations/{conversation}/activities"
        reply = await self._services.api.call(
            method,
            f"{path}/{quote(activity, safe='')}" if activity else path,
            what="activities",
            json=content,
            headers=await self._token.header(),
        )
        if reply.status == 401:
            self._token.forget()
        if not reply.ok:
            raise _refusal(reply)
        return reply.json()


def _message(part: Part, *, private: bool) -> dict[str, Any]:
    if isinstance(part, Voice):
        raise DeliveryFailed("Teams plays no recordings of a bot's", permanent=True)
    message: dict[str, Any] = {"type": "message", "text": part.text, "textFormat": "markdown"}
    if not part.choices:
        return message
    buttons = [{"type": "imBack", "title": each, "value": each} for each in part.choices]
    if private:
        return message | {"suggestedActions": {"to": [], "actions": buttons}}
    # Suggested actions are shown in chats with one person alone.
    card = {
        "contentType": "application/vnd.microsoft.card.hero",
        "content": {"buttons": buttons},
    }
    return message | {"attachments": [card]}


def _refusal(reply: Reply) -> DeliveryFailed:
    error = reply.json().get("error")
    named = error if isinstance(error, dict) else {}
    reason = ": ".join(str(named[name]) for name in ("code", "message") if named.get(name))
    told = str(refused("activities", reply, reason or "no reason given"))
    return DeliveryFailed(told, permanent=reply.status not in _PASSING)
