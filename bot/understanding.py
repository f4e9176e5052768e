"""What the customer says with all of a turn together: typed, spoken and shown.

Pure functions of the turn's messages, of what was perceived in them, and of what went before.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from bot.history import Past, words_of
from bot.language import language_of, reported
from bot.messages import (
    AnswerAs,
    AttachmentId,
    AttachmentKind,
    ConversationId,
    Message,
    MessageId,
    Reply,
)
from bot.names import names_said
from bot.perception import Perceived
from bot.recognition import Recognised
from bot.texts import languages
from bot.wishes import Social, social, wants_person, wants_text, wants_voice


class Problem(msgspec.Struct, frozen=True):
    """A sentence in `bot/texts/` that tells the customer what could not be used, and why."""

    code: str
    params: Mapping[str, str | int | float] = {}


class Understanding(msgspec.Struct, frozen=True):
    """One turn, understood."""

    typed: str
    said: str
    """What was heard in recordings and videos."""
    shown: str
    """What was read in images, videos and documents."""
    language: str
    """ISO 639-1 code."""
    problems: tuple[Problem, ...]
    """What could not be heard, read or passed on, with the reason."""
    social: Social | None
    by_voice: bool
    """The customer is to be answered by voice as well."""
    wants_person: bool = False
    """They ask in so many words to speak with somebody."""
    attachments: int = 0
    pictures: tuple[Perceived, ...] = ()
    """Those that could be looked at."""
    names: tuple[str, ...] = ()
    """Of the customer, as their channels know them and as they say themselves."""
    recognised: Recognised | None = None
    """What the trained model says; None where there is none, or for a language that it does not
    know."""

    @property
    def empty(self) -> bool:
        return not (self.typed or self.said or self.shown)


def understand(
    messages: Sequence[Message],
    perceived: Mapping[AttachmentId, Perceived],
    past: Past,
    default_language: str,
) -> Understanding:
    """Bring a turn's modalities together."""
    messages = corrected(messages)
    typed = "\n".join(message.text.strip() for message in messages if message.text.strip())
    typed = _chosen(typed, past, messages[0].conversation) or typed
    seen = [perceived[a.id] for m in messages for a in m.attachments if a.id in perceived]
    said = " ".join(what.said for what in seen if what.said)
    shown = "\n".join(what.shown for what in seen if what.shown)
    words = f"{typed} {said}".strip()
    problems = (
        *(Problem(what.problem, what.problem_params) for what in seen if what.problem),
        *([Problem("message_unsupported")] if any(m.unsupported for m in messages) else ()),
    )
    locale = next((m.locale for m in reversed(messages) if m.locale), "")
    language = (
        language_of(words, "")
        or _spoken_before(past)
        or next((what.language for what in seen if what.said and what.language), "")
        or language_of(words, "", languages())
        or reported(locale)
        or default_language
    )
    return Understanding(
        typed=typed,
        said=said,
        shown=shown,
        language=language,
        problems=problems,
        social=None if shown or problems else _courtesy(words, messages),
        by_voice=_by_voice(messages, perceived, past),
        wants_person=wants_person(words),
        attachments=len(seen),
        pictures=tuple(
            what for what in seen if what.kind is AttachmentKind.IMAGE and not what.problem
        ),
        names=_names(messages, perceived, past),
    )


def _names(
    messages: Sequence[Message], perceived: Mapping[AttachmentId, Perceived], past: Past
) -> tuple[str, ...]:
    """As channels tell them, and as the customer does, in earlier calls too."""
    earlier = [entry.item for entry in past.entries if isinstance(entry.item, Message)]
    known = {**past.perceived, **perceived}
    named = [message.customer_name for message in (*messages, *earlier)]
    said = [words_of(message, known) for message in (*messages, *earlier)]
    named += [name for text in (*said, past.summary, *past.calls) for name in names_said(text)]
    return tuple(dict.fromkeys(name for name in named if name))


def corrected(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages of a turn without those that another replaces, whichever came first. One that
    was corrected twice is its last correction, whether that names the first or the one before."""
    replaced = {message.replaces for message in messages if message.replaces}
    seen: set[MessageId] = set()
    kept: list[Message] = []
    for message in reversed(messages):
        if message.id not in replaced and message.replaces not in seen:
            kept.append(message)
        if message.replaces:
            seen.add(message.replaces)
    return kept[::-1]


_NUMBER = re.compile(r"[(#]?([1-9][0-9]?)[).]?")


def _chosen(typed: str, past: Past, conversation: ConversationId) -> str:
    """The suggestion that a bare number names: apps without buttons number what they offer. Empty
    where there is none of that number.

    What the customer has before their eyes counts first, then what they were asked last, in
    whichever app.
    """
    number = _NUMBER.fullmatch(typed.strip())
    if not number:
        return ""
    here = [entry.item for entry in past.entries if entry.item.conversation == conversation]
    for items in (here, [entry.item for entry in past.entries]):
        last = items[-1] if items else None
        if isinstance(last, Reply) and int(number[1]) <= len(last.suggestions):
            return last.suggestions[int(number[1]) - 1]
    return ""


def _spoken_before(past: Past) -> str:
    """The language that the customer last wrote or spoke in, where their words told it."""
    for entry in reversed(past.entries):
        item = entry.item
        if isinstance(item, Message):
            heard = [past.perceived[a.id].said for a in item.attachments if a.id in past.perceived]
            language = language_of(" ".join([item.text, *heard]), "", languages())
            if language in languages():
                return language
    return ""


def _courtesy(words: str, messages: Sequence[Message]) -> Social | None:
    if not words and any(message.joined for message in messages):
        return Social.GREETING
    return social(words)


def _by_voice(
    messages: Sequence[Message], perceived: Mapping[AttachmentId, Perceived], past: Past
) -> bool:
    """The widget's choice comes first, then what was last asked for in words, then: a voice note
    is answered by voice, everything else by text."""
    chosen = next(
        (m.answer_as for m in reversed(messages) if m.answer_as is not AnswerAs.AUTO), None
    )
    if chosen is not None:
        return chosen is AnswerAs.VOICE
    earlier = [entry.item for entry in past.entries if isinstance(entry.item, Message)]
    known = {**past.perceived, **perceived}
    for message in reversed([*earlier, *messages]):
        words = words_of(message, known)
        if wants_text(words):
            return False
        if wants_voice(words):
            return True
    return any(a.kind is AttachmentKind.AUDIO for m in messages for a in m.attachments)
