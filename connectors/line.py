"""LINE: the Messaging API by webhook, for chats, groups and rooms.

The API is plain JSON over HTTP, and what is needed of it fits this file; line-bot-sdk would bring a
class for each event, an HTTP client of its own and pydantic's old models. It drives the tests
instead. Sources: https://developers.line.biz/en/reference/messaging-api/
"""

import base64
import hashlib
import hmac
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from bot.channel_settings import LineSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError
from bot.messages import AttachmentKind, ChannelName
from connectors.limiter import Rate
from connectors.messaging.api import Reply, Throttled, refused, retry_after_s, wrong_credentials
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.events import Chat, Event, Remote, Said, Withdrawn
from connectors.messaging.hook import REMEMBERED_S, Forged, Hook, Malformed, Taken, same
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Part, Voice

REPLY_S = 50.0
"""Of the minute in which LINE promises to take a reply token, what the way there leaves."""
TYPING_S = 20
"""A multiple of five, up to sixty; a message ends it earlier."""
_MOST_TOKENS = 1_000
_RETRY_KEYS = uuid.UUID("6b0f4f6e-3c0f-4f5a-9d53-2f3a6f0f9e11")
"""Namespace of ours: the same part has the same retry key, whoever sends it."""
_FILES = {
    "image": (AttachmentKind.IMAGE, "image/jpeg"),
    "video": (AttachmentKind.VIDEO, "video/mp4"),
    "audio": (AttachmentKind.AUDIO, "audio/mp4"),
    "file": (AttachmentKind.FILE, ""),
}
_STICKER_WORDS = 3


def provider(settings: LineSection, services: Services) -> "Line":
    return Line(settings, services)


