"""Decides what ranked passages are good for: an answer, a question back, or "I don't know"."""

import math

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


class Thresholds(msgspec.Struct, frozen=True):
    """The weights of the evidence, and from where it suffices; fitted, see docs/knowledge.md."""

    bias: float = -6.0
    cosine: float = 8.0
    cover: float = 3.0
    code: float = 2.5
    subject: float = 0.5
    unknown: float = -2.0
    answer: float = 0.5
    """Less likely than this that the knowledge answers at all: nothing."""
    margin: float = 0.06
    """A second article nearer to the first than this share of its score: a question back."""


THRESHOLDS = Thresholds()


def evidence(index: Index, views: Views, hits: list[Hit]) -> dict[str, float]:
    """What speaks for the best article, each value about 0 to 1."""
    best = [hit for hit in hits if hit.passage.article == hits[0].passage.article]
    return {
        "cosine": max(hit.parts["cosine"] for hit in best),
        "cover": max(hit.parts["cover"] for hit in best),
        "code": max(hit.parts["code"] for hit in best),
        "subject": hits[0].parts["subject"],
        "unknown": _unknown(index, views),
    }


def _unknown(index: Index, views: Views) -> float:
    """Share of the turn's own words that no passage uses."""
    words = [word for word in views.words if word not in FILLERS]
    return sum(word not in index.vocabulary for word in words) / len(words) if words else 0.0


def confidence(seen: dict[str, float], thresholds: Thresholds = THRESHOLDS) -> float:
    """How likely it is that the knowledge answers, 0 to 1."""
    total = thresholds.bias + sum(getattr(thresholds, name) * value for name, value in seen.items())
    return 1 / (1 + math.exp(-total))


def decide(
    index: Index,
    query: Query,
    views: Views,
    vectors: Floats,
    hits: list[Hit],
    thresholds: Thresholds = THRESHOLDS,
) -> Finding:
    """`hits` are the best passages, best first; `vectors` belong to `views.texts`."""
    if not hits:
        return Nothing((), 0.0)
    named = _named_outright(query, hits)
    if named:
        return answer(index, views, vectors, named, 1.0)
    likely = confidence(evidence(index, views, hits), thresholds)
    if likely < thresholds.answer:
        return Nothing(tuple(hits), likely)
    rivals = _rivals(hits, thresholds.margin)
    if len(rivals) > 1:
        return Competing(tuple(rivals), tuple(hits), likely)
    return answer(index, views, vectors, hits, likely)


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


def _rivals(hits: list[Hit], margin: float) -> list[Option]:
    """The articles within `margin` of the best, if a code or the subject does not decide."""
    best = hits[0]
    options: dict[ArticleId, Option] = {}
    for hit in hits:
        if hit.score < best.score * (1 - margin):
            break
        if hit.parts["code"] < best.parts["code"]:
            continue
        options.setdefault(hit.passage.article, Option(hit.passage.title, hit.passage.article))
    return list(options.values())[:OPTIONS]


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
