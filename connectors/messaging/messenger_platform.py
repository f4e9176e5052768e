"""The Messenger Platform, on which Messenger and Instagram stand: its webhooks and its Send API.

Both apps' webhooks have one shape, so that one reading serves both.
Sources: https://developers.facebook.com/documentation/business-messaging/messenger-platform and
https://developers.facebook.com/documentation/business-messaging/instagram-messaging
"""

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from bot.channel_settings import MetaSection
from bot.messages import AttachmentKind, ChannelName
from connectors.messaging.events import (
    Chat,
    Event,
    Progressed,
    Reacted,
    Remote,
    Said,
    State,
    Withdrawn,
)
from connectors.messaging.hook import Hook, Malformed, Taken
from connectors.messaging.meta import (
    HOSTS,
    Graph,
    events_of,
    place,
    read_signed,
    refuse_old,
    shake_hands,
)
from connectors.messaging.provider import Address, Provider, Services
from connectors.messaging.render import Text

log = logging.getLogger(__name__)

STARTED = "GET_STARTED"
"""What the button sends with which a conversation begins; `register` sets it."""
_LIKES = frozenset({"369239263222822", "369239343222814", "369239383222810"})
"""Messenger's thumb, in its three sizes."""
_FILES = {
    "image": AttachmentKind.IMAGE,
    "sticker": AttachmentKind.IMAGE,
    "story_mention": AttachmentKind.IMAGE,
    "audio": AttachmentKind.AUDIO,
    "video": AttachmentKind.VIDEO,
    "reel": AttachmentKind.VIDEO,
    "ig_reel": AttachmentKind.VIDEO,
    "file": AttachmentKind.FILE,
}
_SHARED = frozenset({"fallback", "share", "post", "ig_post", "ig_story"})
"""Something from elsewhere: a picture or a video where its address leads to one, else a link."""


class MessengerPlatform(Provider):
    """One account of one of the two apps."""

    kind: str
    """The object that webhooks are about."""
    setting: str
    """The name of the setting that holds the account's id."""

    def __init__(
        self, settings: MetaSection, services: Services, account: str, *, app: str = ""
    ) -> None:
        self.account = account
        self._secret = settings.app_secret.get_secret_value()
        self._verify_token = settings.verify_token.get_secret_value()
        self._graph = Graph(settings, services.api, app=app)
        self._services = services

    async def receive(self, hook: Hook) -> Taken:
        if hook.method == "GET":
            return Taken(answer=shake_hands(hook, self._verify_token))
        body = read_signed(hook, self._secret, self.kind)
        items = _items(body, self.account)
        if not items and any(entry.get("id") != self.account for entry in body["entry"]):
            log.warning(
                "meta.other_account", extra={"channel": self.channel, "setting": self.setting}
            )
        refuse_old((item["timestamp"] for item in items if "timestamp" in item), hook.received_at)
        return Taken(events_of(self.channel, items, lambda item: _events(item, self.account)))

    async def type(self, address: Address) -> None:
        await self._call("typing", address, {"sender_action": "typing_on"})

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        """The links stand in the webhook and lapse after a while; there are no new ones."""
        async for piece in self._services.download.pieces(source, hosts=HOSTS):
            yield piece

    async def _send_text(self, address: Address, part: Text) -> str:
        message: dict[str, Any] = {"text": part.text}
        if part.choices:
            message["quick_replies"] = [
                {"content_type": "text", "title": choice, "payload": choice}
                for choice in part.choices
            ]
        return await self._call("messages", address, {"message": message} | _ANSWER)

    async def _call(self, what: str, address: Address, content: Mapping[str, Any]) -> str:
        whole = {"recipient": {"id": address["to"]}, **content}
        sent = await self._graph.post("me/messages", what=what, json=whole)
        return str(sent.get("message_id", ""))


_ANSWER = {"messaging_type": "RESPONSE"}


def parse(body: Mapping[str, Any], account: str, channel: ChannelName) -> tuple[Event, ...]:
    """What a webhook tells about an account. Raises `Malformed`.

    Entries under `standby` are left alone: another app, or a person in the inbox, has taken the
    conversation over and answers it.
    """
    return events_of(channel, _items(body, account), lambda item: _events(item, account))


def _items(body: Mapping[str, Any], account: str) -> list[Mapping[str, Any]]:
    try:
        return [
            item | {}
            for entry in body["entry"]
            if entry["id"] == account
            for item in entry.get("messaging") or ()
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"not an entry: {type(error).__name__}") from error


