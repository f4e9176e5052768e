"""An answer's Markdown as blocks of styled words, which every app's dialect can be written from."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum

from markdown_it import MarkdownIt
from markdown_it.token import Token

_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_ADDRESS = re.compile(r"""\bhttps?://[^\s<>"'`\\|()\[\]{}]+(?<![.,:;!?*_~…。，、])""")
"""A bare web address, without the sign that ends its sentence."""


@dataclass(frozen=True)
class Run:
    """Words of one style."""

    text: str
    bold: bool = False
    italic: bool = False
    struck: bool = False
    code: bool = False
    href: str = ""

    @property
    def bare(self) -> bool:
        """It is an address that stands for itself."""
        return bool(self.text) and self.href in (
            self.text,
            f"mailto:{self.text}",
            f"tel:{self.text}",
        )


ROW = "|"
"""The marker of a row of a table."""


class Kind(Enum):
    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"
    CODE = "code"
    QUOTE = "quote"


@dataclass(frozen=True)
class Block:
    """A paragraph, a heading, an entry of a list, a row of a table, a piece of code."""

    kind: Kind
    runs: tuple[Run, ...]
    marker: str = ""
    """Of an entry: `1.`, or `-` where the list is not numbered; `ROW` of a row."""
    depth: int = 0
    """How many lists an entry's own list lies in."""
    tight: bool = False
    """It follows the block before it without an empty line."""

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)


def read_markdown(markdown: str) -> tuple[Block, ...]:
    """The blocks of a CommonMark text with tables; HTML in it stays the words that it is."""
    reading = _Reading()
    for token in _markdown.parse(markdown):
        reading.take(token)
    return tuple(block for block in reading.blocks if block.text.strip())


class _Reading:
    """Where in the document the reader is."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._lists: list[int | None] = []
        """For each open list the number of its next entry; None: bullets."""
        self._marker = ""
        self._inside: list[str] = []
        """Headings, quotes and cells that are open."""
        self._cells: list[tuple[Run, ...]] = []
        self._quoted = False
        """The quote that is open has a paragraph already."""

    def take(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_open":
                self._lists.append(int(token.attrs.get("start", 1)))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                number = self._lists[-1]
                self._marker = "-" if number is None else f"{number}."
                self._lists[-1] = None if number is None else number + 1
            case "heading_open" | "blockquote_open" | "th_open" | "td_open":
                self._inside.append(token.type)
                self._quoted = False
            case "heading_close" | "blockquote_close" | "th_close" | "td_close":
                self._inside.pop()
            case "tr_close":
                self._row()
            case "fence" | "code_block":
                self._add(Kind.CODE, (Run(token.content.rstrip("\n"), code=True),))
            case "inline":
                self._words(_runs(token))

    def _words(self, runs: tuple[Run, ...]) -> None:
        inside = self._inside[-1] if self._inside else ""
        if inside in ("th_open", "td_open"):
            bold = inside == "th_open"
            self._cells.append(tuple(replace(run, bold=run.bold or bold) for run in runs))
        elif inside == "heading_open" and not self._lists:
            self._add(Kind.HEADING, runs)
        elif self._lists:
            after_entry = bool(self.blocks) and self.blocks[-1].kind is Kind.ITEM
            entry = Block(Kind.ITEM, runs, self._marker, len(self._lists) - 1, after_entry)
            self.blocks.append(entry)
            self._marker = ""  # a second paragraph of the same entry has none
        elif inside and self._quoted and self.blocks[-1].kind is Kind.QUOTE:
            quote = self.blocks.pop()
            self._add(Kind.QUOTE, (*quote.runs, Run("\n\n"), *runs))
        else:
            self._add(Kind.QUOTE if inside else Kind.PARAGRAPH, runs)
            self._quoted = bool(inside)

    def _row(self) -> None:
        """A row of a table is a line: no app shows tables."""
        after_row = bool(self.blocks) and self.blocks[-1].marker == ROW
        runs: list[Run] = []
        for cell in self._cells:
            runs += [Run(" · "), *cell] if runs else cell
        self.blocks.append(Block(Kind.PARAGRAPH, tuple(runs), ROW, tight=after_row))
        self._cells = []

    def _add(self, kind: Kind, runs: tuple[Run, ...]) -> None:
        self.blocks.append(Block(kind, runs))


_STYLES = ("strong", "em", "s")


def _runs(inline: Token) -> tuple[Run, ...]:
    open_marks: Counter[str] = Counter()
    hrefs = [""]
    runs: list[Run] = []
    for token in inline.children or ():
        name = token.type.rpartition("_")[0]
        if name in _STYLES:
            open_marks[name] += token.nesting
            continue
        bold, italic, struck = (open_marks[mark] > 0 for mark in _STYLES)
        style = Run("", bold, italic, struck, href=hrefs[-1])
        match token.type:
            case "link_open":
                hrefs.append(str(token.attrs.get("href", "")))
            case "link_close":
                hrefs.pop()
            case "softbreak":
                runs.append(replace(style, text=" "))
            case "hardbreak":
                runs.append(replace(style, text="\n"))
            case "code_inline":
                runs.append(replace(style, text=token.content, code=True))
            case "image":
                runs.append(replace(style, text=token.content, href=str(token.attrs.get("src"))))
            case _ if style.href:
                runs.append(replace(style, text=token.content))
            case _:
                runs += _with_addresses(replace(style, text=token.content))
    return _merged(runs)


def _with_addresses(run: Run) -> list[Run]:
    """The words with each bare address in them as a link to itself."""
    found: list[Run] = []
    at = 0
    for address in _ADDRESS.finditer(run.text):
        found.append(replace(run, text=run.text[at : address.start()]))
        found.append(replace(run, text=address[0], href=address[0]))
        at = address.end()
    return [*found, replace(run, text=run.text[at:])]


def _merged(runs: list[Run]) -> tuple[Run, ...]:
    """Neighbours of one style as one."""
    merged: list[Run] = []
    for run in runs:
        if not run.text:
            continue
        if merged and replace(merged[-1], text="") == replace(run, text=""):
            merged[-1] = replace(run, text=merged[-1].text + run.text)
        else:
            merged.append(run)
    return tuple(merged)
