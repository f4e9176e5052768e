"""What a call was about, for whoever comes to the conversation next: wanted, answered, open. Pure.

Made of the conversation's entries as the caller heard them, so that nothing is in it that was not
said. `summaries` keeps them; where there is an assistant, it words them.
"""

from collections.abc import Collection, Mapping, Sequence

from bot.history import words_of
from bot.knowledge.passages import plain
from bot.messages import AttachmentId, Entry, Message, Reply, ReplyId, ReplyKind, Topic
from bot.perception import Perceived
from bot.texts import say
from bot.understanding import social
from models.sentences import sentences

_WANTED_CHARS = 240
_ANSWERED_CHARS = 320
MOST_TOPICS = 12
"""Of one call: the last ones."""
_ANSWERS = (ReplyKind.ANSWER, ReplyKind.NOTICE)


def topics_of(
    entries: Sequence[Entry],
    perceived: Mapping[AttachmentId, Perceived],
    cut_short: Collection[ReplyId],
    *,
    transferred: str = "",
) -> tuple[Topic, ...]:
    """`entries`: of the call, as its caller heard them. `cut_short`: replies that were not heard to
    their end. `transferred`: what is said to have answered who was connected with a person."""
    topics: list[Topic] = []
    wanted: list[str] = []
    for entry in entries:
        if isinstance(entry.item, Message):
            words = words_of(entry.item, perceived)
            if words and not social(words):
                wanted.append(words)
            continue
        reply = entry.item
        if not wanted or reply.kind is ReplyKind.CLARIFY:
            continue  # what is asked back and what is answered to it is one thing
        topics.append(_topic(wanted, reply, cut_short, transferred))
        wanted = []
    if wanted:
        topics.append(Topic(_words(wanted)))
    return tuple(topics[-MOST_TOPICS:])


def text_of(topics: Sequence[Topic], locale: str) -> str:
    """The topics as lines: each with what answered it, or that it is open."""
    return "\n".join(
        say("call_summary_open", locale, wanted=topic.wanted)
        if not topic.answered
        else say(
            "call_summary_cut" if topic.cut_short else "call_summary_answered",
            locale,
            wanted=topic.wanted,
            answered=" · ".join([topic.answered, *topic.articles]),
        )
        for topic in topics
    )


def _topic(
    wanted: Sequence[str], reply: Reply, cut_short: Collection[ReplyId], transferred: str
) -> Topic:
    if reply.kind is ReplyKind.PERSON and transferred:
        return Topic(_words(wanted), transferred)
    if reply.kind not in _ANSWERS:
        return Topic(_words(wanted))
    return Topic(
        _words(wanted),
        _beginning(reply),
        tuple(dict.fromkeys(citation.title for citation in reply.citations)),
        reply.id in cut_short,
    )


def _words(wanted: Sequence[str]) -> str:
    return _cut(" … ".join(wanted), _WANTED_CHARS)


def _beginning(reply: Reply) -> str:
    """Its first sentences."""
    kept = ""
    for sentence in sentences(plain(reply.text)):
        if kept and len(kept) + len(sentence) >= _ANSWERED_CHARS:
            break
        kept = f"{kept} {sentence}".strip()
    return _cut(kept, _ANSWERED_CHARS)


def _cut(text: str, chars: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= chars else text[: chars - 1].rstrip() + "…"
