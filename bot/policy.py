"""What to answer: a problem with what was sent, a courtesy, the knowledge, or "I don't know"."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from bot.history import Past, words_of
from bot.knowledge import Answered, Competing, Finding, Knowledge, Query, Said
from bot.messages import Citation, Message, ReplyKind
from bot.texts import FALLBACK, say
from bot.understanding import Social, Understanding

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
    finding: Finding | None = None
    """What the knowledge said, where it was asked."""


class Policy(Protocol):
    """Decides the answer to a turn."""

    async def decide(self, understanding: Understanding, past: Past) -> Decision: ...


class KnowledgePolicy:
    """Answers from the business's articles."""

    def __init__(
        self, knowledge: Knowledge, business: str, suggestions: Mapping[str, Sequence[str]]
    ) -> None:
        """`suggestions`: language (`de`) → questions to offer where nothing better is known."""
        self._knowledge = knowledge
        self._business = business
        self._suggestions = {code: tuple(texts) for code, texts in suggestions.items()}

    async def decide(self, understanding: Understanding, past: Past) -> Decision:
        problems = [
            say(what.problem, understanding.language, **what.problem_params)
            for what in understanding.problems
        ]
        if understanding.empty:
            return self._unreadable(understanding, problems)
        if understanding.social:
            return self._courtesy(understanding)
        finding = await self._knowledge.consult(_query(understanding, past))
        decision = self._from(finding, understanding.language)
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

    def _from(self, finding: Finding, language: str) -> Decision:
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
