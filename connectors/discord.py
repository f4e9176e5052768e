"""Discord: messages over the gateway, commands and buttons by webhook, or over the gateway as well
where the desk has no public address; the HTTP API to answer.

discord.py would bring a cache of servers and members, and its own loop; what a desk needs of the
gateway fits one file. It drives the tests instead. Signatures (Ed25519) are checked by
`cryptography`.
Sources: https://docs.discord.com/developers/resources/message,
https://docs.discord.com/developers/interactions/overview,
https://docs.discord.com/developers/topics/rate-limits
"""

import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bot.channel_settings import DiscordSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError, Unavailable
from bot.messages import ChannelName
from connectors.discord_events import (
    NO_MENTIONS,
    answer_interaction,
    button_id,
    links,
    own_id,
    read_change,
    read_interaction,
    read_message,
    read_reaction,
    read_typing,
)
from connectors.discord_gateway import After, Gateway
from connectors.discord_voice import waveform
from connectors.limiter import Rate
from connectors.messaging.api import Throttled, refused, wrong_credentials
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import MARKDOWN
from connectors.messaging.events import Chat, Event, Said, Withdrawn
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, Taken
from connectors.messaging.provider import Address, Provider, Services, Take
from connectors.messaging.render import Part, Text, Voice

log = logging.getLogger(__name__)

TOLERANCE_S = 300
"""How old a signed request may be."""
HOSTS = ("cdn.discordapp.com", "media.discordapp.net")
COMMAND = {
    "name": "ask",
    "type": 1,
    "description": "Ask the support desk",
    "options": [{"name": "question", "type": 3, "description": "Your question", "required": True}],
    # In servers and in direct messages with the bot: where it may also write.
    "integration_types": [0],
    "contexts": [0, 1],
}
_NO_EMBEDS, _VOICE_MESSAGE = 1 << 2, 1 << 13
_PASSING = frozenset({20016, 20022, 20028, 40003, 40062, 130000})
"""JSON error codes that go away by themselves."""
_NO_VOICE_MESSAGES = 50173
_ABOUT_ME, _GATEWAY = "/applications/@me", "/gateway/bot"
_SPARED = 10
"""Of the thousand sessions that may be begun in a day; after the last Discord ends the token."""
_CALLBACK_S = 3.0
"""How long Discord waits for the answer to an interaction."""
_REMEMBERED = 10_000
"""Messages whose writer is known when they are deleted: Discord does not tell."""


def provider(settings: DiscordSection, services: Services) -> "Discord":
    return Discord(settings, services)


def _uncalled(text: str) -> str:
    """Nobody is called (see `NO_MENTIONS`), and it does not look so either."""
    return re.sub("@(?=everyone|here)", "@\u200b", MARKDOWN.escape(text))


