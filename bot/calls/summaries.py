"""Keeps what calls were about, beside their conversations.

It is made once a call is over, of what was heard and said in it (`summary`), and worded anew by
the assistant where there is one: what that adds is checked against the same words.
"""

import logging
from typing import Protocol

import msgspec

from bot import keys
from bot.calls.summary import text_of, topics_of
from bot.calls.transport import EndReason
from bot.history import History
from bot.messages import CallSummary, ConversationId, Entry
from bot.store import Store
from bot.texts import say

log = logging.getLogger(__name__)

MOST_KEPT = 20
"""Calls of one conversation; the oldest are forgotten first."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(CallSummary).decode


class Wording(msgspec.Struct, frozen=True):
    """A summary in a language model's words."""

    text: str
    model: str


class Summarizer(Protocol):
    """`bot.assistant.Summarizer` is one."""

    async def sum_up(
        self, conversation: ConversationId, entries: list[Entry], language: str
    ) -> Wording | None:
        """What was wanted and answered in these entries, and what stays open; None where no
        wording came about that the entries back. Raises `Unavailable`."""


class Summaries:
    def __init__(
        self,
        store: Store,
        history: History,
        *,
        keep_s: int,
        language: str,
        summarizer: Summarizer | None = None,
    ) -> None:
        """`keep_s`: how long a conversation is remembered, in seconds. `language`: of the business,
        whose people read it."""
        self._store = store
        self._history = history
        self._keep_s = keep_s
        self._language = language
        self._summarizer = summarizer

    async def sum_up(
        self,
        conversation: ConversationId,
        after: int,
        *,
        call: str,
        began_at: float,
        seconds: float,
        ended: EndReason,
        worded: bool = True,
    ) -> CallSummary | None:
        """Keep what a call was about, and give it; None where nothing was wanted in it. `after`:
        number of the conversation's newest entry before the call. `worded`: by the assistant,
        which takes its time. Raises `Unavailable`."""
        entries = await self._history.entries(conversation, after)
        transferred = ended is EndReason.TRANSFERRED
        topics = topics_of(
            entries,
            await self._history.perceived(conversation, entries),
            await self._history.cut_short(conversation),
            transferred=say("call_summary_person", self._language) if transferred else "",
        )
        if not topics:
            return None
        summary = CallSummary(
            call, began_at, round(seconds, 1), ended, topics, text_of(topics, self._language)
        )
        await self._keep(conversation, summary)
        if self._summarizer is None or not worded:
            return summary
        wording = await self._summarizer.sum_up(conversation, entries, self._language)
        if wording is None:
            return summary
        summary = msgspec.structs.replace(summary, text=wording.text, assistant=wording.model)
        await self._keep(conversation, summary)
        return summary

    async def _keep(self, conversation: ConversationId, summary: CallSummary) -> None:
        key = keys.calls(conversation)
        await self._store.run("HSET", key, summary.call, _encode(summary))
        await self._store.run("EXPIRE", key, self._keep_s)
        if await self._store.run("HLEN", key) > MOST_KEPT:
            kept = await kept_summaries(self._store, conversation)
            await self._store.run("HDEL", key, *(old.call for old in kept[:-MOST_KEPT]))


async def kept_summaries(store: Store, conversation: ConversationId) -> list[CallSummary]:
    """Of a conversation's calls, the oldest first. Raises `Unavailable`."""
    found = await store.run("HVALS", keys.calls(conversation))
    return sorted(map(_decode, found), key=lambda summary: summary.began_at)
