"""Ranks passages: words, meaning, codes, and what the conversation is about, in one score.

Pure numpy over an `Index`; the encoder's vectors come in as an argument.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from bot.knowledge.article import Passage
from bot.knowledge.index import Floats, Index, Postings
from bot.knowledge.probe import read_probe
from bot.knowledge.query import Query, Views, points_back
from bot.knowledge.subjects import Subjects
from bot.knowledge.synonyms import SYNONYM_WEIGHT

UNITS_FOR_PASSAGES = 1_000
"""So many passages have their sentences compared one by one."""


class Weights(msgspec.Struct, frozen=True):
    """How the parts of a score are put together; see docs/knowledge.md for how they were found."""

    words: float = 0.4
    passage: float = 0.5
    unit: float = 0.5
    """The sentence, step or row that fits best."""
    title: float = 0.2
    article: float = 0.25
    asked: float = 0.5
    """The customers' question that fits best, where there are any at all; an article without one
    counts its title as one."""
    probe: float = 1
    words_long: float = 2.0
    """For turns that are looked up piece by piece, beside a meaning of 1."""
    sharpness: float = 3.0
    """Power of a cosine there: how much the pieces that fit best outweigh the others."""
    subject: float = 0.7
    subject_alone: float = 0.8
    """How much of it is left for a turn that points back at nothing."""
    subject_left: float = 0.2
    """How much is left once the turn names something else."""
    elsewhere: float = 0.7
    """What an article about another place than the one that was named loses."""
    language: float = 0.4
    """What an article in the customer's language has over others."""
    code: float = 0.5
    desk: float = 1.0
    customer: float = 0.4
    fading: float = 0.85
    """Weight of a turn relative to the one after it."""


class Hit(msgspec.Struct, frozen=True):
    """A passage that was found."""

    passage: Passage
    score: float
    parts: dict[str, float]
    """`words`, `meaning`, `subject`, `code`: what made the score, before weighting; `cosine`,
    `asked` and `cover`, which do not depend on the other passages."""


def rank(
    index: Index,
    subjects: Subjects,
    query: Query,
    views: Views,
    vectors: Floats,
    limit: int,
    weights: Weights = Weights(),
) -> list[Hit]:
    """The best passages, best first. `vectors` has one row for each of `views.texts`."""
    if not index.passages or not (views.words or len(vectors)):
        return []
    words, cover = _words(index, views)
    meaning = _meaning(index, views, vectors, weights)
    subject = _subject(index, subjects, query, weights, long=views.long)
    code = _code(index, views)
    score = (
        (weights.words_long if views.long else weights.words) * words
        + meaning.weighted
        + weights.subject * subject
        + weights.code * code
        + weights.language * index.written_in(query.language)
        - weights.elsewhere * subjects.elsewhere(query.words)[index.article_of]
    )
    best = _largest(score, limit)
    return [
        Hit(
            index.passages[n],
            float(score[n]),
            {
                "words": float(words[n]),
                "meaning": float(meaning.weighted[n]),
                "subject": float(subject[n]),
                "code": float(code[n]),
                "cosine": float(meaning.cosine[n]),
                "asked": float(meaning.asked[n]),
                "cover": float(cover[n]),
            },
        )
        for n in best.tolist()
    ]


def _words(index: Index, views: Views) -> tuple[Floats, Floats]:
    """For each passage how much of the query its article holds, by rarity: a mean of both, with
    synonyms and the turn before; and the cover of the turn's own words alone."""
    own, ideal = _bm25(index.postings, index, views.words, len(index.passages))
    cover = np.asarray(own / (ideal or 1.0), np.float32)
    if views.long:
        return _share(own), cover
    said = {**dict.fromkeys(views.synonyms, SYNONYM_WEIGHT), **views.words}
    for word, weight in views.context_words.items():
        # The turn before counts as far as this one leans on it.
        said.setdefault(word, views.leaning * weight)
    passages, most = _bm25(index.postings, index, said, len(index.passages))
    articles, most_of_articles = _bm25(index.article_postings, index, said, len(index.articles))
    whole = (articles / (most_of_articles or 1.0))[index.article_of]
    return np.asarray((whole + passages / (most or 1.0)) / 2, np.float32), cover


def _bm25(
    postings: Postings, index: Index, words: Mapping[str, float], documents: int
) -> tuple[Floats, float]:
    """The score of each document, and what one with the best of every word would have."""
    scores = np.zeros(documents, np.float32)
    ideal = 0.0
    for word, weight in words.items():
        if (term := index.vocabulary.get(word)) is not None:
            posted, values = postings.of(term)
            scores[posted] += weight * values
            ideal += weight * float(values.max())
    return scores, ideal


class _Meaning(NamedTuple):
    """Likeness in meaning, of each passage."""

    weighted: Floats
    """Of all parts together."""
    cosine: Floats
    """Of the passage or its best unit."""
    asked: Floats
    """Of the question its article is known to answer."""


