"""A long answer as several messages: cut at blocks, then at sentences, then at words, and never
inside a character, a mark or a UTF-16 pair."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

import regex

from connectors.messaging.dialects import Dialect, is_tight
from connectors.messaging.document import Block, Kind, Run

Measure = Callable[[str], int]
"""A text's length in the provider's units."""

_SENTENCE_END = re.compile(r"[.!?…](?:[\"'”’)\]]*)\s|[。！？；]|[؟۔]\s?|\n")
_WORD_END = re.compile(r"\s")
_ENDS = (_SENTENCE_END, _WORD_END)
_CODE_ENDS = (re.compile(r"\n"), _WORD_END)
_CHARACTER = regex.compile(r"\X")


def split(
    blocks: Sequence[Block], dialect: Dialect, limit: int, measure: Measure = len
) -> tuple[str, ...]:
    """The blocks written in a dialect, in as few texts as `limit` allows, each complete in itself:
    a style that a cut goes through is closed and opened again."""
    texts: list[str] = []
    current, last = "", None
    for block in blocks:
        for number, piece in enumerate(_pieces(block, dialect, limit, measure)):
            written = dialect.write(piece)
            gap = "\n" if last is not None and is_tight(last, piece) else "\n\n"
            longer = f"{current}{gap}{written}" if current else written
            if current and (number or measure(longer) > limit):
                texts.append(current)
                longer = written
            current, last = longer, piece
    return (*texts, current) if current else tuple(texts)


def _pieces(block: Block, dialect: Dialect, limit: int, measure: Measure) -> Iterator[Block]:
    """The block, or parts of it that fit."""
    while measure(dialect.write(block)) > limit:
        length = _longest(block, dialect, limit, measure)
        if not length:
            block, before = _simpler(block), block
            if block != before:
                continue
            length = 1  # a limit below one character: it is sent as it is
        piece, rest = _cut(block, 0, length), _cut(block, length, len(block.text))
        if piece.text.strip():
            yield piece
        block = replace(rest, marker="" if rest.kind is Kind.ITEM else rest.marker)
        if not block.text.strip():
            return
    yield block


def _longest(block: Block, dialect: Dialect, limit: int, measure: Measure) -> int:
    """How many characters of the block fit, up to the best place for a cut; 0 if not even the
    first does, with the marks around it."""
    text = block.text

    def fits(length: int) -> bool:
        return measure(dialect.write(_cut(block, 0, length))) <= limit

    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    borders = _borders(text, low)
    for end in _CODE_ENDS if block.kind is Kind.CODE else _ENDS:
        # A cut far ahead of the limit would make many small messages of one answer.
        for place in reversed([match.end() for match in end.finditer(text, 0, low)]):
            if place < low // 3:
                break
            if place in borders and _start_of_unit(block, place) == place and fits(place):
                return place
    start = _start_of_unit(block, low)
    if not start and block.runs[0].bare:
        return 0  # as mere words it may fit as a whole
    for place in sorted(borders, reverse=True):
        if (place <= start or not start) and fits(place):
            return place
    return low if block == _simpler(block) else 0


def _simpler(block: Block) -> Block:
    """The words without the link that they begin with, or without any marks."""
    first, *others = block.runs
    if first.href:
        return replace(block, runs=(replace(first, href=""), *others))
    marker = block.marker if block.kind is Kind.ITEM else ""
    return Block(Kind.PARAGRAPH, (Run(f"{marker} {block.text}".lstrip()),))


def _start_of_unit(block: Block, place: int) -> int:
    """Where the piece of code or the address begins that the place lies in; the place itself
    where it lies in none."""
    at = 0
    for run in block.runs:
        if (run.code or run.bare) and at < place < at + len(run.text):
            return at
        at += len(run.text)
    return place


def _borders(text: str, end: int) -> frozenset[int]:
    """Up to `end`, the places between what readers see as characters (Unicode Standard Annex 29):
    an accent, a skin tone, a joined emoji, the two letters of a flag belong to what they follow."""
    found = (match.end() for match in _CHARACTER.finditer(text))
    return frozenset(takewhile(lambda place: place <= end, found))


def _cut(block: Block, start: int, end: int) -> Block:
    """The block's characters from `start` to `end`, with their styles; spaces at a cut go."""
    blank = "\n" if block.kind is Kind.CODE else None
    runs: list[Run] = []
    at = 0
    for run in block.runs:
        part = run.text[max(0, start - at) : max(0, end - at)]
        if part:
            # Half an address leads nowhere.
            href = "" if run.bare and part != run.text else run.href
            runs.append(replace(run, text=part, href=href))
        at += len(run.text)
    if runs and start:
        runs[0] = replace(runs[0], text=runs[0].text.lstrip(blank))
    if runs and end < at:
        runs[-1] = replace(runs[-1], text=runs[-1].text.rstrip(blank))
    return replace(
        block, runs=tuple(run for run in runs if run.text), tight=block.tight and not start
    )
