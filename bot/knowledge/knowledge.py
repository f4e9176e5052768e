"""The knowledge of a desk: an index, its encoder, and the questions that may be put to it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import msgspec
import numpy as np

from bot.knowledge.consult import Finding, decide
from bot.knowledge.index import Floats, Index
from bot.knowledge.query import Query, Views, views
from bot.knowledge.search import Hit, rank
from bot.knowledge.spelling import KnowsWords, Spelling
from bot.knowledge.subjects import Subjects
from bot.messages import ArticleId
from bot.trace import step
from models.batching import Batcher
from models.text_encoder import TextEncoder

T = TypeVar("T")

CONSULTED = 12
"""Passages that a decision looks at."""
INLINE_PASSAGES = 2_000
"""Up to this many a search takes about a millisecond and runs on the event loop; a larger one
runs in a thread."""
ENCODER_BATCH_TEXTS = 16


class ArticlePage(msgspec.Struct, frozen=True):
    """An article to be shown."""

    id: ArticleId
    title: str
    markdown: str
    url: str
    language: str


class Knowledge:
    """Search and consult. Belongs to one event loop; close it with `close()`."""

    def __init__(self, index: Index, encoder: TextEncoder) -> None:
        self.index = index
        self._subjects = Subjects(index)
        if isinstance(encoder, KnowsWords):
            self._spelling = Spelling(index.surface, encoder.familiar)
        else:
            self._spelling = Spelling(index.surface)
        self._encoder: Batcher[str, Floats] = Batcher(
            encoder.encode, max_batch=ENCODER_BATCH_TEXTS, name="text-encoder"
        )

    @classmethod
    def open(cls, folder: Path, encoder: TextEncoder) -> Self:
        """Load the index that `ingest` wrote.

        Raises `OperatorError` if there is none, or if another encoder made it.
        """
        index = Index.load(folder)
        index.require_encoder(encoder.name)
        return cls(index, encoder)

    async def close(self) -> None:
        """Stop the encoder's thread."""
        await self._encoder.close()

    async def search(self, query: Query, limit: int = 10) -> list[Hit]:
        """The passages that fit best, best first."""
        seen, vectors = await self._read(query)
        return await self._run(lambda: self._rank(query, seen, vectors, limit))

    async def consult(self, query: Query) -> Finding:
        """What to answer: a quotation, a question back, or nothing."""
        seen, vectors = await self._read(query)

        def find() -> Finding:
            hits = self._rank(query, seen, vectors, CONSULTED)
            return decide(self.index, query, seen, vectors, hits)

        return await self._run(find)

    def article(self, article: ArticleId) -> ArticlePage | None:
        """An article as a page, put together from its passages."""
        passages = [p for p in self.index.passages if p.article == article]
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

    async def _read(self, query: Query) -> tuple[Views, Floats]:
        seen = views(query, self._spelling)
        with step("encode"):
            encoded = await asyncio.gather(*(self._encoder.run(text) for text in seen.texts))
        empty = np.zeros((0, self.index.vectors.shape[1]), np.float32)
        return seen, np.stack(encoded) if encoded else empty

    def _rank(self, query: Query, seen: Views, vectors: Floats, limit: int) -> list[Hit]:
        return rank(self.index, self._subjects, query, seen, vectors, limit)

    async def _run(self, work: Callable[[], T]) -> T:
        if len(self.index.passages) <= INLINE_PASSAGES:
            return work()
        return await asyncio.to_thread(work)
