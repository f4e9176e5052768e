"""What Discord tells a bot, as events: messages of the gateway, interactions. Pure;
`connectors.discord` and `connectors.discord_gateway` bring the payloads.

Sources: https://docs.discord.com/developers/resources/message,
https://docs.discord.com/developers/events/gateway-events,
https://docs.discord.com/developers/interactions/receiving-and-responding
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from bot.messages import AttachmentKind
from connectors.messaging.dialects import MARKDOWN
from connectors.messaging.events import Chat, Event, Reacted, Remote, Said, Writes, kind_of
from connectors.messaging.hook import Malformed

Payload = Mapping[str, Any]

NONSENSE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading a payload raises that is not as it is documented."""

PING, COMMAND, COMPONENT, AUTOCOMPLETE = 1, 2, 3, 4
"""Types of interactions."""
_ATTACHMENT = 11
"""The type of an option of a command."""
_SAID = frozenset({0, 19})
"""Types of messages that somebody has written: plain ones and replies. The others tell of what
happened in a server."""
_ELSEWHERE = 2
"""The context of an interaction between people, where the bot may not write."""
_STICKERS = {
    1: ("https://cdn.discordapp.com/stickers/{}.png", "image/png"),
    2: ("https://cdn.discordapp.com/stickers/{}.png", "image/png"),
    4: ("https://media.discordapp.net/stickers/{}.gif", "image/gif"),
}
"""By format; the third is Lottie, which is drawn by a program."""
_TOLD = ("poll", "activity", "shared_client_theme", "call")
_MOST_QUOTED = 1_900


def own_id(ready: Payload) -> str:
    """The bot's user id, which `READY` tells. Raises `Malformed`."""
    try:
        return str(ready["user"]["id"])
    except NONSENSE as error:
        raise Malformed("a session without a user") from error


def read_message(message: Payload, me: str) -> tuple[Event, ...]:
    """What a `MESSAGE_CREATE` tells. `me`: the bot's user id. Raises `Malformed` where what must be
    there is not."""
    try:
        return (_said(message, me),) if _is_for_us(message, me) else ()
    except NONSENSE as error:
        raise Malformed(f"not a message: {type(error).__name__}") from error


def read_change(message: Payload, me: str) -> tuple[Event, ...]:
    """What a `MESSAGE_UPDATE` tells: Discord also sends one when it has added a link's preview or
    when somebody pins the message. Raises `Malformed`."""
    edited = message.get("edited_timestamp")
    if not edited or "author" not in message:
        return ()
    return tuple(
        msgspec.structs.replace(said, id=f"{said.id}:{edited}", replaces=said.id, joined=False)
        for said in read_message(message, me)
        if isinstance(said, Said)
    )


def read_reaction(reaction: Payload, me: str, *, added: bool) -> tuple[Event, ...]:
    """What a `MESSAGE_REACTION_ADD` or `…_REMOVE` tells. Raises `Malformed`."""
    try:
        user, direct = str(reaction["user_id"]), not reaction.get("guild_id")
        if user == me or not (direct or reaction.get("message_author_id") == me):
            return ()
        chat = _chat(reaction, user, "")
        emoji = str(reaction["emoji"].get("name") or "")
        return (Reacted(chat, str(reaction["message_id"]), emoji if added else ""),)
    except NONSENSE as error:
        raise Malformed(f"not a reaction: {type(error).__name__}") from error


def read_typing(typing: Payload, me: str) -> tuple[Event, ...]:
    """What a `TYPING_START` tells: in servers people type to each other. Raises `Malformed`."""
    try:
        user = str(typing["user_id"])
        return () if user == me or typing.get("guild_id") else (Writes(_chat(typing, user, "")),)
    except NONSENSE as error:
        raise Malformed("not a sign of typing") from error


def read_interaction(payload: Payload) -> tuple[Event, ...]:
    """What a command or a pressed button says. Raises `Malformed`."""
    try:
        if payload["type"] not in (COMMAND, COMPONENT) or payload.get("context") == _ELSEWHERE:
            return ()
        data = payload["data"]
        user = payload.get("user") or payload["member"]["user"]
        chat = _chat(payload, str(user["id"]), "", str(payload.get("locale", "")), user)
        number = f"i:{payload['id']}"
        if payload["type"] == COMPONENT:
            words = "\n".join(data.get("values") or [_words_on_button(str(data["custom_id"]))])
            return (Said(chat, number, text=words),) if words else ()
        return (_asked(chat, number, data),) if data.get("type", 1) == 1 else ()
    except NONSENSE as error:
        raise Malformed(f"not an interaction: {type(error).__name__}") from error


def answer_interaction(payload: Payload) -> dict[str, Any]:
    """What Discord is told at once: it waits three seconds. Raises `Malformed`."""
    match payload.get("type"):
        case 1:
            return {"type": 1}
        case 2:
            # Others do not see what was asked by a command: the question is shown, the answer to
            # it is an ordinary message.
            try:
                return {"type": 4, "data": {"content": _question(payload)} | NO_MENTIONS}
            except NONSENSE as error:
                raise Malformed(f"not a command: {type(error).__name__}") from error
        case 4:
            return {"type": 8, "data": {"choices": []}}
    return {"type": 6}


NO_MENTIONS: dict[str, Any] = {"allowed_mentions": {"parse": []}}
"""Nobody is called by what the desk writes, whatever it holds."""


def button_id(number: int, words: str) -> str:
    """The `custom_id` of a button, at most 100 characters: it brings its words back."""
    return f"{number}:{words}"


def links(message: Payload) -> Iterator[tuple[str, str]]:
    """The ids of a message's attachments, forwarded ones too, and where they lie."""
    for part in _parts(message):
        for file in part.get("attachments") or ():
            yield str(file["id"]), str(file["url"])