class Line(Provider):
    channel = ChannelName("line")
    account = ""
    """LINE's ids of people are those of one provider, whichever of its accounts they write to."""
    can = Capabilities(
        text_limit=5000,
        unit=Unit.UTF16,
        choices=13,
        choice_chars=20,
        voice="audio/mp4",
        typing=True,
        # https://developers.line.biz/en/reference/messaging-api/#rate-limits: 2000 a second for
        # messages, 100 a second for the loading animation. Nothing is said of a single chat.
        pace=Rate(per_minute=60 * 100, burst=100),
        chat_pace=Rate(per_minute=120, burst=10),
    )

    def __init__(
        self, settings: LineSection, services: Services, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock`: Unix time in seconds."""
        self._token = settings.token.get_secret_value()
        self._secret = settings.secret.get_secret_value().encode()
        self._everything = settings.groups == "all"
        self._api = settings.api
        # Files have a host of their own at LINE, and not at a stand-in.
        self._files = settings.api.replace("://api.line.me", "://api-data.line.me")
        self._host = self._files.partition("://")[2].partition(":")[0]
        self._services = services
        self._clock = clock
        self._tried: OrderedDict[str, str] = OrderedDict()
        """Reply tokens that were used, and the key of the part that each was used for."""

    async def receive(self, hook: Hook) -> Taken:
        digest = hmac.digest(self._secret, hook.body, hashlib.sha256)
        if not same(hook.headers.get("x-line-signature", ""), base64.b64encode(digest).decode()):
            raise Forged("the signature is missing or wrong")
        body = hook.json()
        events = parse(body, hook.received_at, everything=self._everything)
        # The signature says nothing of time; ids tell what came before, for as long as they are
        # remembered. LINE repeats a webhook for a much shorter time.
        if any(hook.received_at - at / 1000 > REMEMBERED_S for at in _times(body)):
            raise Forged("an old request, played again")
        return Taken(events)

    async def send(self, address: Address, part: Part, key: str) -> str:
        message = self._message(part)
        token = self._usable_token(address, key)
        if token:
            sent = await self._reply(token, message, key)
            if sent is not None:
                return sent
        return await self._push(address["to"], message, key)

    async def type(self, address: Address) -> None:
        # Groups (C…) and rooms (R…) have no such sign.
        if address["to"].startswith("U"):
            asked = {"chatId": address["to"], "loadingSeconds": TYPING_S}
            await self._call("POST", "chat/loading/start", json=asked)

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        # Content that lies elsewhere has an address in place of a number, of any host whatever.
        if not source.isdecimal():
            raise CustomerError("media_gone")
        async for piece in self._services.download.pieces(
            f"{self._files}/v2/bot/message/{source}/content",
            hosts=(self._host,),
            headers=self._authorization,
        ):
            yield piece

    async def check(self) -> str:
        found = (await self._by_operator("GET", "info")).json()
        return f"{found.get('displayName', '?')} ({found.get('basicId', '?')})"

    async def register(self, url: str) -> str:
        webhook = "channel/webhook"
        await self._by_operator("PUT", f"{webhook}/endpoint", json={"endpoint": url})
        found = (await self._by_operator("GET", f"{webhook}/endpoint")).json()
        if found.get("active") is not True:
            return f"LINE knows {url}; turn on “Use webhook” in the LINE Developers Console"
        tried = await self._by_operator("POST", f"{webhook}/test", json={"endpoint": url})
        result = tried.json()
        if result.get("success") is not True:
            reason = f"{result.get('reason', '?')}, {result.get('detail', '?')}"
            return f"LINE sends to {url}, but could not reach the desk there: {reason[:200]}"
        return f"LINE sends to {url}"

    def _message(self, part: Part) -> dict[str, Any]:
        if isinstance(part, Voice):
            return {
                "type": "audio",
                "originalContentUrl": self._services.media_url(part.attachment),
                "duration": max(1, round((part.attachment.duration_s or 0) * 1000)),
            }
        message: dict[str, Any] = {"type": "text", "text": part.text}
        if part.choices:
            items = [
                {"type": "action", "action": {"type": "message", "label": text, "text": text}}
                for text in part.choices
            ]
            message["quickReply"] = {"items": items}
        return message

    def _usable_token(self, address: Address, key: str) -> str:
        """The reply token of the latest message, while it lasts and if no other part has it."""
        token = address.get("reply", "")
        fresh = self._clock() - float(address.get("at", "0")) < REPLY_S
        return token if fresh and self._tried.get(token, key) == key else ""

    async def _reply(self, token: str, message: Mapping[str, Any], key: str) -> str | None:
        """Answer without cost; gives None if the token cannot be used any more."""
        again = token in self._tried
        self._tried[token] = key
        while len(self._tried) > _MOST_TOKENS:
            self._tried.popitem(last=False)
        asked = {"replyToken": token, "messages": [message]}
        reply = await self._call("POST", "message/reply", passes=(400, 429), json=asked)
        if reply.ok:
            return _sent(reply)
        if "reply token" not in _reason(reply).lower():
            # Refused as a whole: the token is as good as it was.
            self._tried.pop(token, None)
            raise _failure("message/reply", reply)
        # It has time left: an earlier call, whose answer was lost, has used it for this very part.
        return "" if again else None

    async def _push(self, to: str, message: Mapping[str, Any], key: str) -> str:
        """Answer at any time; counts against the account's monthly quota."""
        reply = await self._call(
            "POST",
            "message/push",
            passes=(409,),
            json={"to": to, "messages": [message]},
            headers={"X-Line-Retry-Key": str(uuid.uuid5(_RETRY_KEYS, key))},
        )
        # 409: an earlier call with this retry key was accepted, and tells what it sent.
        return _sent(reply)

    @property
    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    async def _call(
        self, method: str, path: str, *, passes: tuple[int, ...] = (), **request: Any
    ) -> Reply:
        """One call of the API. `passes`: refusals that the caller understands. Raises
        `DeliveryFailed` with LINE's own words."""
        headers = self._authorization | request.pop("headers", {})
        url = f"{self._api}/v2/bot/{path}"
        try:
            reply = await self._services.api.call(
                method, url, what=path, headers=headers, **request
            )
        except Throttled as error:
            # Among these refusals is one that no waiting mends.
            reply = error.reply
        if reply.ok or reply.status in passes:
            return reply
        raise _failure(path, reply)

    async def _by_operator(self, method: str, path: str, **request: Any) -> Reply:
        """The same for an operator, who is told what to mend. Raises `OperatorError`."""
        reply = await self._call(method, path, passes=(400, 401, 403, 404), **request)
        if reply.status in (401, 403):
            remedy = "issue a channel access token (long-lived) and put it into LINE_TOKEN"
            raise wrong_credentials("LINE", _reason(reply), remedy)
        if not reply.ok:
            raise OperatorError(f"LINE refuses {path}: {_reason(reply)[:300]}")
        return reply


def _failure(path: str, reply: Reply) -> DeliveryFailed:
    """What a refusal means."""
    reason = _reason(reply)
    if reply.status == 401:
        # The operator mends it; until then nothing is lost.
        return DeliveryFailed(f"{path}: LINE refuses the token: {reason[:300]}")
    if reply.status != 429:
        return refused(path, reply, reason)
    if "monthly limit" in reason:
        return refused(path, reply, "the account's messages of this month are used up")
    return DeliveryFailed(f"{path}: too many requests", retry_after_s=retry_after_s(reply))


def _sent(reply: Reply) -> str:
    """The id of the message; empty where LINE does not say."""
    sent = reply.json().get("sentMessages")
    first = sent[0] if isinstance(sent, list) and sent else {}
    return str(first.get("id", "")) if isinstance(first, dict) else ""


def _reason(reply: Reply) -> str:
    body = reply.json()
    details = body.get("details")
    more = [d.get("message", "") for d in details or () if isinstance(d, dict)]
    return "; ".join(str(part) for part in (body.get("message", "no description"), *more) if part)


def parse(
    body: Mapping[str, Any], received_at: float, *, everything: bool = True
) -> tuple[Event, ...]:
    """What a webhook tells. `received_at`: Unix time, from which its reply tokens last a minute.
    `everything`: what is said in groups without the account being mentioned, as well. Raises
    `Malformed` where what must be there is not."""
    try:
        found = [_event(event, received_at, everything) for event in body["events"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"not a webhook: {type(error).__name__}") from error
    return tuple(event for event in found if event is not None)


def _times(body: Mapping[str, Any]) -> list[float]:
    """When its events happened, in Unix milliseconds."""
    return [e["timestamp"] for e in body["events"] if isinstance(e.get("timestamp"), int | float)]


def _event(event: Mapping[str, Any], received_at: float, everything: bool) -> Event | None:
    """None: nobody has said something to the desk."""
    kind = event["type"]
    # On standby, somebody else answers for the account.
    if kind not in _EVENTS or event.get("mode") == "standby":
        return None
    chat = _chat(event, received_at)
    if kind == "unsend":
        return Withdrawn(chat, str(event["unsend"]["messageId"]))
    if kind in ("follow", "join"):
        return Said(chat, str(event["webhookEventId"]), joined=True)
    if kind == "postback":
        return _pressed(event, chat)
    message = event["message"]
    if chat.place and not everything and not _own_mentions(message):
        return None
    said = _said(message, chat)
    if kind == "message":
        return said
    return Said(chat, f"{said.id}:{int(event['timestamp'])}", text=said.text, replaces=said.id)


_EVENTS = frozenset({"message", "messageEdited", "unsend", "postback", "follow", "join"})
"""All others are about beacons, members, purchases and the like."""


def _chat(event: Mapping[str, Any], received_at: float) -> Chat:
    source = event["source"]
    kind = source["type"]
    place = "" if kind == "user" else str(source[f"{kind}Id"])
    # Of people who have not agreed to it, groups tell no id: they are one customer together.
    user = str(source["userId"] if not place else source.get("userId") or place)
    address = {"to": place or user}
    if event.get("replyToken"):
        address |= {"reply": str(event["replyToken"]), "at": f"{received_at:.0f}"}
    return Chat(user=user, address=address, place=place)


def _said(message: Mapping[str, Any], chat: Chat) -> Said:
    number, kind = str(message["id"]), str(message["type"])
    elsewhere = message.get("contentProvider", {}).get("type") == "external"
    if kind in _FILES and elsewhere:
        # It lies at an address of the sender's choice, which the desk must not be sent to.
        return Said(chat, number, unsupported=(f"external {kind}",))
    if kind in _FILES:
        return Said(chat, number, media=(_remote(message, kind),))
    tell = _WORDS.get(kind)
    text = tell(message) if tell else ""
    called = not text and bool(_own_mentions(message))
    return Said(chat, number, text, unsupported=() if text or called else (kind,), joined=called)


def _remote(message: Mapping[str, Any], kind: str) -> Remote:
    attachment_kind, media_type = _FILES[kind]
    return Remote(
        kind=attachment_kind,
        source=str(int(message["id"])),
        media_type=media_type,
        name=str(message.get("fileName", "")),
        size_bytes=int(message.get("fileSize") or 0),
        duration_s=float(message["duration"]) / 1000 if "duration" in message else None,
    )


def _own_mentions(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    mentioned = message.get("mention", {}).get("mentionees", ())
    return [each for each in mentioned if each.get("isSelf") is True]


def _text(message: Mapping[str, Any]) -> str:
    """The words, without the name that the account was called by."""
    units = str(message["text"]).encode("utf-16-le")
    for each in sorted(_own_mentions(message), key=lambda one: -int(one["index"])):
        start = 2 * int(each["index"])
        end = start + 2 * int(each["length"])
        if units[start:end].decode("utf-16-le", "replace").startswith("@"):
            units = units[:start] + units[end:]
    return units.decode("utf-16-le", "replace").strip()


def _sticker(sticker: Mapping[str, Any]) -> str:
    """What its author wrote on it, or what LINE says that it shows."""
    shown = ", ".join(map(str, sticker.get("keywords", ())[:_STICKER_WORDS]))
    return str(sticker.get("text") or shown)


def _location(place: Mapping[str, Any]) -> str:
    at = f"{float(place['latitude']):.5f}, {float(place['longitude']):.5f}"
    words = ", ".join(filter(None, [place.get("title"), place.get("address")]))
    return f"{words} ({at})" if words else at


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "text": _text,
    "sticker": _sticker,
    "location": _location,
}


def _pressed(event: Mapping[str, Any], chat: Chat) -> Said | None:
    """A button of the operator's own, with the date and time that was chosen on it."""
    chosen = event["postback"].get("params") or {}
    if "newRichMenuAliasId" in chosen:
        return None
    when = [str(chosen[name]) for name in ("datetime", "date", "time") if name in chosen]
    words = " ".join([str(event["postback"]["data"]), *when])
    return Said(chat, str(event["webhookEventId"]), text=words)
