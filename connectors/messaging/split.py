"""A long answer as several messages: cut at blocks, then at sentences, then at words, and never
inside a character, a mark or a UTF-16 pair."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from connectors.messaging.dialects import Dialect, is_tight
from connectors.messaging.document import Block, Kind, Run

Measure = Callable[[str], int]
"""A text's length in the provider's units."""

_SENTENCE_END = re.compile(r"[.!?…](?:[\"'”’)\]]*)\s|[。！？；]|[؟۔]\s?|\n")
_WORD_END = re.compile(r"\s")
_JOINER = "\u200d"


def split(
    blocks: Sequence[Block], dialect: Dialect, limit: int, measure: Measure = len
) -> tuple[str, ...]:
    """The blocks written in a dialect, in as few texts as `limit` allows, each complete in itself:
    a style that a cut goes through is closed and opened again."""
    texts: list[str] = []
    current, last = "", None
    for block in blocks:
        for piece in _pieces(block, dialect, limit, measure):
            written = dialect.write(piece)
            gap = "\n" if last is not None and is_tight(last, piece) else "\n\n"
            longer = f"{current}{gap}{written}" if current else written
            if current and measure(longer) > limit:
                texts.append(current)
                longer = written
            current, last = longer, piece
    return (*texts, current) if current else tuple(texts)


def _pieces(block: Block, dialect: Dialect, limit: int, measure: Measure) -> Iterator[Block]:
    """The block, or parts of it that fit."""
    while measure(dialect.write(block)) > limit:
        length = _longest(block, dialect, limit, measure)
        yield _cut(block, 0, length)
        rest = _cut(block, length, len(block.text))
        block = replace(rest, marker="" if rest.kind is Kind.ITEM else rest.marker)
        if not block.text:
            return
    yield block


def _longest(block: Block, dialect: Dialect, limit: int, measure: Measure) -> int:
    """How many characters of the block fit, up to the best place for a cut."""
    text = block.text
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(dialect.write(_cut(block, 0, middle))) <= limit:
            low = middle
        else:
            high = middle - 1
    ends = (_WORD_END,) if block.kind is Kind.CODE else (_SENTENCE_END, _WORD_END)
    for end in ends:
        # A cut far ahead of the limit would make many small messages of one answer.
        places = [match.end() for match in end.finditer(text, 0, low)]
        if places and places[-1] >= low // 3:
            return _outside_code(block, places[-1])
    return _between_characters(text, low)


def _outside_code(block: Block, place: int) -> int:
    """The place, or the start of the piece of code that it lies in, if that is not the first."""
    if block.kind is Kind.CODE:
        return place
    at = 0
    for run in block.runs:
        if run.code and at < place < at + len(run.text):
            return at or place
        at += len(run.text)
    return place


def _between_characters(text: str, place: int) -> int:
    """The last border between what readers see as characters, at or before a place."""
    at = place
    while at > 1 and at < len(text) and _belongs(text[at - 1], text[at]):
        at -= 1
    return at if at > 1 else place


def _belongs(before: str, after: str) -> bool:
    """Whether two code points are of one character: an accent, a skin tone, a joined emoji, the
    two letters of a flag."""
    flag = "\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff"
    tone = "\U0001f3fb" <= after <= "\U0001f3ff"
    return (
        flag
        or tone
        or _JOINER in (before, after)
        or bool(unicodedata.combining(after))
        or unicodedata.category(after) in ("Mn", "Me")
    )


def _cut(block: Block, start: int, end: int) -> Block:
    """The block's characters from `start` to `end`, with their styles; spaces at a cut go."""
    runs: list[Run] = []
    at = 0
    for run in block.runs:
        part = run.text[max(0, start - at) : max(0, end - at)]
        if part:
            runs.append(replace(run, text=part))
        at += len(run.text)
    if runs and start:
        runs[0] = replace(runs[0], text=runs[0].text.lstrip())
    if runs and end < at:
        runs[-1] = replace(runs[-1], text=runs[-1].text.rstrip())
    return replace(
        block, runs=tuple(run for run in runs if run.text), tight=block.tight and not start
    )
