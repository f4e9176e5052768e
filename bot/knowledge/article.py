"""What knowledge is made of: articles as their author wrote them, passages as they are searched."""

import re
import unicodedata
from collections.abc import Container

import msgspec

from bot.messages import ArticleId


class Section(msgspec.Struct, frozen=True):
    """What stands under one heading of an article."""

    headings: tuple[str, ...]
    """The path of headings above it, without the article's title."""
    blocks: tuple[str, ...]
    """Markdown: one paragraph, list, table or block of code each."""


class Article(msgspec.Struct, frozen=True):
    """One document of the knowledge folder, or one topic of a table of questions."""

    id: ArticleId
    title: str
    sections: tuple[Section, ...]
    url: str = ""
    language: str = ""
    """Two-letter code (`de`); empty: not said."""


class Asked(msgspec.Struct, frozen=True):
    """How a customer puts a question that an article answers. It helps to find the article, and is
    never shown."""

    article: str
    """The article's file, relative to the knowledge folder, or the article's id."""
    question: str


class Document(msgspec.Struct, frozen=True):
    """What one file of the knowledge folder holds."""

    articles: tuple[Article, ...] = ()
    asked: tuple[Asked, ...] = ()


class Passage(msgspec.Struct, frozen=True):
    """A piece of an article of about 200 words, with the headings that give it its meaning."""

    id: str
    """`article#3`, counted from 0 within the article."""
    article: ArticleId
    title: str
    headings: tuple[str, ...]
    text: str
    """Markdown; blocks are parted by an empty line."""
    url: str = ""
    language: str = ""

    @property
    def context(self) -> str:
        """The title and the headings in one line."""
        return " > ".join((self.title, *self.headings))


class Unreadable(Exception):
    """A file of the folder cannot be taken in; the text says why and what to do."""


def article_id(*parts: str) -> ArticleId:
    """An id that is stable, readable and safe in a URL: `payments/Declined cards` becomes
    `payments.declined-cards`."""
    words = []
    for part in parts:
        plain = unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode().lower()
        words += [re.sub(r"[^a-z0-9_]+", "-", step).strip("-") for step in plain.split("/")]
    name = ".".join(word for word in words if word)
    if not name or not name[0].isalnum():
        name = "a" + name + format(sum(map(ord, "/".join(parts))), "x")
    return ArticleId(name[:120])


def article_named(written: str, known: Container[str]) -> ArticleId | None:
    """The article that an operator names by its path in the knowledge folder, without suffix, or by
    its id; None if it is not among the `known` ids."""
    return next((a for a in (article_id(written), ArticleId(written)) if a in known), None)