def _is_for_us(message: Payload, me: str) -> bool:
    """Direct messages, mentions, and replies to what the bot has written."""
    author = message["author"]
    if author.get("bot") or author["id"] == me or message.get("webhook_id"):
        return False
    if message.get("type", 0) not in _SAID:
        return False
    if not message.get("guild_id") or any(user["id"] == me for user in message.get("mentions", ())):
        return True
    answered = (message.get("referenced_message") or {}).get("author") or {}
    # Without a mention Discord keeps the content back, unless a privileged intent is granted.
    return answered.get("id") == me and bool(message.get("content") or message.get("attachments"))


def _said(message: Payload, me: str) -> Said:
    number = str(message["id"])
    parts = list(_parts(message))
    media = [file for part in parts for file in _media(part, message)]
    text = "\n".join(filter(None, (to_words(part, me) for part in parts)))
    unsupported = [kind for kind in _TOLD if message.get(kind)]
    unsupported += ["sticker" for part in parts for each in _stickers(part) if each is None]
    answered = message.get("referenced_message") or {}
    return Said(
        chat=_chat(message, str(message["author"]["id"]), number, person=message["author"]),
        id=number,
        text=text,
        media=tuple(media),
        quote=to_words(answered, ""),
        unsupported=tuple(dict.fromkeys(unsupported)),
        # Who mentions the bot and says nothing else wants to see whether it is there.
        joined=bool(message.get("guild_id")) and not (text or media or unsupported),
    )


def _parts(message: Payload) -> Iterator[Payload]:
    """The message, and what it forwards."""
    yield message
    for snapshot in message.get("message_snapshots") or ():
        yield snapshot["message"]


def _chat(
    where: Payload, user: str, number: str, locale: str = "", person: Payload | None = None
) -> Chat:
    """In a server each channel or thread, and each person in it, has a conversation, and an answer
    refers to the message that it answers."""
    channel, direct = str(where["channel_id"]), not where.get("guild_id")
    address = {"channel": channel, "message": "" if direct else number}
    person = person or {}
    name = str(person.get("global_name") or person.get("username") or "")
    return Chat(user, address, "" if direct else channel, locale[:35], name=name)


def _media(part: Payload, message: Payload) -> Iterator[Remote]:
    path = f"{message['channel_id']}/{message['id']}"
    for file in part.get("attachments") or ():
        yield _remote(file, f"{path}/{file['id']}")
    for sticker in _stickers(part):
        if sticker:
            yield sticker


def _remote(file: Payload, path: str) -> Remote:
    claimed = str(file.get("content_type") or "")
    seconds = file.get("duration_secs")
    return Remote(
        kind=kind_of(claimed),
        source=f"{path} {file['url']}",
        media_type=claimed,
        name=str(file.get("filename") or ""),
        size_bytes=int(file.get("size") or 0),
        duration_s=float(seconds) if seconds else None,
    )


def _stickers(part: Payload) -> Iterator[Remote | None]:
    """None stands for one that cannot be looked at."""
    for sticker in part.get("sticker_items") or ():
        where = _STICKERS.get(sticker["format_type"])
        source = f" {where[0].format(int(sticker['id']))}" if where else ""
        yield Remote(AttachmentKind.IMAGE, source, where[1]) if where else None


def _asked(chat: Chat, number: str, data: Payload) -> Said:
    options = data.get("options") or ()
    words = "\n".join(str(each["value"]) for each in options if each.get("type") == 3).strip()
    files = (data.get("resolved") or {}).get("attachments") or {}
    media = tuple(
        _remote(files[each["value"]], "") for each in options if each.get("type") == _ATTACHMENT
    )
    return Said(chat, number, text=words, media=media, joined=not (words or media))


def _words_on_button(identifier: str) -> str:
    number, _, words = identifier.partition(":")
    return words if number.isdigit() else ""


def _question(payload: Payload) -> str:
    options = (payload.get("data") or {}).get("options") or ()
    words = "\n".join(str(each.get("value")) for each in options if each.get("type") == 3)
    lines = MARKDOWN.escape(words.strip())[:_MOST_QUOTED].split("\n")
    return "\n".join(f"> {line}" for line in lines) if words.strip() else "👋"


_MARKUP = re.compile(
    r"<(?:@!?(?P<user>\d+)|@&(?P<role>\d+)|#(?P<channel>\d+)|a?:(?P<emoji>\w+):\d+"
    r"|/(?P<command>[^:>]+):\d+|t:(?P<time>-?\d{1,12})(?::\w)?)>"
)


def to_words(message: Payload, me: str) -> str:
    """A message's content as somebody reads it: names for mentions, dates for times; mentions of
    the bot itself go.

    Source: https://docs.discord.com/developers/reference#message-formatting
    """
    text = str(message.get("content") or "")
    if me:
        text = re.sub(rf"^\s*<@!?{re.escape(me)}>[\s,:]*|\s*<@!?{re.escape(me)}>", "", text)
    names = {
        str(user["id"]): str(user.get("global_name") or user.get("username") or user["id"])
        for user in message.get("mentions") or ()
    }
    return _MARKUP.sub(lambda match: _in_words(match, names), text).strip()


def _in_words(match: re.Match[str], names: Mapping[str, str]) -> str:
    kind, value = match.lastgroup, match[match.lastgroup or 0]
    if kind == "user":
        return f"@{names.get(value, value)}"
    if kind == "time":
        try:
            return f"{datetime.fromtimestamp(int(value), UTC):%Y-%m-%d %H:%M} UTC"
        except (ValueError, OverflowError, OSError):
            return match[0]  # Of a year that no calendar has.
    return {"role": "@role", "channel": "#channel", "emoji": f":{value}:"}.get(
        str(kind), f"/{value}"
    )