def _meaning(index: Index, views: Views, vectors: Floats, weights: Weights) -> _Meaning:
    own = vectors[: len(views.pieces)]
    if views.long and len(own):
        passage = _mean_power(index.vectors.passages @ own.T, weights.sharpness)
        return _Meaning(_share(passage) ** weights.sharpness, passage, passage)
    if not len(vectors):
        nothing = np.zeros(len(index.passages), np.float32)
        return _Meaning(nothing, nothing, nothing)
    now = _likeness(index, own, weights)
    if not views.context:
        return now
    before = _likeness(index, vectors[len(views.pieces) :], weights)
    return _Meaning(
        (1 - views.leaning) * now.weighted + views.leaning * before.weighted,
        np.maximum(now.cosine, views.leaning * before.cosine),
        np.maximum(now.asked, views.leaning * before.asked),
    )


def _likeness(index: Index, texts: Floats, weights: Weights) -> _Meaning:
    """To a passage, its best unit, its article, the article's title and what is asked about it;
    and what the probe says of the article."""
    power = weights.sharpness
    passage = _mean_power(index.vectors.passages @ texts.T, power)
    unit = _best_units(index, texts, passage, power)
    title = _mean_power(index.vectors.titles @ texts.T, power)
    asked = title.copy()
    np.maximum.at(asked, index.asked_of, _mean_power(index.vectors.asked @ texts.T, power))
    article = _mean_power(index.vectors.articles @ texts.T, power)
    probe = _mean_power(read_probe(index.vectors.probe, texts), power)
    whole = (
        weights.title * title
        + (weights.asked * asked if index.asked else 0.0)
        + weights.article * article
        + weights.probe * probe
    )
    return _Meaning(
        weights.passage * passage + weights.unit * unit + whole[index.article_of],
        np.maximum(passage, unit),
        asked[index.article_of],
    )


def _mean_power(cosines: Floats, power: float) -> Floats:
    """(n, pieces) to (n): one good piece counts more than several middling ones."""
    cosines = np.maximum(cosines, 0.0)
    if cosines.shape[1] == 1:
        return cosines[:, 0]
    return np.asarray(np.mean(cosines**power, axis=1) ** (1 / power), np.float32)


def _best_units(index: Index, own: Floats, passage: Floats, power: float) -> Floats:
    """For each passage the cosine of its best unit; its own where it has none, and where it is
    too far off to matter in a large index."""
    best = passage.copy()
    near = len(passage) > UNITS_FOR_PASSAGES
    rows = _largest(passage, UNITS_FOR_PASSAGES) if near else np.arange(len(passage))
    starts, ends = index.vectors.unit_starts[rows], index.vectors.unit_starts[rows + 1]
    rows, starts, ends = rows[ends > starts], starts[ends > starts], ends[ends > starts]
    if not len(rows):
        return best
    if near:
        units = np.concatenate([np.arange(s, e) for s, e in zip(starts, ends, strict=True)])
        vectors = index.vectors.units[units]
        starts = np.concatenate([[0], np.cumsum(ends - starts)[:-1]])
    else:
        vectors = index.vectors.units  # copies nothing
    best[rows] = np.maximum.reduceat(_mean_power(vectors @ own.T, power), starts)
    return best


def _subject(
    index: Index, subjects: Subjects, query: Query, weights: Weights, *, long: bool
) -> Floats:
    """1 for passages of the article that the conversation was about, less for others named.

    What this turn names is left to words and meaning, unless it is long enough to be a history.
    """
    turns = [
        (
            turn.text,
            (weights.desk if turn.who == "desk" else weights.customer)
            * weights.fading ** (len(query.history) - place),
        )
        for place, turn in enumerate(query.history)
        if not turn.article
    ]
    if long:
        turns.append((query.words, weights.customer))
    if not query.history and not turns:
        return np.zeros(len(index.passages), np.float32)
    carried = _share(
        subjects.weigh(turns, query.language) + _cited(index, query, weights), least=0.25
    )
    if not long:
        carried = carried * (
            1.0 if points_back(query.words, query.language) else weights.subject_alone
        )
        now = subjects.newly_named(query.words, query.language)
        if now.any():
            # The turn turns to something else: "and in Norway?"
            left = weights.subject_left * carried
            carried = np.where(now > 0, np.maximum(carried, now), left)
    return np.asarray(carried[index.article_of], np.float32)


def _cited(index: Index, query: Query, weights: Weights) -> Floats:
    """What the desk answered from, one value per article; the last answer counts most. Of such a
    turn the citation says what it was about, and its words are not searched for names."""
    cited = np.zeros(len(index.articles), np.float32)
    for place, turn in enumerate(query.history):
        if (number := index.number_of.get(turn.article)) is not None:
            cited[number] += weights.desk * weights.fading ** (len(query.history) - place)
    return cited


def _code(index: Index, views: Views) -> Floats:
    """1 where a code of the query stands, whole and as it is."""
    found = np.zeros(len(index.passages), np.float32)
    for code in views.codes:
        if (term := index.vocabulary.get(code)) is not None:
            found[index.postings.of(term)[0]] = 1.0
    return found


def _share(values: Floats, least: float = 1e-6) -> Floats:
    return values / max(float(values.max(initial=0.0)), least)


def _largest(values: Floats, limit: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    limit = min(limit, len(values))
    best = np.argpartition(-values, limit - 1)[:limit]
    return best[np.argsort(-values[best], kind="stable")]
