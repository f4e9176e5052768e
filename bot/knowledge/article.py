"""What knowledge is made of: articles as their author wrote them, passages as they are searched."""

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
