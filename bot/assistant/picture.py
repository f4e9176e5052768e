"""Which parts of a customer's picture are painted over before another machine's model sees it."""

from bot.assistant.masking import Masking
from bot.perception import Perceived

_MOST_BOXES = 200
"""So many lines of a picture are kept; in one that has as many, others may have been left out."""
_MARGIN = 3
"""Pixels around a line."""


def all_known(seen: Perceived) -> bool:
    """Whether all lines of a picture that could be read are known."""
    return len(seen.boxes) < _MOST_BOXES


def hidden_parts(seen: Perceived, masking: Masking) -> list[tuple[int, int, int, int]]:
    """The lines in which there is personal data, left, top, right and bottom, in pixels of the
    picture as it was read. A number that is broken over two lines is found as well."""
    boxes = seen.boxes
    found = {at for at, box in enumerate(boxes) if masking.hides(box.text)}
    for at in range(len(boxes) - 1):
        pair = f"{boxes[at].text} {boxes[at + 1].text}"
        if {at, at + 1}.isdisjoint(found) and masking.hides(pair):
            found |= {at, at + 1}
    return [
        (
            boxes[at].left - _MARGIN,
            boxes[at].top - _MARGIN,
            boxes[at].right + _MARGIN,
            boxes[at].bottom + _MARGIN,
        )
        for at in sorted(found)
    ]
