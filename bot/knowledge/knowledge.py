"""The knowledge of a desk: an index, its encoder, and the questions that may be put to it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import msgspec
import numpy as np

from bot.errors import OperatorError
from bot.knowledge.answer import answer
from bot.knowledge.article import Passage, article_named
from bot.knowledge.backing import Backing
from bot.knowledge.compounds import Compounds
from bot.knowledge.consult import decide
from bot.knowledge.finding import Answered, Finding
from bot.knowledge.index import Floats, Index, semantic_text, written_at
from bot.knowledge.query import Query, Views, views
from bot.knowledge.quote import unit_texts
from bot.knowledge.search import Hit, rank
from bot.knowledge.spelling import KnowsWords, Spelling
from bot.knowledge.subjects import Subjects
from bot.messages import ArticleId
from bot.trace import step
from models.batching import Batcher
from models.text_encoder import KnowsLanguages, TextEncoder

log = logging.getLogger(__name__)

T = TypeVar("T")

CONSULTED = 12
"""Passages that a decision looks at."""
INLINE_PASSAGES = 2_000
"""Up to this many a search takes about a millisecond and runs on the event loop; a larger one
runs in a thread."""
ENCODER_BATCH_TEXTS = 16
_LOOK_EVERY_S = 1.0


class ArticlePage(msgspec.Struct, frozen=True):
    """An article to be shown."""

    id: ArticleId
    title: str
    markdown: str
    url: str
    language: str


@dataclass(frozen=True)
class _Learned:
    """One generation of the index, with what is derived from it."""

    index: Index
    subjects: Subjects
    spelling: Spelling
    compounds: Compounds
    languages: set[str] = field(default_factory=set)
    """Those that a question was read in."""

    @classmethod
    def of(cls, index: Index, encoder: TextEncoder) -> Self:
        if isinstance(encoder, KnowsWords):
            spelling = Spelling(index.surface, encoder.familiar)
        else:
            spelling = Spelling(index.surface)
        return cls(index, Subjects(index), spelling, Compounds(index.surface))


class Knowledge:
    """Search and consult. Belongs to one event loop; close it with `close()`."""

    def __init__(self, index: Index, encoder: TextEncoder, *, written: int = 0) -> None:
        """`written`: see `index.written_at`; `follow` looks for another."""
        self._learned = _Learned.of(index, encoder)
        self._written = written
        self._encoder = encoder
        self._batcher: Batcher[str, Floats] = Batcher(
            encoder.encode_queries, max_batch=ENCODER_BATCH_TEXTS, name="text-encoder"
        )

    @classmethod
    def open(cls, folder: Path, encoder: TextEncoder) -> Self:
        """Load the index that `ingest` wrote.

        Raises `OperatorError` if there is none, or if another encoder made it.
        """
        written = written_at(folder)
        return cls(_load(folder, encoder), encoder, written=written)

    @property
    def index(self) -> Index:
        """The generation in use."""
        return self._learned.index

    def familiar(self, word: str) -> bool:
        """Whether the encoder knows a lower-case word as a common one; False where it cannot
        tell."""
        encoder = self._encoder
        return isinstance(encoder, KnowsWords) and encoder.familiar(word)

    async def follow(self, folder: Path) -> None:
        """Use each new generation of the index from when it is written, until cancelled. One that
        cannot be read is logged, and the former stays in use."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            written = written_at(folder)
            if written in (self._written, 0):
                continue
            self._written = written
            try:
                index = await asyncio.to_thread(_load, folder, self._encoder)
                learned = await asyncio.to_thread(_Learned.of, index, self._encoder)
            except OperatorError as error:
                log.warning("knowledge.not_renewed", extra={"reason": str(error)})
            else:
                self._learned = learned
                log.info("knowledge.renewed", extra={"articles": len(index.articles)})

    async def close(self) -> None:
        """Stop the encoder's thread."""
        await self._batcher.close()

    async def search(self, query: Query, limit: int = 10) -> list[Hit]:
        """The passages that fit best, best first."""
        learned = self._learned
        seen, vectors = await self._read(query, learned)
        return await _run(learned, lambda: _rank(learned, query, seen, vectors, limit))

    async def consult(self, query: Query) -> Finding:
        """What to answer: a quotation, a question back, or nothing."""
        learned = self._learned
        seen, vectors = await self._read(query, learned)

        def find() -> Finding:
            hits = _rank(learned, query, seen, vectors, CONSULTED)
            return decide(learned.index, query, seen, vectors, hits)

        return await _run(learned, find)

    async def quote(self, named: str, query: Query) -> Answered | None:
        """What the article of this path or id says to a query, whichever others fit better; None if
        there is none."""
        learned = self._learned
        article = article_named(named, learned.index.articles)
        if article is None:
            return None
        passages = learned.index.passages_of(article)
        seen, vectors = await self._read(query, learned)

        def find() -> Answered:
            hits = _rank(learned, query, seen, vectors, len(learned.index.passages))
            own = [hit for hit in hits if hit.passage.article == article]
            return answer(learned.index, seen, vectors, own or [Hit(passages[0], 0.0, {})], 1.0)

        return await _run(learned, find)

    async def backing(self, passages: Sequence[Passage]) -> Backing:
        """Passages to compare sentences with. Those that were shortened since they were found are
        encoded anew."""
        index = self.index
        found = await asyncio.gather(*(self._vectors_of(index, each) for each in passages))
        units, wholes = zip(*found, strict=True) if found else ((), ())
        return Backing(passages, units, np.array(wholes), self._batcher.run)

    async def _vectors_of(self, index: Index, passage: Passage) -> tuple[Floats, Floats]:
        """Of its units, and of itself."""
        row = index.row_of.get(passage.id)
        if row is not None and index.passages[row] == passage:
            start, end = index.vectors.unit_starts[row], index.vectors.unit_starts[row + 1]
            return index.vectors.units[start:end], index.vectors.passages[row]
        whole, *units = await asyncio.gather(
            *(self._batcher.run(text) for text in (semantic_text(passage), *unit_texts(passage)))
        )
        return np.array(units, np.float32).reshape(-1, len(whole)), whole

    def article(self, article: ArticleId) -> ArticlePage | None:
        """An article as a page, put together from its passages."""
        passages = self.index.passages_of(article)
        if not passages:
            return None
        parts: list[str] = []
        above: tuple[str, ...] = ()
        for passage in passages:
            for depth, heading in enumerate(passage.headings):
                if above[: depth + 1] != passage.headings[: depth + 1]:
                    parts.append("#" * min(depth + 2, 6) + f" {heading}")
            above = passage.headings
            parts.append(passage.text)
        first = passages[0]
        return ArticlePage(article, first.title, "\n\n".join(parts), first.url, first.language)

    async def _read(self, query: Query, learned: _Learned) -> tuple[Views, Floats]:
        read = partial(
            views,
            query,
            learned.spelling,
            learned.subjects.without_names,
            learned.compounds,
            by_meaning=_knows(self._encoder, query.language)
            or not learned.index.written_in(query.language).any(),
        )
        if query.language in learned.languages:
            seen = await _run(learned, read)
        else:  # the first one stems all words that there are, and may load a dictionary
            seen = await asyncio.to_thread(read)
            learned.languages.add(query.language)
        with step("encode"):
            encoded = await asyncio.gather(*(self._batcher.run(text) for text in seen.texts))
        empty = np.zeros((0, learned.index.vectors.passages.shape[1]), np.float32)
        return seen, np.stack(encoded) if encoded else empty


def _knows(encoder: TextEncoder, language: str) -> bool:
    return not isinstance(encoder, KnowsLanguages) or language[:2] in encoder.languages


def _load(folder: Path, encoder: TextEncoder) -> Index:
    index = Index.load(folder)
    index.require_encoder(encoder.name)
    return index


def _rank(learned: _Learned, query: Query, seen: Views, vectors: Floats, limit: int) -> list[Hit]:
    return rank(learned.index, learned.subjects, query, seen, vectors, limit)


async def _run(learned: _Learned, work: Callable[[], T]) -> T:
    if len(learned.index.passages) <= INLINE_PASSAGES:
        return work()
    return await asyncio.to_thread(work)
