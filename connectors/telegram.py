"""Telegram: the Bot API, by webhook, or by long polling where the desk has no public address.

The API is plain JSON over HTTP, and what is needed of it fits this file; python-telegram-bot would
bring its own HTTP client, its own job queue and its own event loop. It drives the tests instead.
Sources: https://core.telegram.org/bots/api (Bot API 9).
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp

from bot.channel_settings import TelegramSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError, Unavailable
from bot.messages import AttachmentKind, ChannelName
from connectors.limiter import Rate
from connectors.messaging.api import Reply, refused, wrong_credentials
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.dialects import TELEGRAM_HTML
from connectors.messaging.events import Chat, Event, Reacted, Remote, Said
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, Taken, same
from connectors.messaging.provider import Address, Provider, Registration, Services, Take
from connectors.messaging.render import Part, Voice

POLL_S = 25
MOST_BYTES = 20 * 1024**2
"""Of a file that a bot may download from Telegram's own servers."""
_UPDATES = ("message", "edited_message", "callback_query", "message_reaction", "my_chat_member")
_FILES = {
    "voice": (AttachmentKind.AUDIO, "audio/ogg"),
    "audio": (AttachmentKind.AUDIO, "audio/mpeg"),
    "video": (AttachmentKind.VIDEO, "video/mp4"),
    "video_note": (AttachmentKind.VIDEO, "video/mp4"),
    "animation": (AttachmentKind.VIDEO, "video/mp4"),
    "document": (AttachmentKind.FILE, ""),
}
_SERVICE = frozenset(
    {
        *("message_id", "message_thread_id", "from", "sender_chat", "sender_boost_count", "date"),
        *("chat", "forward_origin", "is_topic_message", "is_automatic_forward", "edit_date"),
        *("reply_to_message", "external_reply", "quote", "reply_to_story", "via_bot", "entities"),
        *("has_protected_content", "is_from_offline", "media_group_id", "author_signature"),
        *("link_preview_options", "effect_id", "caption_entities", "show_caption_above_media"),
        *("has_media_spoiler", "reply_markup", "business_connection_id", "sender_business_bot"),
        *("reply_to_checklist_task_id", "reply_to_poll_option_id", "direct_messages_topic"),
        *("is_paid_post", "paid_star_count", "suggested_post_info", "guest_bot_caller_user"),
    }
)
"""What stands beside a message's content."""
_QUIET = frozenset(
    {
        *("pinned_message", "new_chat_title", "new_chat_photo", "delete_chat_photo"),
        *("left_chat_member", "message_auto_delete_timer_changed", "write_access_allowed"),
        *("migrate_to_chat_id", "migrate_from_chat_id", "boost_added", "chat_background_set"),
        *("forum_topic_created", "forum_topic_edited", "forum_topic_closed"),
        *("forum_topic_reopened", "general_forum_topic_hidden", "general_forum_topic_unhidden"),
        *("video_chat_scheduled", "video_chat_started", "video_chat_ended", "giveaway_created"),
        *("video_chat_participants_invited", "group_chat_created", "supergroup_chat_created"),
    }
)
"""What happened in a chat without anybody having said something to the desk."""


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
                for event in _or_nothing(update):
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


def parse(update: Mapping[str, Any]) -> tuple[Event, ...]:
    """What an `Update` tells. Raises `Malformed` where what must be there is not."""
    try:
        return tuple(_events(update))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"not an update: {type(error).__name__}") from error


def _or_nothing(update: Mapping[str, Any]) -> tuple[Event, ...]:
    """While polling, an update that makes no sense must not be asked for again for ever."""
    try:
        return parse(update)
    except Malformed:
        return ()


def _events(update: Mapping[str, Any]) -> list[Event]:
    if "message" in update:
        return _said(update["message"])
    if "edited_message" in update:
        edited = update["edited_message"]
        number = f"{edited['chat']['id']}:{edited['message_id']}"
        return [
            _changed(event, f"{number}:{edited['edit_date']}", number)
            for event in _said(edited)
            if isinstance(event, Said)
        ]
    if "callback_query" in update:
        return _pressed(update["callback_query"])
    if "message_reaction" in update:
        return _reaction(update["message_reaction"])
    return []


def _said(message: Mapping[str, Any]) -> list[Event]:
    number = f"{message['chat']['id']}:{message['message_id']}"
    sender = message.get("from")
    if sender is None or sender.get("is_bot") or message.keys() & _QUIET:
        return []
    text = message.get("text") or message.get("caption") or ""
    media = _media(message)
    parts, known = _in_words(message)
    text = "\n".join(filter(None, [_without_command(text), *parts]))
    content = message.keys() - _SERVICE - known - {"text", "caption", "photo", "sticker", *_FILES}
    joined = _is_start(message) or _newcomers(message)
    return [
        Said(
            chat=_chat(message, sender),
            id=number,
            text=text,
            media=tuple(media),
            quote=_quote(message),
            unsupported=tuple(sorted(content)) if not (joined and not text) else (),
            joined=joined,
        )
    ]