def _events(item: Mapping[str, Any], account: str) -> list[Event]:
    sender = item.get("sender") or {}
    if "delivery" in item:
        # Which messages were delivered; some clients tell only until when, as all do of reading.
        mids = item["delivery"].get("mids") or ()
        return [Progressed(str(mid), State.DELIVERED) for mid in mids]
    if "read" in item:
        mid = item["read"].get("mid")
        return [Progressed(str(mid), State.READ)] if mid else []
    if sender.get("id") == account or "user_ref" in sender:
        return []
    if "message" in item:
        return _message(item, item["message"])
    if "message_edit" in item:
        return _edited(item, item["message_edit"])
    if "postback" in item:
        return _postback(item, item["postback"])
    if "reaction" in item:
        reaction = item["reaction"]
        emoji = "" if reaction["action"] == "unreact" else _sign(reaction)
        return [Reacted(_chat(item), str(reaction["mid"]), emoji)]
    if "referral" in item:
        return [Said(_chat(item), _moment(item), joined=True)]
    return []


def _chat(item: Mapping[str, Any]) -> Chat:
    user = str(item["sender"]["id"])
    return Chat(user, {"to": user})


def _moment(item: Mapping[str, Any]) -> str:
    """A name for what has none."""
    return f"{item['sender']['id']}:{item['timestamp']}"


def _sign(reaction: Mapping[str, Any]) -> str:
    return str(reaction.get("emoji") or reaction.get("reaction") or "?")


def _message(item: Mapping[str, Any], message: Mapping[str, Any]) -> list[Event]:
    if message.get("is_echo"):
        return []
    chat, mid = _chat(item), str(message["mid"])
    if message.get("is_deleted"):
        return [Withdrawn(chat, mid)]
    found = _Found(str(message.get("text") or ""))
    for attachment in message.get("attachments") or ():
        found.take(attachment)
    story = (message.get("reply_to") or {}).get("story") or {}
    if story.get("url"):
        # What they answer is a picture or a video: the question is about what it shows.
        found.keep(AttachmentKind.IMAGE, str(story["url"]))
    if message.get("is_unsupported") and not found.unsupported:
        found.unsupported.append("unsupported")
    return [
        Said(
            chat,
            mid,
            text="\n".join(filter(None, found.words)),
            media=tuple(found.media.values()),
            quote=_advertised(message),
            unsupported=tuple(found.unsupported),
        )
    ]


def _advertised(message: Mapping[str, Any]) -> str:
    """The title of the advertisement that the customer came by. Of a message that they answer only
    the id is told."""
    referral = message.get("referral") or {}
    return str((referral.get("ads_context_data") or {}).get("ad_title") or "")


def _edited(item: Mapping[str, Any], edit: Mapping[str, Any]) -> list[Event]:
    mid, times = str(edit["mid"]), int(edit.get("num_edit", 1))
    if times < 1 or not edit.get("text"):
        return []
    return [Said(_chat(item), f"{mid}:{times}", text=str(edit["text"]), replaces=mid)]


def _postback(item: Mapping[str, Any], postback: Mapping[str, Any]) -> list[Event]:
    """A button of a menu, an icebreaker or a card; it says what is written on it."""
    identifier = str(postback.get("mid") or _moment(item))
    if postback.get("payload") == STARTED:
        return [Said(_chat(item), identifier, joined=True)]
    words = str(postback.get("title") or postback["payload"])
    return [Said(_chat(item), identifier, text=words)]


@dataclass
class _Found:
    """What a message holds, while its attachments are gone through."""

    text: str
    media: dict[str, Remote] = field(default_factory=dict)
    """Under what tells the same file from another: for a while stickers come twice."""
    unsupported: list[str] = field(default_factory=list)
    words: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.words = [self.text]

    def take(self, attachment: Mapping[str, Any]) -> None:
        kind = str(attachment["type"])
        payload = attachment.get("payload") or {}
        url = str(payload.get("url") or attachment.get("url") or "")
        title = str(payload.get("title") or attachment.get("title") or "")
        sticker = str(payload.get("sticker_id") or "")
        if sticker in _LIKES:
            if "👍" not in self.words:
                self.words.append("👍")
        elif kind == "location":
            point = payload["coordinates"]
            self.words.append(place(point["lat"], point["long"], title))
        elif kind == "template" and (products := _products(payload)):
            self.words.append(products)
        elif kind in _FILES and url:
            self.keep(_FILES[kind], url, sticker)
        elif kind in _SHARED and _is_media(url):
            self.keep(AttachmentKind.IMAGE, url)
            self.words.append(title)
        elif kind in _SHARED and (url or title):
            # A link that was written is part of the text already.
            self.words += [each for each in (title, url) if each not in self.text]
        else:
            self.unsupported.append(kind)

    def keep(self, kind: AttachmentKind, url: str, name: str = "") -> None:
        self.media.setdefault(name or url, Remote(kind, url))


def _is_media(url: str) -> bool:
    try:
        host = URL(url).host or ""
    except ValueError:
        return False
    return host.endswith(HOSTS)


def _products(payload: Mapping[str, Any]) -> str:
    """The titles of products that were shared."""
    elements = (payload.get("product") or payload).get("elements") or ()
    titles = [(each.get("title"), each.get("subtitle")) for each in elements]
    return "\n".join(", ".join(str(word) for word in title if word) for title in titles)
