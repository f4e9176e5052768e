"""Reads an answer while the model writes it, and lets through what is backed by the passages.

An answer is checked sentence by sentence. What is not backed is left out; what is forbidden, an
address that no passage has or a request for a password, spoils the whole. Of a sentence that is not
finished, the words are shown up to the first that is not the passages' own.
"""

import re
from collections.abc import Sequence

import msgspec

from bot.assistant.grounding import (
    FUNCTION_WORDS,
    Judged,
    Source,
    Verdict,
    asks_for_secret,
    denies,
    forbidden_in,
    judge,
    numbers_in,
)
from bot.assistant.masking import PLACEHOLDER, Masking
from bot.assistant.prompt import NO_ANSWER
from bot.knowledge import Backing
from bot.knowledge.answer import citation
from bot.knowledge.words import stem, surface_words
from bot.messages import Citation

LONGEST_CHARS = 4_000
_MARK = (
    r"[\[【]\s*(?:\^|(?i:passages?|source)\s*)?"
    r"(?P<numbers>\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*[\]】](?!\()"
)
_MARKS = re.compile(rf"\s*{_MARK}")
_ANY_MARK = re.sub(r"\?P<numbers>", "?:", _MARK)
_ENTRY = r"(?>\s*(?:(?:[-*+•]|\d{1,2}[.)])\s+)?)"
_SEGMENT = re.compile(
    rf"""{_ENTRY}[^\n]*?
    (?: [.!?…]["'”’)*_]*(?:\s*{_ANY_MARK})*[ \t]+(?=["'“‘(*_¿¡]*[^\W\d_a-z])
      | [。！？؟]["”’」）]*(?:\s*{_ANY_MARK})*(?=[^\s\[【"”’」）])
      | [ \t]*\n+(?=[^\n])
    )""",
    re.VERBOSE,
)  # fmt: skip
_STEP = re.compile(r"\s*\d{1,2}[.)]\s")
_THOUGHTS = re.compile(r"\A\s*<think>.*?(?:</think>\s*|\Z)", re.DOTALL)
_HELD = re.compile(r"[\[\]{}<>|()!@/\\`#=【】]|\w[.:]\w")