class Discord(Provider):
    channel = ChannelName("discord")
    can = Capabilities(
        text_limit=2000,
        unit=Unit.UTF16,
        dialect=replace(MARKDOWN, escape=_uncalled),
        # https://docs.discord.com/developers/components/reference#button
        choices=10,
        choice_chars=80,
        voice="audio/ogg",
        edits=True,
        typing=True,
        # https://docs.discord.com/developers/topics/rate-limits#global-rate-limit; five messages in
        # five seconds to one channel are seen, and not promised.
        pace=Rate(per_minute=60 * 45, burst=45),
        chat_pace=Rate(per_minute=60, burst=4),
    )

    def __init__(self, settings: DiscordSection, services: Services) -> None:
        self.account = settings.application
        self._token = settings.token.get_secret_value()
        self._key = (
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(settings.public_key))
            if settings.public_key
            else None
        )
        self._public_key = settings.public_key
        self._api = settings.api
        self._services = services
        self._gateway = Gateway(self._token, self._gateway_url, self._understand)
        self._me = ""
        self._chats: OrderedDict[str, Chat] = OrderedDict()
        self._quiet_until = 0.0

    async def receive(self, hook: Hook) -> Taken:
        self._verify(hook)
        payload = hook.json()
        answer = Answer(msgspec.json.encode(answer_interaction(payload)), "application/json")
        if payload.get("application_id", self.account) != self.account:
            raise Malformed("for another application than `channels.discord.application`")
        return Taken(read_interaction(payload), answer)

    async def run(self, take: Take) -> None:
        await self._gateway.run(take)

    async def send(self, address: Address, part: Part, key: str) -> str:
        # A nonce of at most 25 characters; Discord gives back the message that it knows for it.
        once = {"nonce": hashlib.sha256(key.encode()).hexdigest()[:25], "enforce_nonce": True}
        path = f"/channels/{address['channel']}/messages"
        if isinstance(part, Voice):
            return await self._send_voice(path, part, once)
        message = _message(part) | once | _reference(address)
        sent = await self._call("POST", path, "create message", json=message)
        return str(sent["id"])

    async def edit(self, address: Address, sent: str, part: Part) -> None:
        if isinstance(part, Voice):
            raise DeliveryFailed("a text cannot become a recording", permanent=True)
        path = f"/channels/{address['channel']}/messages/{sent}"
        await self._call("PATCH", path, "edit message", json=_message(part))

    async def type(self, address: Address) -> None:
        await self._call("POST", f"/channels/{address['channel']}/typing", "typing")

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        path, _, url = source.partition(" ")
        pieces = self._services.download.pieces(url, hosts=HOSTS)
        try:
            first = await anext(aiter(pieces), b"")
        except CustomerError as error:
            if error.code != "media_gone" or not path:
                raise
            # Links are signed and expire after a day; the message has a new one.
            pieces = self._services.download.pieces(await self._fresh_url(path), hosts=HOSTS)
            first = b""
        if first:
            yield first
        async for piece in pieces:
            yield piece

    async def check(self) -> str:
        found = await self._call("GET", _ABOUT_ME, "current application")
        if str(found.get("id")) != self.account:
            raise OperatorError(
                "Discord: the token is of another application than `channels.discord.application`",
                remedy='copy "Application ID" from "General Information"',
            )
        if self._public_key and found.get("verify_key", self._public_key) != self._public_key:
            raise OperatorError(
                "Discord: `channels.discord.public_key` is not this application's",
                remedy='copy "Public Key" from "General Information"',
            )
        return str(found.get("name", "?"))

    async def register(self, url: str) -> str:
        """Make the command `/ask`, and have interactions sent to the desk if it can verify them:
        Discord tries the address at once, so the desk must be running."""
        try:
            await self._call(
                "POST", f"/applications/{self.account}/commands", "create command", json=COMMAND
            )
            if not self._key:
                return "`/ask` is known; without `public_key` it comes over the gateway"
            await self._call(
                "PATCH",
                _ABOUT_ME,
                "edit application",
                json={"interactions_endpoint_url": url},
            )
        except DeliveryFailed as error:
            raise OperatorError(f"Discord refuses the webhook: {error}") from error
        return f"`/ask` is known, and Discord sends interactions to {url}"

    def _verify(self, hook: Hook) -> None:
        stamp = hook.headers.get("x-signature-timestamp", "")
        if self._key is None:
            raise Forged("no `public_key` is configured")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise Forged("no timestamp")
        if abs(hook.received_at - int(stamp)) > TOLERANCE_S:
            raise Forged("the timestamp is more than five minutes away")
        try:
            signature = bytes.fromhex(hook.headers.get("x-signature-ed25519", ""))
            self._key.verify(signature, stamp.encode() + hook.body)
        except (ValueError, InvalidSignature):
            raise Forged("the signature is missing or wrong") from None

    def _understand(
        self, name: str, data: Mapping[str, Any]
    ) -> tuple[tuple[Event, ...], After | None]:
        """What an event of the gateway tells, and what is to be done once that is kept."""
        match name:
            case "READY":
                self._me = own_id(data)
            case "MESSAGE_CREATE":
                return self._remember(read_message(data, self._me)), None
            case "MESSAGE_UPDATE":
                return self._remember(read_change(data, self._me)), None
            case "MESSAGE_DELETE":
                return self._withdrawn([data.get("id")]), None
            case "MESSAGE_DELETE_BULK":
                return self._withdrawn(data.get("ids")), None
            case "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE":
                return read_reaction(data, self._me, added=name.endswith("ADD")), None
            case "TYPING_START":
                return read_typing(data, self._me), None
            case "INTERACTION_CREATE":
                answer = answer_interaction(data)
                return read_interaction(data), lambda: self._call_back(data, answer)
        return (), None

    def _remember(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        for event in events:
            if isinstance(event, Said):
                self._chats[event.replaces or event.id] = event.chat
        while len(self._chats) > _REMEMBERED:
            self._chats.popitem(last=False)
        return events

    def _withdrawn(self, numbers: Any) -> tuple[Event, ...]:
        if not isinstance(numbers, list):
            raise Malformed("not a list of messages")
        known = [(str(each), self._chats.pop(str(each), None)) for each in numbers]
        return tuple(Withdrawn(chat, number) for number, chat in known if chat)

    async def _call_back(self, interaction: Mapping[str, Any], answer: dict[str, Any]) -> None:
        """Answer an interaction that came over the gateway."""
        path = f"/interactions/{interaction.get('id')}/{interaction.get('token')}/callback"
        try:
            await self._call(
                "POST",
                path,
                "interaction",
                json=answer,
                timeout=aiohttp.ClientTimeout(total=_CALLBACK_S),
            )
        except DeliveryFailed as error:
            # The customer sees that it failed in the app; what they asked is answered all the same.
            log.warning("discord.interaction_not_answered", extra={"reason": str(error)})

    async def _gateway_url(self) -> str:
        found = await self._call("GET", _GATEWAY, "gateway")
        limit = found.get("session_start_limit") or {}
        if limit.get("remaining", _SPARED) < _SPARED:
            hours = limit.get("reset_after", 0) / 3_600_000
            raise Unavailable(f"Discord allows no new session for {hours:.1f} hours")
        return str(found.get("url", ""))

    async def _send_voice(self, path: str, part: Voice, once: dict[str, Any]) -> str:
        """As a voice message; as a file where the bot may send none."""
        data = b"".join([p async for p in self._services.open_media(part.attachment.id)])
        picture = {"duration_secs": part.attachment.duration_s or 1.0, "waveform": waveform(data)}
        try:
            message = once | {"flags": _VOICE_MESSAGE}
            return await self._upload(path, data, message, "voice-message.ogg", picture)
        except DeliveryFailed as error:
            if f"{_NO_VOICE_MESSAGES}:" not in str(error):
                raise
            return await self._upload(path, data, once, "answer.ogg", {})

    async def _upload(
        self, path: str, data: bytes, message: Mapping[str, Any], name: str, about: dict[str, Any]
    ) -> str:
        attachment = {"id": 0, "filename": name} | about
        payload = {**message, **NO_MENTIONS, "attachments": [attachment]}
        # Discord does not know brackets in the names of fields that are quoted.
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", msgspec.json.encode(payload).decode())
        form.add_field("files[0]", data, filename=name, content_type="audio/ogg")
        sent = await self._call("POST", path, "create message", data=form)
        return str(sent["id"])

    async def _fresh_url(self, path: str) -> str:
        channel, message, attachment = path.split("/")
        try:
            found = await self._call(
                "GET", f"/channels/{channel}/messages/{message}", "get message"
            )
        except DeliveryFailed as error:
            if error.permanent:
                raise CustomerError("media_gone") from error
            raise
        url = dict(links(found)).get(attachment)
        if url is None:
            raise CustomerError("media_gone")
        return url

    async def _call(self, method: str, path: str, what: str, **request: Any) -> dict[str, Any]:
        """One request. Raises `DeliveryFailed` with Discord's code and words, and `OperatorError`
        for wrong credentials where no reply waits for them."""
        wait_s = self._quiet_until - time.monotonic()
        if wait_s > 0:
            raise DeliveryFailed(f"{what}: too many requests of all", retry_after_s=wait_s)
        headers = {
            "Authorization": f"Bot {self._token}",
            # https://docs.discord.com/developers/reference#user-agent
            "User-Agent": f"DiscordBot ({self._services.public_url or 'https://frontdesk'}, 1)",
        }
        try:
            reply = await self._services.api.call(
                method, f"{self._api}{path}", what=what, headers=headers, **request
            )
        except Throttled as error:
            if error.reply.json().get("global") is True:
                self._quiet_until = time.monotonic() + (error.retry_after_s or 1.0)
            raise
        answer = reply.json()
        if reply.ok:
            return answer
        code, reason = answer.get("code", 0), str(answer.get("message") or "no reason")
        if reply.status == 401 and path in (_ABOUT_ME, _GATEWAY):
            raise wrong_credentials(
                "Discord", reason, 'copy the token from "Bot" into DISCORD_TOKEN'
            )
        if reply.status == 401 or code in _PASSING:
            raise DeliveryFailed(f"{what}: {code}: {reason[:300]}")
        raise refused(what, reply, f"{code}: {reason}")


def _message(part: Text) -> dict[str, Any]:
    message = {"content": part.text, "flags": _NO_EMBEDS} | NO_MENTIONS
    if part.choices:
        buttons = [
            {"type": 2, "style": 2, "label": choice, "custom_id": button_id(number, choice)}
            for number, choice in enumerate(part.choices)
        ]
        rows = [buttons[start : start + 5] for start in range(0, len(buttons), 5)]
        message["components"] = [{"type": 1, "components": row} for row in rows]
    return message


def _reference(address: Address) -> dict[str, Any]:
    """Which message is answered; one that is deleted meanwhile is answered all the same."""
    if not address.get("message"):
        return {}
    return {"message_reference": {"message_id": address["message"], "fail_if_not_exists": False}}
