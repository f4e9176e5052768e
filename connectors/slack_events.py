"""What Slack tells a bot, as events: the Events API, pressed buttons, slash commands. Pure; the
payloads are the same over webhooks (`connectors.slack`) and over Socket Mode
(`connectors.slack_socket`).

Sources: https://docs.slack.dev/reference/events/message,
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload,
https://docs.slack.dev/interactivity/implementing-slash-commands,
https://docs.slack.dev/reference/objects/file-object
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from bot.messages import AttachmentKind
from connectors.messaging.events import Chat, Event, Reacted, Remote, Said, Withdrawn, kind_of
from connectors.messaging.hook import Malformed

Payload = Mapping[str, Any]

NONSENSE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading a payload raises that is not as it is documented."""

_SAID = frozenset({"", "file_share", "thread_broadcast", "me_message"})
_QUIET = re.compile(
    "(channel|group|bot|pinned|unpinned|reminder|sh_room)_.*|joiner_notification.*|message_replied"
    "|tombstone|assistant_app_thread|document_mention|ekm_access_denied|app_conversation_join"
)
"""What happened in a channel without anybody having said something to the desk."""
_RENAMED = {"huddle_thread": "huddle"}
_STRANGERS = frozenset({"USLACKBOT", "UREVOKEDU"})
"""Slack itself, and nobody any more."""
_HOSTED = frozenset({"hosted", "snippet", "email"})
_CLIPS = {"slack_audio": AttachmentKind.AUDIO, "slack_video": AttachmentKind.VIDEO}
"""Recorded in Slack; a voice clip may claim to be a video of no picture."""


@dataclass(frozen=True)
class Ear:
    """Which messages are for the desk."""

    channels: Collection[str] = ()
    """Where every message is."""
    bots: frozenset[str] = frozenset()
    """The user ids of the app in the workspaces that the payload came from."""

    def hears(self, message: Payload, channel: str) -> bool:
        """Direct messages, mentions, the listed channels, and threads that the app began. In other
        channels people talk to each other."""
        return (
            _is_direct(channel)
            or channel in self.channels
            or message.get("parent_user_id") in self.bots
            or any(f"<@{bot}" in str(message.get("text", "")) for bot in self.bots)
        )

    def is_person(self, message: Payload) -> bool:
        user = message.get("user")
        return bool(user) and user not in self.bots | _STRANGERS and not message.get("bot_id")


def read_event(payload: Payload, channels: Collection[str] = ()) -> tuple[Event, ...]:
    """What an `event_callback` tells. `channels`: those in which every message is for the desk.
    Raises `Malformed` where what must be there is not."""
    try:
        authorized = payload.get("authorizations") or ()
        bots = frozenset(str(each["user_id"]) for each in authorized if each.get("is_bot"))
        return tuple(_event(payload["event"], Ear(channels, bots)))
    except NONSENSE as error:
        raise Malformed(f"not an event: {type(error).__name__}") from error


def read_interaction(payload: Payload) -> tuple[Event, ...]:
    """What pressed buttons say. Raises `Malformed`."""
    if payload.get("type") != "block_actions":
        return ()
    try:
        place = payload.get("container") or {}
        channel = str(place.get("channel_id") or payload["channel"]["id"])
        shown = payload.get("message") or {}
        thread = str(place.get("thread_ts") or shown.get("thread_ts") or "")
        user = str(payload["user"]["id"])
        number = str(place.get("message_ts") or shown["ts"])
        chat = _chat(channel, user, number, thread, str(payload["user"].get("name") or ""))
        return tuple(
            Said(chat, f"{channel}:{action['action_ts']}:{user}", text=str(words))
            for action in payload["actions"]
            if (words := action.get("value") or (action.get("selected_option") or {}).get("value"))
        )
    except NONSENSE as error:
        raise Malformed(f"not an interaction: {type(error).__name__}") from error


