"""What speaks for an article by words alone: for languages that the encoder does not know. Pure.

A word counts as said if the article has it, another form of it, or a word that says the same.
"""

import math
from collections.abc import Sequence, Set

import msgspec

from bot.knowledge.article import Passage
from bot.knowledge.index import Index, lexical_text
from bot.knowledge.query import Views
from bot.knowledge.search import Hit
from bot.knowledge.words import terms
from bot.messages import ArticleId


class WordEvidence(msgspec.Struct, frozen=True):
    """What speaks for the best article."""

    share: float
    """Of the turn's telling words, how many it has: 0 to 1."""
    mass: float
    """How much those tell together: a word that one article alone has counts 1."""
    ahead: float
    """How much more that is than of the second article."""
    lead: float
    """How far it is ahead of the second article, in score."""
    code: float
    """1 if it has a code that was asked about."""
    subject: float
    """How much the conversation was about it; 0 if this turn has words of its own and none of them
    is the article's."""


def word_evidence(index: Index, views: Views, hits: Sequence[Hit]) -> WordEvidence:
    """`hits`: best first, at least one."""
    first = hits[0].passage.article
    best = [hit for hit in hits if hit.passage.article == first]
    others = [hit for hit in hits if hit.passage.article != first]
    said = _said(index, views, first)
    mass = _mass(index, views, said)
    second = _said(index, views, others[0].passage.article) if others else frozenset[str]()
    return WordEvidence(
        share=len(said) / len(views.telling) if views.telling else 0.0,
        mass=mass,
        ahead=mass - _mass(index, views, second),
        lead=hits[0].score - others[0].score if others else 0.5,
        code=max(hit.parts["code"] for hit in best),
        subject=hits[0].parts["subject"] if said or not views.telling else 0.0,
    )


def _said(index: Index, views: Views, article: ArticleId) -> frozenset[str]:
    """The turn's telling words that an article has."""
    has = {word for passage in index.passages_of(article) for word in _words_of(passage)}
    return frozenset(word for word in views.telling if not has.isdisjoint(_forms(views, word)))


def _words_of(passage: Passage) -> list[str]:
    return terms(lexical_text(passage), passage.language or "en")


def _mass(index: Index, views: Views, words: Set[str]) -> float:
    """Each by how few articles have it, of the words that say the same by the rarest."""
    most = math.log(1 + len(index.articles))
    total = 0.0
    for word in words:
        known = [index.vocabulary[each] for each in _forms(views, word) if each in index.vocabulary]
        fewest = min(len(index.article_postings.of(term)[0]) for term in known)
        total += math.log(1 + len(index.articles) / fewest) / most
    return total


def _forms(views: Views, word: str) -> frozenset[str]:
    return views.alike.get(word, frozenset()) | {word}
