"""From the article that was found to what is quoted of it."""

import numpy as np

from bot.knowledge.article import Passage
from bot.knowledge.finding import Answered
from bot.knowledge.index import Floats, Index, lexical_text
from bot.knowledge.passages import count_words
from bot.knowledge.query import Views
from bot.knowledge.quote import ENOUGH_WORDS, choose, cover, opening, under_heading
from bot.knowledge.search import Hit
from bot.knowledge.synonyms import synonyms
from bot.knowledge.words import terms
from bot.messages import Citation

COVER_WEIGHT = 0.3
"""Of the share of a turn's words that a passage has, beside likeness in meaning."""

AS_WELL = 0.95
"""A passage is quoted beside the best one if it fits so well in proportion to it."""
BOTH_WORDS = 130
"""And if both together are no longer."""


def answer(index: Index, views: Views, vectors: Floats, hits: list[Hit], likely: float) -> Answered:
    """Quote what fits best of the first article; or, if that is a brief introduction, or the
    customer named the subject and nothing more, how the article begins."""
    passages = _fitting(index, views, vectors, hits[0].passage)
    first = passages[0]
    brief = first.id == f"{first.article}#0" and count_words(first.text) < ENOUGH_WORDS
    if brief or says_no_more(views, first):
        quotes = [opening(index.passages_of(first.article))]
        text = quotes[0]
    else:
        quotes = [_best_of(index, views, vectors, passage) for passage in passages]
        text = "\n\n".join(map(under_heading, passages, quotes))
    return Answered(text, (citation(first, "\n\n".join(quotes)),), tuple(hits), likely)


def citation(passage: Passage, quote: str) -> Citation:
    url = passage.url or f"/articles/{passage.article}"
    return Citation(passage.article, passage.title, url, quote)


def _fitting(index: Index, views: Views, vectors: Floats, first: Passage) -> tuple[Passage, ...]:
    """The passages of an article that this turn asks for, in reading order: the one that fits best,
    and another that fits as well, if both are short.

    The turn before, which the article was found by as well, counts as far as this one leans on it.
    Words of the title tell nothing here.
    """
    if views.long:
        return (first,)
    own, before = vectors[: len(views.pieces)], vectors[len(views.pieces) :]
    language = first.language or "en"
    own_words = views.telling.difference(terms(first.title, language))
    words = {word: weight for word, weight in views.words.items() if word in own_words}

    def fit(passage: Passage) -> float:
        row = index.row_of[passage.id]
        start, end = index.vectors.unit_starts[row], index.vectors.unit_starts[row + 1]
        texts = np.vstack([index.vectors.passages[row], index.vectors.units[start:end]])
        likeness = float((texts @ own.T).max()) if len(own) else 0.0
        if len(before):
            leaning = views.leaning * float((texts @ before.T).max())
            likeness = (1 - views.leaning) * likeness + leaning
        return likeness + COVER_WEIGHT * cover(lexical_text(passage), words, language)

    fits = {passage: fit(passage) for passage in index.passages_of(first.article)}
    best, *others = sorted(fits, key=lambda passage: -fits[passage])
    if not others or fits[others[0]] < AS_WELL * fits[best]:
        return (best,)
    both = (best, others[0])
    if sum(count_words(passage.text) for passage in both) > BOTH_WORDS:
        return (best,)
    return tuple(sorted(both, key=lambda passage: index.row_of[passage.id]))


def says_no_more(views: Views, passage: Passage) -> bool:
    """All that was said stands in the title, in these or other words."""
    language = passage.language or "en"
    title = {*terms(passage.title, language), *synonyms(passage.title, language)}
    return bool(views.telling) and views.telling <= title and not views.long


def _best_of(index: Index, views: Views, vectors: Floats, passage: Passage) -> str:
    row = index.row_of[passage.id]
    start, end = index.vectors.unit_starts[row], index.vectors.unit_starts[row + 1]
    return choose(
        passage.text,
        index.vectors.units[start:end],
        np.asarray(vectors),
        {w: views.leaning * v for w, v in views.context_words.items()} | views.words,
        passage.language or "en",
    )
