"""Cuts articles into passages: along the headings, about 200 words, the heading path kept."""

import re
from collections.abc import Iterator

from bot.knowledge.article import Article, Passage, Section
from bot.language import language_of
from bot.texts import languages
from models.sentences import whole_sentences

LIMIT_WORDS = 200
"""A longer section is cut into several passages, between blocks where that is possible."""


def passages_of(article: Article) -> list[Passage]:
    """The passages of an article, in reading order."""
    pieces = [(section.headings, text) for section in article.sections for text in _pieces(section)]
    language = article.language or _language_of(article)
    return [
        Passage(
            id=f"{article.id}#{number}",
            article=article.id,
            title=article.title,
            headings=headings,
            text=text,
            url=article.url,
            language=language,
        )
        for number, (headings, text) in enumerate(pieces)
    ]


def _language_of(article: Article) -> str:
    """Where the article does not say so; empty where its words do not tell either."""
    texts = (plain(block) for section in article.sections for block in section.blocks)
    return language_of(f"{article.title}\n" + "\n".join(texts), "", languages())


def _pieces(section: Section) -> Iterator[str]:
    kept: list[str] = []
    words = 0
    for block in section.blocks:
        for part in _parts(block):
            size = count_words(part)
            if kept and words + size > LIMIT_WORDS:
                yield "\n\n".join(kept)
                kept, words = [], 0
            kept.append(part)
            words += size
    if kept:
        yield "\n\n".join(kept)


def _parts(block: str) -> Iterator[str]:
    """A block, or its pieces if it is too long for one passage."""
    if count_words(block) <= LIMIT_WORDS:
        yield block
        return
    lines = block.splitlines()
    head = lines[:2] if is_table(block) else []
    units = lines[len(head) :] if is_table(block) or is_list(block) else sentences(block)
    joint = "\n" if is_table(block) or is_list(block) else " "
    kept: list[str] = []
    words = 0
    for unit in units:
        size = count_words(unit)
        if kept and words + size > LIMIT_WORDS:
            yield joint.join([*head, *kept])
            kept, words = [], 0
        kept.append(unit)
        words += size
    if kept:
        yield joint.join([*head, *kept])


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph, line ends made spaces."""
    return list(whole_sentences(" ".join(text.split())))


def count_words(text: str) -> int:
    """Words; in scripts written without spaces, two characters count as one."""
    dense = len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff]", text))
    return len(text.split()) + dense // 2


def is_table(block: str) -> bool:
    lines = block.splitlines()
    return len(lines) > 1 and "|" in lines[0] and bool(re.fullmatch(r"[\s|:\-]+", lines[1]))


def is_list(block: str) -> bool:
    return bool(re.match(r"\s*([-+*]|\d+[.)])\s", block))


def is_numbered(block: str) -> bool:
    """Steps: they are told in their order or not at all."""
    return bool(re.match(r"\s*\d+[.)]\s", block))


def plain(markdown: str) -> str:
    """The words of a piece of Markdown, for matching: link targets and marks are dropped."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    text = re.sub(
        r"^\s*(?:[-+*>]|\d+[.)]|#+)\s+|[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}", "", text, flags=re.M
    )
    text = re.sub(r"^[\s|:\-]+$", "", text, flags=re.M)
    return re.sub(r"\s*\|\s*", " · ", text).strip(" ·\n")
