"""Markdown to words that can be spoken: no marks, no addresses, codes letter by letter.

A pure function. Whatever a voice might read wrongly, or leave out, is said in words before any
voice sees it: numbers, prices, dates, times, units, codes, abbreviations. See `bot.spoken`.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.spoken.amounts import amounts_in_words
from bot.spoken.codes import addresses_in_words, codes_in_words, phones_in_words
from bot.spoken.moments import moments_in_words
from bot.spoken.numbers import LETTER, ascii_digits, numbers_in_words
from bot.spoken.words import Words, words_of

_markdown = MarkdownIt("commonmark").enable("table")


_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d\U0001f1e6-\U0001f1ff\u2190-\u21ff]+"
)
_MARKS = re.compile(r"[*_`#~|<>\[\]{}\\^=]+")
_PAUSED_LINE = re.compile(r"[.!?…:;,。！？؟،]$")
_RANGE = re.compile(
    r"(?<=\d)\s?[–—]\s?(?=\d)"
    r"|(?<=:\d\d)\s?-\s?(?=\d{1,2}:\d\d)"
    rf"|(?<![.,/-]\d)(?<![.,/-]\d\d)(?<!{LETTER}\d)(?<!{LETTER}\d\d)(?<=\d)-"
    rf"(?=\d{{1,2}}(?!{LETTER}|[.,]\d|[/-]))"
)
"""A hyphen is one between times, and between numbers of one or two digits."""
_TIMES = re.compile(r"(?<=\d)\s?[×x]\s?(?=\d)")
_AND = re.compile(r"\s&\s")


def speakable(markdown: str, language: str) -> str:
    """The words of a Markdown text, a line for each paragraph, list item or table row.

    `language`: a BCP 47 tag; marks are named in English where their names are not known.
    """
    tag = language.replace("_", "-")
    primary = tag.partition("-")[0].lower()
    lines = (_spoken(line, tag, primary) for line in _lines(_markdown.parse(markdown)))
    return "\n".join(_with_pause(line) for line in lines if re.search(r"\w", line))


def _lines(tokens: list[Token]) -> Iterator[str]:
    """The text of each block; a table's cells joined by commas, row by row."""
    cells: list[str] = []
    in_table = False
    for token, following in pairwise([*tokens, Token("end", "", 0)]):
        match token.type:
            case "list_item_open" if following.type == "list_item_close":
                # "3." is a list with nothing in it, and may be all of an answer.
                yield token.info
            case "table_open" | "table_close":
                in_table = token.type == "table_open"
            case "tr_close":
                yield ", ".join(cell for cell in cells if cell)
                cells = []
            case "inline" if in_table:
                cells.append(_inline(token))
            case "inline":
                yield from _inline(token).split("\n")
            case "fence" | "code_block":
                yield from token.content.split("\n")


def _inline(token: Token) -> str:
    parts: list[str] = []
    for child in token.children or ():
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" " if child.type == "softbreak" else "\n")
    return "".join(parts)


def _spoken(line: str, tag: str, language: str) -> str:
    """Each step leaves words in place of what the next ones would take for something else."""
    words = words_of(language)
    line = addresses_in_words(ascii_digits(line), words)
    line = _written_out(line, words)
    line = _RANGE.sub(words.to, line)
    line = moments_in_words(line, tag, language)
    line = phones_in_words(line, words, language)
    line = amounts_in_words(line, language)
    line = codes_in_words(line, words, language)
    line = _TIMES.sub(f" {words.times} ", line)
    line = numbers_in_words(line, language)
    line = _AND.sub(f" {words.ampersand} ", line)
    line = _MARKS.sub(" ", _EMOJI.sub(" ", line))
    return " ".join(line.split())


def _written_out(line: str, words: Words) -> str:
    """Abbreviations as the words that they stand for."""
    for short, whole in words.abbreviations.items():
        line = re.sub(rf"(?<!\w){re.escape(short)}(?!\w)", whole, line, flags=re.IGNORECASE)
    for short, whole in words.before_numbers.items():
        line = re.sub(rf"(?<!\w){re.escape(short)}(?=\s?\d)", whole, line, flags=re.IGNORECASE)
    return line


def _with_pause(line: str) -> str:
    """A line ends like a sentence, so that the voice falls and pauses."""
    return line if _PAUSED_LINE.search(line) else f"{line}."
