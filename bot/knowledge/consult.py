"""Decides what ranked passages are good for: an answer, a question back, or "I don't know"."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from bot.knowledge.index import Floats, Index
from bot.knowledge.query import Query, Views
from bot.knowledge.quote import choose
from bot.knowledge.search import Hit
from bot.knowledge.words import FILLERS, stem, surface_words
from bot.messages import ArticleId, Citation

OPTIONS = 3


class Option(msgspec.Struct, frozen=True):
    """One of the articles that compete."""

    title: str
    article: ArticleId


class Answered(msgspec.Struct, frozen=True):
    """The knowledge answers: `text` (Markdown) quotes what `citations` name."""

    text: str
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    confidence: float


class Competing(msgspec.Struct, frozen=True):
    """Two or three articles fit about as well."""

    options: tuple[Option, ...]
    hits: tuple[Hit, ...]
    confidence: float


class Nothing(msgspec.Struct, frozen=True):
    """No article answers."""

    hits: tuple[Hit, ...]
    confidence: float


Finding = Answered | Competing | Nothing


class Evidence(msgspec.Struct, frozen=True):
    """What speaks for the best article, each value about 0 to 1."""

    cosine: float
    """Likeness in meaning of its best part."""
    words: float
    """Share of the query's rarity that it holds, synonyms counted."""
    code: float
    """1 if it has a code that was asked about."""
    subject: float
    unknown: float
    """Share of the turn's own words that no article uses."""
    lead: float
    """How far it is ahead of the second article, in score."""


class Model(msgspec.Struct, frozen=True):
    """A logistic regression over `Evidence`."""

    bias: float
    weights: tuple[float, ...]
    """In the order of the fields of `Evidence`."""

    def probability(self, seen: Evidence) -> float:
        values = msgspec.structs.astuple(seen)
        total = sum(w * v for w, v in zip(self.weights, values, strict=True))
        return 1 / (1 + math.exp(-self.bias - total))


class Judgement(msgspec.Struct, frozen=True):
    """From which evidence on the desk speaks. Found by `benchmarks/retrieval_weights.py`."""

    inside: Model
    """Is it about the business at all?"""
    right: Model
    """Is the best article the right one?"""
    least_inside: float
    """Less likely inside than this: nothing."""
    least_right: float
    """Less likely right than this: a question back."""


JUDGEMENT = Judgement(
    inside=Model(-2.28, (8.31, -0.12, 0.67, 2.44, -3.11, 1.67)),
    right=Model(-2.68, (7.09, 0.79, 0.68, 0.28, -3.11, 3.03)),
    least_inside=0.66,
    least_right=0.79,
)


def evidence(index: Index, views: Views, hits: Sequence[Hit]) -> Evidence:
    """`hits`: best first, at least one."""
    best = [hit for hit in hits if hit.passage.article == hits[0].passage.article]
    others = [hit.score for hit in hits if hit.passage.article != hits[0].passage.article]
    return Evidence(
        cosine=max(hit.parts["cosine"] for hit in best),
        words=max(hit.parts["words"] for hit in best),
        code=max(hit.parts["code"] for hit in best),
        subject=hits[0].parts["subject"],
        unknown=_unknown(index, views),
        lead=hits[0].score - others[0] if others else 0.5,
    )


def _unknown(index: Index, views: Views) -> float:
    words = [word for word in views.words if word not in FILLERS]
    return sum(word not in index.vocabulary for word in words) / len(words) if words else 0.0


def decide(
    index: Index,
    query: Query,
    views: Views,
    vectors: Floats,
    hits: list[Hit],
    judgement: Judgement = JUDGEMENT,
) -> Finding:
    """`hits` are the best passages, best first; `vectors` belong to `views.texts`."""
    if not hits:
        return Nothing((), 0.0)
    if named := _named_outright(query, hits):
        return answer(index, views, vectors, named, 1.0)
    seen = evidence(index, views, hits)
    inside = judgement.inside.probability(seen)
    if inside < judgement.least_inside:
        return Nothing(tuple(hits), inside)
    right = judgement.right.probability(seen)
    options = _options(hits)
    if right < judgement.least_right and len(options) > 1:
        return Competing(options, tuple(hits), right)
    return answer(index, views, vectors, hits, right)


def _named_outright(query: Query, hits: list[Hit]) -> list[Hit]:
    """The hits, those of the article first whose title is all that the customer wrote: they took
    up an offer."""
    wanted = [stem(word) for word in surface_words(query.words)]
    article = next(
        (
            h.passage.article
            for h in hits
            if [stem(w) for w in surface_words(h.passage.title)] == wanted
        ),
        None,
    )
    if article is None:
        return []
    return sorted(hits, key=lambda hit: hit.passage.article != article)


def _options(hits: Sequence[Hit]) -> tuple[Option, ...]:
    """The best articles; only those that have the code, if the best has one that was asked for."""
    code = hits[0].parts["code"]
    options = {
        hit.passage.article: Option(hit.passage.title, hit.passage.article)
        for hit in hits
        if hit.parts["code"] >= code
    }
    return tuple(options.values())[:OPTIONS]


def answer(index: Index, views: Views, vectors: Floats, hits: list[Hit], likely: float) -> Answered:
    """Quote the first hit."""
    passage = hits[0].passage
    row = index.row_of[passage.id]
    start, end = index.unit_starts[row], index.unit_starts[row + 1]
    quote = choose(
        passage.text,
        index.unit_vectors[start:end],
        np.asarray(vectors),
        {**views.context_words, **views.words},
        passage.language or "en",
    )
    heading = passage.headings[-1] if passage.headings else ""
    text = f"**{heading}**\n\n{quote}" if heading else quote
    url = passage.url or f"/articles/{passage.article}"
    citation = Citation(passage.article, passage.title, url, quote)
    return Answered(text, (citation,), tuple(hits), likely)
