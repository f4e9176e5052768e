"""What to answer: a problem with what was sent, a courtesy, what an intent says, the knowledge, a
question back, how to reach a person, or "I don't know"."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from bot.draft import Draft
from bot.history import Past, words_of
from bot.intents import IntentBook
from bot.knowledge import Answered, Competing, Finding, Knowledge, Nothing, Query, Said
from bot.knowledge.screening import without_orders
from bot.messages import Citation, Message, Reply, ReplyKind
from bot.steering import Steer, Step, steer
from bot.texts import FALLBACK, say
from bot.understanding import Understanding
from bot.wishes import Social

if TYPE_CHECKING:
    from bot.assistant import Account, Assistant, Worded

_COURTESIES = {
    Social.GREETING: "greeting",
    Social.THANKS: "thanks_reply",
    Social.GOODBYE: "goodbye_reply",
}


class Decision(msgspec.Struct, frozen=True):
    """What the reply will be, and why."""

    kind: ReplyKind
    text: str
    """Markdown."""
    why: str
    """For the trace: which rule decided."""
    citations: tuple[Citation, ...] = ()
    suggestions: tuple[str, ...] = ()
    waits_s: float = 0.0
    """For which a caller has something to do after it, and is left alone."""
    finding: Finding | None = None
    """What the knowledge said, where it was asked."""
    assistant: "Account | None" = None
    """What the language model did, where it was asked."""


class Policy(Protocol):
    """Decides the answer to a turn."""

    async def decide(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
        """`draft` shows the customer an answer that takes its time, while it grows. An answer may
        be begun ahead and dropped (`bot.preparing`): to decide is to do nothing. What is done for
        customers are `bot.errands`."""
        ...


class DeskPolicy:
    """Answers by the business's intents and articles. See `bot.steering` for which goes first."""

    def __init__(
        self,
        knowledge: Knowledge,
        intents: IntentBook,
        business: str,
        suggestions: Mapping[str, Sequence[str]],
        person: Mapping[str, str],
        assistant: "Assistant | None" = None,
    ) -> None:
        """`suggestions`: language (`de`) → questions to offer where nothing better is known.
        `person`: language → how to reach a person. `assistant`: words the answers of the
        knowledge."""
        self._assistant = assistant
        self._knowledge = knowledge
        self._intents = intents
        self._business = business
        self._person = person
        self._suggestions = {code: tuple(texts) for code, texts in suggestions.items()}

    async def decide(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
        problems = [
            say(what.code, understanding.language, **what.params) for what in understanding.problems
        ]
        if understanding.social:
            return self._courtesy(understanding)
        if understanding.empty:
            return self._unreadable(understanding, problems)
        decision = await self._steered(understanding, past, draft)
        if not problems:
            return decision
        return msgspec.structs.replace(decision, text="\n\n".join([*problems, decision.text]))

    def _unreadable(self, understanding: Understanding, problems: list[str]) -> Decision:
        if problems:
            return Decision(ReplyKind.PROBLEM, "\n\n".join(problems), why="nothing was legible")
        text = say("image_no_text", understanding.language)
        return Decision(ReplyKind.PROBLEM, text, why="no words in what was shown")

    def _courtesy(self, understanding: Understanding) -> Decision:
        assert understanding.social
        return Decision(
            ReplyKind.SOCIAL,
            say(_COURTESIES[understanding.social], understanding.language, business=self._business),
            why=f"only a courtesy: {understanding.social}",
            suggestions=(
                self._suggested(understanding.language)
                if understanding.social is Social.GREETING
                else ()
            ),
        )

    async def _steered(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
        query = _query(understanding, past)
        finding = await self._knowledge.consult(query)
        recognised, language = understanding.recognised, understanding.language
        way = steer(
            recognised,
            finding,
            self._intents.by_name,
            unknown_before=_unknown_before(past),
            asks_for_person=understanding.wants_person,
        )
        decision = None
        if way.step is Step.INTENT:
            decision = await self._by_intents(way, query, finding)
        elif way.step is Step.ASK:
            titles = [self._intents.by_name[name].title_in(language) for name in way.intents]
            decision = Decision(
                ReplyKind.CLARIFY,
                say("answer_which" if len(titles) > 1 else "answer_this", language),
                why=way.why,
                suggestions=tuple(titles),
                finding=finding,
            )
        elif way.step is Step.PERSON:
            return self._offer(way, understanding, finding)
        if decision is None:
            decision = self._from(finding, language)
            if self._assistant:
                worded = await self._assistant.answer(understanding, past, finding, draft)
                decision = _worded(decision, worded)
        if way.person_too and decision.kind is not ReplyKind.CLARIFY and self._reach(language):
            text = f"{decision.text}\n\n{self._reach(language)}"
            return msgspec.structs.replace(decision, text=text, why=f"{decision.why}; pressing")
        return decision

    async def _by_intents(self, way: Steer, query: Query, finding: Finding) -> Decision | None:
        """The answers of the intents, one below the other; None if their articles are gone."""
        texts: list[str] = []
        citations: list[Citation] = []
        for name in way.intents:
            intent = self._intents.by_name[name]
            if text := intent.answer_in(query.language):
                texts.append(text)
            elif quoted := await self._knowledge.quote(intent.article, query):
                texts.append(quoted.text)
                citations += quoted.citations
        if not texts:
            return None
        return Decision(
            ReplyKind.ANSWER,
            "\n\n".join(dict.fromkeys(texts)),
            why=way.why,
            citations=tuple(dict.fromkeys(citations)),
            finding=finding,
        )

    def _offer(self, way: Steer, understanding: Understanding, finding: Finding) -> Decision:
        language = understanding.language
        reach = self._reach(language)
        return Decision(
            ReplyKind.PERSON,
            reach or say("person_unreachable", language),
            why=way.why,
            finding=finding,
        )

    def _reach(self, language: str) -> str:
        return self._person.get(language) or self._person.get(FALLBACK, "")

    def _from(self, finding: Finding, language: str) -> Decision:
        if self._assistant and isinstance(finding, Answered):
            # Whoever has got orders into an article has not got them quoted either.
            finding = _without_orders(finding)
        if isinstance(finding, Answered):
            return Decision(
                ReplyKind.ANSWER,
                finding.text,
                why="an article answers",
                citations=finding.citations,
                finding=finding,
            )
        if isinstance(finding, Competing):
            return Decision(
                ReplyKind.CLARIFY,
                say("answer_which", language),
                why="articles compete",
                suggestions=tuple(option.title for option in finding.options),
                finding=finding,
            )
        return Decision(
            ReplyKind.UNKNOWN,
            say("answer_unknown", language),
            why="no article fits",
            suggestions=self._suggested(language),
            finding=finding,
        )

    def _suggested(self, language: str) -> tuple[str, ...]:
        return self._suggestions.get(language) or self._suggestions.get(FALLBACK, ())


def _without_orders(finding: Answered) -> Finding:
    kept = without_orders(finding.text)
    if kept == finding.text:
        return finding
    if not kept:
        return Nothing(finding.hits, finding.confidence)
    citations = tuple(
        msgspec.structs.replace(citation, quote=without_orders(citation.quote))
        for citation in finding.citations
    )
    return msgspec.structs.replace(finding, text=kept, citations=citations)


def _worded(embedded: Decision, worded: "Worded") -> Decision:
    """The language model's answer where it gave one, and otherwise the embedded one."""
    if worded.answer is None:
        return msgspec.structs.replace(embedded, assistant=worded.account)
    return msgspec.structs.replace(
        embedded,
        kind=ReplyKind.ANSWER,
        text=worded.answer.text,
        why=f"the assistant answers; without it: {embedded.why}",
        citations=worded.answer.citations,
        suggestions=(),
        assistant=worded.account,
    )


def _unknown_before(past: Past) -> bool:
    """Whether the desk's last reply was that it does not know."""
    last = next((e.item for e in reversed(past.entries) if isinstance(e.item, Reply)), None)
    return last is not None and last.kind is ReplyKind.UNKNOWN


def _query(understanding: Understanding, past: Past) -> Query:
    return Query(
        typed=understanding.typed,
        said=understanding.said,
        shown=understanding.shown,
        history=tuple(
            Said("customer", words_of(entry.item, past.perceived))
            if isinstance(entry.item, Message)
            else Said("desk", entry.item.text, next((c.article for c in entry.item.citations), ""))
            for entry in past.entries
        ),
        language=understanding.language,
    )


def explain_finding(finding: Finding | None) -> dict[str, Any] | None:
    """A finding for the trace: the best passages with what their scores are made of."""
    if finding is None:
        return None
    return {
        "hits": [
            {
                "article": hit.passage.article,
                "title": hit.passage.title,
                "headings": hit.passage.headings,
                "score": round(hit.score, 4),
                "parts": {name: round(value, 4) for name, value in hit.parts.items()},
            }
            for hit in finding.hits[:5]
        ]
    }
