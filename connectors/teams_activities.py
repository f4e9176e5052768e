"""What the activities of Teams tell: messages and what is done to them, who came, who types.

Source: https://github.com/microsoft/Agents/blob/main/specs/activity/protocol-activity.md,
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/subscribe-to-conversation-events
"""

import mimetypes
from collections.abc import Mapping
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from bot.messages import AttachmentKind
from connectors.messaging.events import (
    Chat,
    Event,
    Progressed,
    Reacted,
    Remote,
    Said,
    State,
    Withdrawn,
    Writes,
    kind_of,
)
from connectors.messaging.hook import Malformed

FILE = "application/vnd.microsoft.teams.file.download.info"
_VOICE_CARD = "application/vnd.microsoft.card.audio"
_READ = "application/vnd.microsoft.readReceipt"
_VENDOR = "application/vnd.microsoft."
_REACTIONS = {
    "like": "👍",
    "heart": "❤️",
    "laugh": "😆",
    "surprised": "😮",
    "sad": "😢",
    "angry": "😠",
}
_BOT = "28:"
"""What the ids of bots begin with."""


def parse(activity: Mapping[str, Any]) -> tuple[Event, ...]:
    """Raises `Malformed` where what must be there is not."""
    try:
        return tuple(_events(activity))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"not an activity: {type(error).__name__}") from error


def sent_id(conversation: str, activity: str) -> str:
    """The name of an activity among all conversations; its own is unique in one only."""
    return f"{conversation} {activity}"


def _events(activity: Mapping[str, Any]) -> list[Event]:
    kind = activity["type"]
    sender = str(activity["from"]["id"])
    if sender.startswith(_BOT):
        return []
    match kind:
        case "message":
            return [_said(activity, sender, str(activity["id"]))]
        case "messageUpdate":
            return [_changed(activity, sender)]
        case "messageDelete":
            return [Withdrawn(_chat(activity, sender), str(activity["id"]))]
        case "messageReaction":
            return _reactions(activity, sender)
        case "typing":
            return [Writes(_chat(activity, sender))]
        case "conversationUpdate":
            return _newcomers(activity)
        case "installationUpdate":
            added = str(activity.get("action", "")).startswith("add")
            return [_joined(activity, sender)] if added and _is_private(activity) else []
        case "event" if activity.get("name") == _READ:
            conversation = str(activity["conversation"]["id"])
            read = str(activity["value"]["lastReadMessageId"])
            return [Progressed(sent_id(conversation, read), State.READ)]
    return []


def _is_private(activity: Mapping[str, Any]) -> bool:
    return bool(activity["conversation"].get("conversationType") == "personal")


def _chat(activity: Mapping[str, Any], user: str) -> Chat:
    conversation = str(activity["conversation"]["id"])
    private = _is_private(activity)
    message = str(activity["id"]) if activity["type"] == "message" else ""
    address = {
        "service": str(activity["serviceUrl"]).rstrip("/"),
        "conversation": conversation,
        "message": message,
        "private": "yes" if private else "",
    }
    sender = activity.get("from") or {}
    name = str(sender.get("name") or "") if str(sender.get("id")) == user else ""
    place = "" if private else conversation
    return Chat(user, address, place, _locale(activity), name=name)


def _locale(activity: Mapping[str, Any]) -> str:
    infos = [each for each in _entities(activity) if each.get("type") == "clientInfo"]
    return str(activity.get("locale") or (infos[0].get("locale") if infos else "") or "")[:35]


def _entities(activity: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in activity.get("entities") or [] if isinstance(each, dict)]


def _said(activity: Mapping[str, Any], sender: str, number: str, replaces: str = "") -> Said:
    pages = _pages(activity)
    quote, rest = _quoted(pages)
    # With a quotation, `text` holds its words too; the page tells them apart.
    text = rest if quote else _without_mentions(activity)
    media, unsupported = _media(activity)
    if any(page.css_first('[itemtype$="/InputExtension"]') for page in pages):
        unsupported.append("voice_note")
    return Said(
        _chat(activity, sender),
        number,
        (text or _pressed(activity.get("value"))).strip(),
        tuple(media),
        quote=quote,
        replaces=replaces,
        unsupported=tuple(unsupported),
    )


