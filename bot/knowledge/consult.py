"""Decides what ranked passages are good for: an answer, a question back, or "I don't know"."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from bot.knowledge.answer import answer, citation, says_no_more
from bot.knowledge.by_words import WordEvidence, word_evidence
from bot.knowledge.finding import Answered, Competing, Finding, Nothing, Option
from bot.knowledge.index import Floats, Index, lexical_text
from bot.knowledge.query import Query, Views
from bot.knowledge.quote import opening
from bot.knowledge.search import Hit
from bot.knowledge.words import stem, surface_words, terms
from bot.messages import ArticleId

OPTIONS = 3
SAME_QUESTION = 0.85
"""Likeness in meaning of two ways to ask the same."""
CLEAR_LEAD = 0.08
"""Of articles whose titles say alike what was said, one is answered from if what is asked about it
is so much nearer in meaning."""


class Evidence(msgspec.Struct, frozen=True):
    """What speaks for the best article, each value about 0 to 1."""

    cosine: float
    """Likeness in meaning of its best part."""
    asked: float
    """Likeness in meaning of a customer's question that it is known to answer, or of its title."""
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
    """A logistic regression over `Evidence` or `WordEvidence`."""

    bias: float
    weights: tuple[float, ...]
    """In the order of their fields."""

    def probability(self, seen: Evidence | WordEvidence) -> float:
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
    inside=Model(-3.10, (5.27, 4.92, -0.71, 1.35, 1.92, -2.67, -0.36)),
    right=Model(-2.76, (3.29, 0.87, 1.49, 0.95, 1.11, -1.89, 2.73)),
    least_inside=0.68,
    least_right=0.59,
)

JUDGEMENT_BY_WORDS = Judgement(
    inside=Model(-4.06, (1.35, 2.71, -1.47, 0.58, 1.19, 2.73)),
    right=Model(-2.99, (2.05, 0.72, 0.58, 3.13, 1.46, 0.48)),
    least_inside=0.22,
    least_right=0.69,
)
"""For languages that the encoder does not know: the desk asks back more often."""


def evidence(index: Index, views: Views, hits: Sequence[Hit]) -> Evidence:
    """`hits`: best first, at least one."""
    best = [hit for hit in hits if hit.passage.article == hits[0].passage.article]
    others = [hit.score for hit in hits if hit.passage.article != hits[0].passage.article]
    return Evidence(
        cosine=max(hit.parts["cosine"] for hit in best),
        asked=hits[0].parts["asked"],
        words=max(hit.parts["words"] for hit in best),
        code=max(hit.parts["code"] for hit in best),
        subject=hits[0].parts["subject"],
        unknown=_unknown(index, views),
        lead=hits[0].score - others[0] if others else 0.5,
    )


def _unknown(index: Index, views: Views) -> float:
    words = views.telling
    return sum(word not in index.vocabulary for word in words) / len(words) if words else 0.0


def decide(
    index: Index,
    query: Query,
    views: Views,
    vectors: Floats,
    hits: list[Hit],
) -> Finding:
    """`hits` are the best passages, best first; `vectors` belong to `views.texts`. Without any, it
    is judged by words."""
    if asked := index.asked_outright(query.words):
        return _asked_outright(index, asked, hits)
    if not hits:
        return Nothing((), 0.0)
    if named := _named_outright(query, hits):
        return answer(index, views, vectors, named, 1.0)
    if several := _named_alike(views, hits):
        return Competing(_options(several), tuple(hits), 0.5)
    if len(vectors) and _asked_nearly(index, query, views, vectors, hits):
        return answer(index, views, vectors, hits, hits[0].parts["asked"])
    seen: Evidence | WordEvidence
    if len(vectors):
        seen, judgement = evidence(index, views, hits), JUDGEMENT
    else:
        seen, judgement = word_evidence(index, views, hits), JUDGEMENT_BY_WORDS
    inside = judgement.inside.probability(seen)
    if inside < judgement.least_inside:
        return Nothing(tuple(hits), inside)
    right = judgement.right.probability(seen)
    options = _options(hits)
    if right < judgement.least_right and len(options) > 1:
        return Competing(options, tuple(hits), right)
    return answer(index, views, vectors, hits, right)


def _asked_outright(index: Index, articles: list[ArticleId], hits: list[Hit]) -> Finding:
    """A question that the business itself has put to its articles, in whatever language: it needs
    no judgement."""
    openings = [index.passages_of(article) for article in articles]
    if len(openings) > 1:
        options = tuple(Option(p[0].title, p[0].article) for p in openings[:OPTIONS])
        return Competing(options, tuple(hits), 1.0)
    (passages,) = openings
    quote = opening(passages)
    return Answered(quote, (citation(passages[0], quote),), tuple(hits), 1.0)


def _named_outright(query: Query, hits: list[Hit]) -> list[Hit]:
    """The hits, those of the article first whose title is all that the customer wrote: they took
    up an offer."""
    language = query.language
    wanted = [stem(word, language) for word in surface_words(query.words)]
    article = next(
        (
            h.passage.article
            for h in hits
            if [stem(w, language) for w in surface_words(h.passage.title)] == wanted
        ),
        None,
    )
    if article is None:
        return []
    return sorted(hits, key=lambda hit: hit.passage.article != article)


def _named_alike(views: Views, hits: list[Hit]) -> list[Hit]:
    """The hits whose titles hold all that was said, if the best is but one of several articles:
    "my payment was declined" names each of the reasons."""
    best = hits[0]
    if not says_no_more(views, best.passage):
        return []
    named = [hit for hit in hits if says_no_more(views, hit.passage)]
    rivals = [hit for hit in named if hit.passage.article != best.passage.article]
    near = any(best.parts["asked"] - rival.parts["asked"] < CLEAR_LEAD for rival in rivals)
    return named if near else []


def _asked_nearly(
    index: Index, query: Query, views: Views, vectors: Floats, hits: list[Hit]
) -> bool:
    """The first article is known to answer nearly the same question, no other is, and no word of
    the turn is foreign to both: "delivery to Sweden" is near "delivery to Norway", not the same."""
    best = hits[0]
    article = best.passage.article
    others = [h.parts["asked"] for h in hits if h.passage.article != article]
    if (
        best.parts["asked"] < SAME_QUESTION
        or best.parts["asked"] - max(others, default=0.0) < CLEAR_LEAD
    ):
        return False
    rows = np.flatnonzero(index.asked_of == index.number_of[article])
    likeness = (index.vectors.asked[rows] @ vectors[: len(views.pieces)].T).max(axis=1)
    nearest = [index.asked[rows[likeness.argmax()]].question] if len(rows) else []
    texts = " ".join([*nearest, *map(lexical_text, index.passages_of(article))])
    return views.telling <= set(terms(texts, query.language))


def _options(hits: Sequence[Hit]) -> tuple[Option, ...]:
    """The best articles; only those that have the code, if the best has one that was asked for."""
    code = hits[0].parts["code"]
    options = {
        hit.passage.article: Option(hit.passage.title, hit.passage.article)
        for hit in hits
        if hit.parts["code"] >= code
    }
    return tuple(options.values())[:OPTIONS]