def _is_start(message: Mapping[str, Any]) -> bool:
    """`/start`, with which every conversation with a bot begins, or `/help`."""
    command = str(message.get("text", "")).split(maxsplit=1)[:1]
    return bool(command) and command[0].partition("@")[0] in ("/start", "/help")


def _without_command(text: str) -> str:
    """The words behind `/start`, `/help` or `/ask`; of other commands, all words."""
    first, _, rest = text.partition(" ")
    return rest.strip() if first.partition("@")[0] in ("/start", "/help", "/ask") else text


def _newcomers(message: Mapping[str, Any]) -> bool:
    return bool(message.get("new_chat_members"))


def _chat(message: Mapping[str, Any], sender: Mapping[str, Any]) -> Chat:
    chat = message["chat"]
    thread = str(message.get("message_thread_id") or "") if message.get("is_topic_message") else ""
    private = chat.get("type") == "private"
    return Chat(
        user=str(int(sender["id"])),
        address={"chat": str(int(chat["id"])), "thread": thread},
        place="" if private else f"{chat['id']}/{thread}",
        locale=str(sender.get("language_code", ""))[:35],
    )


def _media(message: Mapping[str, Any]) -> list[Remote]:
    if photos := message.get("photo"):
        # The same picture in several sizes; the largest is legible.
        best = max(photos, key=lambda size: size["width"] * size["height"])
        return [_remote(best, AttachmentKind.IMAGE, "image/jpeg")]
    # An animation comes as a document as well, for old clients.
    for name in ("animation", *_FILES):
        if name in message:
            kind, media_type = _FILES[name]
            return [_remote(message[name], kind, media_type)]
    sticker = message.get("sticker")
    if sticker and not (sticker.get("is_animated") or sticker.get("is_video")):
        return [_remote(sticker, AttachmentKind.IMAGE, "image/webp")]
    return []


def _remote(file: Mapping[str, Any], kind: AttachmentKind, media_type: str) -> Remote:
    claimed = str(file.get("mime_type") or media_type)
    family = claimed.partition("/")[0]
    if kind is AttachmentKind.FILE and family in ("image", "audio", "video"):
        kind = AttachmentKind(family)
    return Remote(
        kind=kind,
        source=str(file["file_id"]),
        media_type=claimed,
        name=str(file.get("file_name", "")),
        size_bytes=int(file.get("file_size") or 0),
        duration_s=float(file["duration"]) if "duration" in file else None,
    )


def _in_words(message: Mapping[str, Any]) -> tuple[list[str], set[str]]:
    """What else a message holds, as words; and under which names it stood."""
    found = {name: tell(message[name]) for name, tell in _WORDS.items() if name in message}
    if "venue" in found:
        found["location"] = ""
    return list(found.values()), set(found)


def _contact(contact: Mapping[str, Any]) -> str:
    name = f"{contact.get('first_name', '')} {contact.get('last_name', '')}".strip()
    return f"{name} {contact.get('phone_number', '')}".strip()


def _place(location: Mapping[str, Any]) -> str:
    return f"{float(location['latitude']):.5f}, {float(location['longitude']):.5f}"


def _venue(venue: Mapping[str, Any]) -> str:
    words = ", ".join(filter(None, [venue.get("title", ""), venue.get("address", "")]))
    return f"{words} ({_place(venue['location'])})"


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "contact": _contact,
    "location": _place,
    "venue": _venue,
    "dice": lambda dice: str(dice.get("emoji", "")),
    "new_chat_members": lambda _: "",
}


def _quote(message: Mapping[str, Any]) -> str:
    chosen = (message.get("quote") or {}).get("text", "")
    answered = message.get("reply_to_message") or {}
    return str(chosen or answered.get("text") or answered.get("caption") or "")


def _changed(said: Said, identifier: str, replaces: str) -> Said:
    return Said(
        said.chat, identifier, said.text, said.media, said.quote, replaces, said.unsupported
    )


def _pressed(query: Mapping[str, Any]) -> list[Event]:
    message = query.get("message")
    if not message or not query.get("data"):
        return []
    return [Said(_chat(message, query["from"]), f"q:{query['id']}", text=str(query["data"]))]


def _reaction(reaction: Mapping[str, Any]) -> list[Event]:
    sender = reaction.get("user")
    if sender is None:
        return []
    emoji = next((str(each.get("emoji", "")) for each in reaction.get("new_reaction", ())), "")
    to = f"{reaction['chat']['id']}:{reaction['message_id']}"
    return [Reacted(_chat(reaction, sender), to, emoji)]