def _changed(activity: Mapping[str, Any], sender: str) -> Said:
    """An edit; or a message that was deleted and brought back, which is one anew."""
    number = str(activity["id"])
    back = (activity.get("channelData") or {}).get("eventType") == "undeleteMessage"
    changed = f"{number}:{activity['timestamp']}"
    return _said(activity, sender, changed, replaces="" if back else number)


def _reactions(activity: Mapping[str, Any], sender: str) -> list[Event]:
    chat = _chat(activity, sender)
    to = sent_id(chat.address["conversation"], str(activity["replyToId"]))
    added = [str(each["type"]) for each in activity.get("reactionsAdded") or []]
    signs: list[Event] = [Reacted(chat, to, _REACTIONS.get(name, name)) for name in added]
    removed: list[Event] = [Reacted(chat, to, "") for _ in activity.get("reactionsRemoved") or []]
    return [*removed, *signs]


def _newcomers(activity: Mapping[str, Any]) -> list[Event]:
    """Somebody who came into a chat; a team is not told of each of its members."""
    if activity["conversation"].get("conversationType") == "channel":
        return []
    people = [str(member["id"]) for member in activity.get("membersAdded") or []]
    came = next((user for user in people if not user.startswith(_BOT)), "")
    return [_joined(activity, came)] if came else []


def _joined(activity: Mapping[str, Any], user: str) -> Said:
    # Teams tells the same twice, in different ways.
    number = f"joined:{activity['conversation']['id']}"
    return Said(_chat(activity, user), number, joined=True)


def _without_mentions(activity: Mapping[str, Any]) -> str:
    """The words, without the bot's name where it was called, and others' names as words."""
    text = str(activity.get("text") or "").replace("&nbsp;", " ")
    bot = activity.get("recipient", {}).get("id")
    for entity in _entities(activity):
        if entity.get("type") == "mention" and entity.get("text"):
            mentioned = entity.get("mentioned") or {}
            called = mentioned.get("id") == bot
            text = text.replace(entity["text"], "" if called else str(mentioned.get("name", "")))
    return text.strip()


def _pressed(value: Any) -> str:
    """What a button of a card sends, where it sends no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        words = (value.get(name) for name in ("text", "title", "choice", "value"))
        return next((each for each in words if isinstance(each, str) and each), "")
    return ""


def _pages(activity: Mapping[str, Any]) -> list[LexborHTMLParser]:
    """The message as HTML, which comes beside its text."""
    return [
        LexborHTMLParser(each["content"])
        for each in activity.get("attachments") or []
        if each.get("contentType") == "text/html" and isinstance(each.get("content"), str)
    ]


def _quoted(pages: list[LexborHTMLParser]) -> tuple[str, str]:
    """The words that a message answers, and its own; both empty where it quotes nothing."""
    for page in pages:
        block = page.css_first('blockquote[itemtype$="/Reply"]')
        if block is None:
            continue
        shown = block.css_first('[itemprop="preview"], [itemprop="copy"]')
        quote = shown.text(strip=True) if shown else ""
        block.decompose()
        for called in page.css('[itemtype$="/Mention"]'):
            called.decompose()
        for end in page.css("p, br, div, li"):
            end.insert_after("\n")
        words = page.body.text() if page.body else ""
        lines = (line.replace("\u00a0", " ").strip() for line in words.splitlines())
        return quote or "…", "\n".join(filter(None, lines))
    return "", ""


def _media(activity: Mapping[str, Any]) -> tuple[list[Remote], list[str]]:
    """The files of a message, and the kinds of those that cannot be had."""
    found: list[Remote] = []
    unsupported: list[str] = []
    for each in activity.get("attachments") or []:
        media_type = str(each["contentType"])
        family = media_type.partition("/")[0]
        name = str(each.get("name") or "")
        if media_type == FILE:
            content = each["content"]
            guessed = mimetypes.guess_type(f"x.{content.get('fileType') or ''}")[0] or ""
            found.append(Remote(kind_of(guessed), str(content["downloadUrl"]), guessed, name))
        elif family in ("image", "audio", "video") and each.get("contentUrl"):
            claimed = "" if media_type.endswith("/*") else media_type
            found.append(Remote(AttachmentKind(family), str(each["contentUrl"]), claimed, name))
        elif media_type == _VOICE_CARD:
            unsupported.append("voice_note")
        elif media_type != "text/html":
            unsupported.append(media_type.removeprefix(_VENDOR))
    return found, unsupported
