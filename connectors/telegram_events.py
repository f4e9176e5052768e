"""What an update of Telegram's Bot API tells.

Source: https://core.telegram.org/bots/api#update (Bot API 9).
"""

from collections.abc import Callable, Mapping
from typing import Any

from bot.messages import AttachmentKind
from connectors.messaging.events import Chat, Event, Reacted, Remote, Said, kind_of
from connectors.messaging.hook import Malformed

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


def parse(update: Mapping[str, Any]) -> tuple[Event, ...]:
    """What an `Update` tells. Raises `Malformed` where what must be there is not."""
    try:
        return tuple(_events(update))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"not an update: {type(error).__name__}") from error


def parse_or_nothing(update: Mapping[str, Any]) -> tuple[Event, ...]:
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
        name=f"{sender.get('first_name') or ''} {sender.get('last_name') or ''}".strip(),
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
    if kind is AttachmentKind.FILE:
        kind = kind_of(claimed)
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