class Unusable(Exception):
    """The answer is not sent; `why`, for the trace."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Checked(msgspec.Struct, frozen=True):
    """An answer that may be sent."""

    text: str
    citations: tuple[Citation, ...]
    left_out: int
    """Sentences that no passage backs."""


class Checking:
    """One answer."""

    def __init__(
        self,
        sources: Sequence[Source],
        backing: Backing,
        masking: Masking,
        *,
        own: frozenset[str] = frozenset(),
        secret: str = "",
    ) -> None:
        """`backing`: of the sources' passages. `own`: see `forbidden_in`. `secret`: what stands
        in no honest answer."""
        self._sources = sources
        self._backing = backing
        self._masking = masking
        self._own = own
        self._secret = secret
        self._numbers = {number for source in sources for number in source.numbers}
        self._raw = ""
        self._read = 0
        self._kept = ""
        self._quotes: dict[int, list[str]] = {}
        self._cites = False
        self._left_out = 0
        self._backed = 0
        self._passed: list[str] = []
        """Let through, and not given yet."""
        self._tells_steps = False

    async def add(self, words: str) -> list[str]:
        """Take in what was written further; gives the sentences that have been let through.

        They may be spoken, and what was spoken cannot be taken back. So none is given before the
        answer rests on a passage that it cites, and none of an answer's steps before the last of
        them: what could still spoil it for such a reason would have been heard. Raises `Unusable`.
        """
        self._raw += words
        self._check_whole()
        if not self._read and self._thinking():
            return []
        while found := self._next():
            self._read += len(found)
            self._tells_steps = self._tells_steps or bool(_STEP.match(found))
            self._passed += await self._segment(found)
        return self._given() if self._cites and self._backed and not self._tells_steps else []

    async def finish(self) -> tuple[Checked, list[str]]:
        """The answer, and the sentences of it that were not given yet. Raises `Unusable`."""
        if not self._read:
            self._thinking(ended=True)
        self._passed += await self._segment(self._raw[self._read :])
        self._read = len(self._raw)
        text = self._kept.strip()
        if not text:
            raise Unusable("nothing in it is backed by a passage" if self._left_out else "empty")
        if not self._cites:
            raise Unusable("cites nothing")
        if not self._backed:
            raise Unusable("nothing in it is backed by a passage")
        if self._left_out > self._backed:
            raise Unusable("most of it is backed by no passage")
        by_number = {source.number: source for source in self._sources}
        cited = tuple(
            citation(by_number[number].passage, "\n\n".join(dict.fromkeys(quotes)))
            for number, quotes in self._quotes.items()
        )
        return Checked(text, _one_each(cited), self._left_out), self._given()

    def _given(self) -> list[str]:
        passed, self._passed = self._passed, []
        return passed

    @property
    def shown(self) -> str:
        """What may be shown by now: all that was let through, and of the sentence that is being
        written the words that are the passages' own."""
        return (self._kept + self._safe_words(self._raw[self._read :])).lstrip()

    def _check_whole(self) -> None:
        if len(self._raw) > LONGEST_CHARS + 20_000 * self._raw.lstrip().startswith("<think>"):
            raise Unusable("far too long")
        if self._secret and self._secret in self._raw:
            raise Unusable("tells what it was told")
        if NO_ANSWER in self._raw:
            raise Unusable("says that the passages do not answer")

    def _thinking(self, ended: bool = False) -> bool:
        """Whether the model still thinks; its thoughts are nobody's."""
        begun = self._raw.lstrip()
        if not begun.startswith("<think>"):
            return not ended and bool(begun) and "<think>".startswith(begun)
        if "</think>" not in begun and not ended:
            return True
        if thoughts := _THOUGHTS.match(self._raw):
            self._read = thoughts.end()
        return False

    def _next(self) -> str:
        """The next whole sentence or line, with what parts it from the one after it."""
        found = _SEGMENT.match(self._raw, self._read)
        return found[0] if found else ""

    async def _segment(self, raw: str) -> list[str]:
        """Judge a sentence and keep it, or not; gives it if it was kept."""
        cited = [
            int(n) for mark in _MARKS.finditer(raw) for n in re.findall(r"\d+", mark["numbers"])
        ]
        if any(number not in {source.number for source in self._sources} for number in cited):
            raise Unusable("cites what it was not given")
        self._cites = self._cites or bool(cited)
        bare = _MARKS.sub("", raw)
        for placeholder in PLACEHOLDER.findall(bare):
            if not self._masking.known(placeholder):
                raise Unusable("names personal data that there is none of")
        text = self._masking.restore(bare)
        if not text.strip():
            self._kept += text if self._kept else ""
            return []
        judged = await self._judged(bare, text, cited)
        if judged.verdict is Verdict.FORBIDDEN:
            raise Unusable(judged.why)
        if judged.verdict is Verdict.UNBACKED:
            self._left_out += 1
            if _STEP.match(raw):
                # Steps are told in their order or not at all.
                raise Unusable("one of its steps is backed by no passage")
            self._kept += _line_end(text) if self._kept and not self._kept.endswith("\n") else ""
            return []
        if judged.source:
            self._backed += 1
            self._quotes.setdefault(judged.source.number, []).append(judged.quote)
        self._kept += text
        return [text]

    async def _judged(self, bare: str, text: str, cited: Sequence[int]) -> Judged:
        # What stands for personal data is nothing that a passage could back.
        weighed = PLACEHOLDER.sub("", bare)
        supports = await self._backing.of(weighed)
        pairs = list(zip(self._sources, supports, strict=True))
        if forbidden := forbidden_in(text, self._sources, self._own):
            return Judged(Verdict.FORBIDDEN, forbidden)
        named = [pair for pair in pairs if pair[0].number in cited]
        judged = judge(weighed, named or pairs)
        if judged.verdict is Verdict.UNBACKED and named:
            # It cites the wrong one; the right one is cited instead.
            judged = judge(weighed, pairs)
        return judged

    def _safe_words(self, raw: str) -> str:
        safe = ""
        if not self._read and (NO_ANSWER.startswith(raw.strip()) or self._thinking()):
            return ""
        for token in re.findall(r"\s*\S+(?=\s)", raw):
            if not self._safe(token):
                break
            safe += token
            if asks_for_secret(safe):
                return ""
        return safe

    def _safe(self, token: str) -> bool:
        if _HELD.search(token) or denies(token):
            return False
        if not numbers_in(token) <= self._numbers:
            return False
        return all(
            word in FUNCTION_WORDS
            or word[0].isdigit()
            or any(stem(word, source.language) in source.words for source in self._sources)
            for word in surface_words(token)
        )


def _line_end(text: str) -> str:
    return "\n" * (len(text) - len(text.rstrip("\n")))


def _one_each(cited: Sequence[Citation]) -> tuple[Citation, ...]:
    """A citation for each article, with all that was quoted of it."""
    by_article: dict[str, Citation] = {}
    for each in cited:
        known = by_article.get(each.article)
        quote = f"{known.quote}\n\n{each.quote}" if known else each.quote
        by_article[each.article] = msgspec.structs.replace(known or each, quote=quote)
    return tuple(by_article.values())
