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
from bot.knowledge.words import FILLERS, terms
from bot.messages import Citation

COVER_WEIGHT = 0.3
"""Of the share of a turn's words that a passage has, beside likeness in meaning."""


def answer(index: Index, views: Views, vectors: Floats, hits: list[Hit], likely: float) -> Answered:
    """Quote the passage of the first article that fits best; or, if that is a brief introduction,
    or the customer named the subject and nothing more, how the article begins."""
    passage = _fitting(index, views, vectors, hits[0].passage)
    begins = passage.id == f"{passage.article}#0"
    brief = begins and count_words(passage.text) < ENOUGH_WORDS
    if brief or says_no_more(views, passage):
        text = quote = opening(index.passages_of(passage.article))
    else:
        quote = _best_of(index, views, vectors, passage)
        text = under_heading(passage, quote)
    return Answered(text, (citation(passage, quote),), tuple(hits), likely)


def citation(passage: Passage, quote: str) -> Citation:
    url = passage.url or f"/articles/{passage.article}"
    return Citation(passage.article, passage.title, url, quote)


def _fitting(index: Index, views: Views, vectors: Floats, first: Passage) -> Passage:
    """The passage of an article that this turn asks for. The turn before, which the article was
    found by as well, counts as far as this one leans on it; words of the
    title tell nothing here."""
    if views.long or not len(vectors):
        return first
    own, before = vectors[: len(views.pieces)], vectors[len(views.pieces) :]
    language = first.language or "en"
    title = {*terms(first.title, language), *FILLERS}
    words = {word: weight for word, weight in views.words.items() if word not in title}

    def fit(passage: Passage) -> float:
        row = index.row_of[passage.id]
        start, end = index.vectors.unit_starts[row], index.vectors.unit_starts[row + 1]
        texts = np.vstack([index.vectors.passages[row], index.vectors.units[start:end]])
        likeness = float((texts @ own.T).max()) if len(own) else 0.0
        if len(before):
            leaning = views.leaning * float((texts @ before.T).max())
            likeness = (1 - views.leaning) * likeness + leaning
        return likeness + COVER_WEIGHT * cover(lexical_text(passage), words, language)

    return max(index.passages_of(first.article), key=fit)


def says_no_more(views: Views, passage: Passage) -> bool:
    """All that was said stands in the title, in these or other words."""
    language = passage.language or "en"
    title = {*terms(passage.title, language), *synonyms(passage.title)}
    said = {word for word in views.words if word not in FILLERS}
    return bool(said) and said <= title and not views.long


def _best_of(index: Index, views: Views, vectors: Floats, passage: Passage) -> str:
    row = index.row_of[passage.id]
    start, end = index.vectors.unit_starts[row], index.vectors.unit_starts[row + 1]
    return choose(
        passage.text,
        index.vectors.units[start:end],
        np.asarray(vectors),
        {**views.context_words, **views.words},
        passage.language or "en",
    )
