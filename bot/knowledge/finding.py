"""What a consultation comes to: an answer, a question back, or nothing."""

import msgspec

from bot.knowledge.search import Hit
from bot.messages import ArticleId, Citation


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