def read_command(fields: Payload) -> tuple[Event, ...]:
    """What a slash command asks. It can be given anywhere, also where the app may not write, so it
    is answered in the direct messages with the app. Raises `Malformed`."""
    user, number = str(fields.get("user_id") or ""), str(fields.get("trigger_id") or "")
    if not (user and number):
        raise Malformed("not a command: no user_id or trigger_id")
    words = to_words(str(fields.get("text") or ""))
    name = str(fields.get("user_name") or "")
    chat = Chat(user, {"channel": user, "thread": ""}, name=name)
    return (Said(chat, f"c:{number}", text=words, joined=not words),)


def _event(event: Payload, ear: Ear) -> list[Event]:
    kind = event["type"]
    if kind == "message":
        return _message(event, ear)
    if kind == "app_mention" and ear.is_person(event):
        return [_said(event, str(event["channel"]), ear)]
    if kind in ("reaction_added", "reaction_removed"):
        return _reaction(event, ear)
    if kind == "app_home_opened" and event.get("tab") == "messages":
        user, channel = str(event["user"]), str(event["channel"])
        return [Said(_chat(channel, user, "", ""), f"opened:{user}", joined=True)]
    return []


def _message(event: Payload, ear: Ear) -> list[Event]:
    channel, subtype = str(event["channel"]), str(event.get("subtype", ""))
    if subtype == "message_changed":
        return _changed(event, channel, ear)
    if subtype == "message_deleted":
        before = event.get("previous_message") or {}
        return _deleted(before, channel, str(event["deleted_ts"]), ear)
    if _QUIET.fullmatch(subtype) or not (ear.is_person(event) and ear.hears(event, channel)):
        return []
    return [_said(event, channel, ear)]


def _said(message: Payload, channel: str, ear: Ear) -> Said:
    number, subtype = str(message["ts"]), str(message.get("subtype", ""))
    media, names, unsupported = _files(message)
    if subtype not in _SAID:
        unsupported = (*unsupported, _RENAMED.get(subtype, subtype))
    text = "\n".join(filter(None, [to_words(str(message.get("text") or ""), ear.bots), *names]))
    thread, name = str(message.get("thread_ts") or ""), _name(message.get("user_profile") or {})
    return Said(
        chat=_chat(channel, str(message["user"]), number, thread, name),
        id=f"{channel}:{number}",
        text=text,
        media=media,
        quote=_quote(message),
        unsupported=unsupported,
        # Who mentions the app and says nothing else wants to see whether it is there.
        joined=not (text or media or unsupported),
    )


def _changed(event: Payload, channel: str, ear: Ear) -> list[Event]:
    message, before = event["message"], event.get("previous_message") or {}
    if message.get("subtype") == "tombstone":
        # A deleted message that others have answered leaves a sign of itself behind.
        return _deleted(before, channel, str(message["ts"]), ear)
    edited = message.get("edited")
    if not edited or edited == before.get("edited"):
        return []  # Slack has added the preview of a link.
    if not (ear.is_person(message) and ear.hears(message, channel)):
        return []
    said = _said(message, channel, ear)
    number = f"{said.id}:{edited['ts']}"
    return [msgspec.structs.replace(said, id=number, replaces=said.id, joined=False)]


def _deleted(message: Payload, channel: str, number: str, ear: Ear) -> list[Event]:
    if not (ear.is_person(message) and ear.hears(message, channel)):
        return []
    chat = _chat(channel, str(message["user"]), number, str(message.get("thread_ts") or ""))
    return [Withdrawn(chat, f"{channel}:{number}")]


def _reaction(event: Payload, ear: Ear) -> list[Event]:
    item, user = event["item"], str(event["user"])
    if item.get("type") != "message" or user in ear.bots:
        return []
    channel = str(item["channel"])
    if not (_is_direct(channel) or event.get("item_user") in ear.bots):
        return []
    emoji = str(event["reaction"]) if event["type"] == "reaction_added" else ""
    number = str(item["ts"])
    return [Reacted(_chat(channel, user, number, ""), f"{channel}:{number}", emoji)]


