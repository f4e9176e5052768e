"""Text in pictures: the protocol, and the order in which people read what was found.

The default reader is `models.ppocr.PaddleTextReader`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from PIL.Image import Image

COLUMN_GAP = 1.5
"""Width of the gap between columns, in heights of a line."""
COLUMN_LINES = 3
"""A column has at least as many lines."""
COLUMN_WIDTH = 6.0
"""Prose is at least as wide, in heights of a line; what is narrower is a table, read by rows."""
SAME_ROW = 0.5
"""Boxes stand in one row if they share this part of the lower one's height."""


@dataclass(frozen=True)
class TextBox:
    """A line of text, or a part of one."""

    text: str
    score: float
    """0 to 1: how sure the reader is of the characters."""
    box: tuple[int, int, int, int]
    """Left, top, right, bottom, in pixels of the picture."""


class TextReader(Protocol):
    """Finds and reads text."""

    @property
    def name(self) -> str:
        """Which engine and model, for a trace."""

    def read(self, image: Image) -> list[TextBox]:
        """What stands in an RGB picture, in reading order; empty if nothing does. Blocks; may be
        called from several threads."""


def lines_of(boxes: Sequence[TextBox]) -> str:
    """The text of boxes in reading order: what stands in one row is one line."""
    lines: list[str] = []
    previous: TextBox | None = None
    for box in boxes:
        if previous and _same_row(previous, box) and box.box[0] >= previous.box[0]:
            lines[-1] += f" {box.text}"
        else:
            lines.append(box.text)
        previous = box
    return "\n".join(lines)


def in_reading_order(boxes: Sequence[TextBox]) -> list[TextBox]:
    """Columns of prose from left to right, each from top to bottom; everything else by rows.

    What stands across all columns, such as a title, ends them and begins new ones.
    """
    if len(boxes) < 2:
        return list(boxes)
    split = _split_columns(boxes)
    if split:
        left, right = split
        return in_reading_order(left) + in_reading_order(right)
    left_edge, right_edge = min(b.box[0] for b in boxes), max(b.box[2] for b in boxes)
    wide = [b for b in boxes if b.box[2] - b.box[0] > 0.6 * (right_edge - left_edge)]
    rest = [b for b in boxes if b not in wide]
    if not wide or not _split_columns(rest):
        return _by_rows(boxes)
    ordered: list[TextBox] = []
    for title in sorted(wide, key=_middle):
        above = [b for b in rest if _middle(b) < _middle(title)]
        rest = [b for b in rest if _middle(b) >= _middle(title)]
        ordered += [*in_reading_order(above), title]
    return ordered + in_reading_order(rest)


def _split_columns(boxes: Sequence[TextBox]) -> tuple[list[TextBox], list[TextBox]] | None:
    """The boxes left and right of the widest gap from top to bottom that parts two columns."""
    if len(boxes) < 2 * COLUMN_LINES:
        return None
    line = median(b.box[3] - b.box[1] for b in boxes)
    reach = float("-inf")
    gaps: list[tuple[float, float]] = []
    for box in sorted(boxes, key=lambda b: b.box[0]):
        if box.box[0] - reach >= COLUMN_GAP * line:
            gaps.append((box.box[0] - reach, box.box[0]))
        reach = max(reach, box.box[2])
    for _, edge in sorted(gaps, reverse=True):
        sides = [b for b in boxes if b.box[0] < edge], [b for b in boxes if b.box[0] >= edge]
        if all(
            len(side) >= COLUMN_LINES
            and median(b.box[2] - b.box[0] for b in side) >= COLUMN_WIDTH * line
            for side in sides
        ):
            return sides
    return None


def _by_rows(boxes: Sequence[TextBox]) -> list[TextBox]:
    rows: list[list[TextBox]] = []
    for box in sorted(boxes, key=_middle):
        if rows and _same_row(rows[-1][0], box):
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row, key=lambda b: b.box[0])]


def _same_row(one: TextBox, other: TextBox) -> bool:
    shared = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    lower = min(one.box[3] - one.box[1], other.box[3] - other.box[1])
    return shared >= SAME_ROW * lower


def _middle(box: TextBox) -> float:
    return (box.box[1] + box.box[3]) / 2