def _is_direct(channel: str) -> bool:
    return channel.startswith("D")


def _name(profile: Payload) -> str:
    """Slack gives a profile with some messages and no names with others."""
    return str(profile.get("real_name") or profile.get("display_name") or "")


def _chat(channel: str, user: str, number: str, thread: str, name: str = "") -> Chat:
    """A direct message is answered where it stands; in a channel an answer goes into the thread of
    the message, and each thread and person has a conversation."""
    if not _is_direct(channel):
        thread = thread or number
    place = f"{channel}/{thread}" if thread else ""
    private = True if place and _is_direct(channel) else None
    address = {"channel": channel, "thread": thread}
    return Chat(user, address, place, private=private, name=name)


def _files(message: Payload) -> tuple[tuple[Remote, ...], tuple[str, ...], tuple[str, ...]]:
    """Files that can be fetched, the names of those that cannot, and what those are."""
    media: list[Remote] = []
    names: list[str] = []
    unsupported: list[str] = []
    for file in message.get("files") or ():
        mode = str(file.get("mode") or "hosted")
        if file.get("file_access") == "check_file_info":
            # Of another workspace (Slack Connect): what it is has to be asked for.
            media.append(Remote(AttachmentKind.FILE, f"{file['id']} "))
        elif mode in _HOSTED and not file.get("is_external"):
            media.append(_remote(file))
        else:
            names.append(str(file.get("title") or file.get("name") or ""))
            unsupported.append({"external": "external_file", "tombstone": "file"}.get(mode, mode))
    return tuple(media), tuple(filter(None, names)), tuple(dict.fromkeys(unsupported))


def _remote(file: Payload) -> Remote:
    claimed = str(file.get("mimetype") or "")
    family = claimed.partition("/")[0]
    kind = _CLIPS.get(str(file.get("subtype", "")))
    if kind is None:
        kind = kind_of(claimed)
    elif family in ("audio", "video"):
        claimed = f"{kind.value}/{claimed.partition('/')[2]}"
    milliseconds = file.get("duration_ms")
    return Remote(
        kind=kind,
        source=f"{file['id']} {file.get('url_private') or ''}",
        media_type=claimed,
        name=str(file.get("name") or ""),
        size_bytes=int(file.get("size") or 0),
        duration_s=float(milliseconds) / 1000 if milliseconds else None,
    )


def _quote(message: Payload) -> str:
    """Words of a message that was shared into this one."""
    shared = (
        str(each.get("text") or each.get("fallback") or "")
        for each in message.get("attachments") or ()
        if each.get("is_share") or each.get("is_msg_unfurl")
    )
    return "\n".join(to_words(words) for words in shared if words)


_ENTITY = re.compile(r"<([^<>]+)>")


def to_words(text: str, bots: Collection[str] = ()) -> str:
    """mrkdwn as somebody reads it: names for mentions, words for links, characters for escapes;
    mentions of the app itself go.

    Source: https://docs.slack.dev/messaging/formatting-message-text
    """
    for bot in bots:
        text = re.sub(rf"^\s*<@{re.escape(bot)}(\|[^>]*)?>[\s,:]*", "", text)
        text = re.sub(rf"\s*<@{re.escape(bot)}(\|[^>]*)?>", "", text)
    words = _ENTITY.sub(lambda match: _entity(match[1]), text)
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def _entity(inside: str) -> str:
    target, _, label = inside.partition("|")
    sign, name = target[:1], target[1:]
    if sign in "@#":
        return f"{sign}{(label or name).removeprefix(sign)}"
    if sign == "!":
        return label or f"@{name.partition('^')[0]}"
    bare = target.removeprefix("mailto:").removeprefix("tel:")
    if not label or label == bare or bare.partition("://")[2].rstrip("/") == label.rstrip("/"):
        return bare
    return f"{label} ({bare})"
