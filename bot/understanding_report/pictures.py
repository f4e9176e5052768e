"""The report's pictures as inline SVG: learning curves, calibration, the confusion matrix.

Each has a title and a description; what it shows stands in a table or in words beside it too.
"""

import math
from collections.abc import Sequence

from bot.understanding_report.markup import Markup, join, tag
from bot.understanding_report.words import named
from models.understanding.evaluation import Evaluation
from models.understanding.training_run import TrainingRun

WIDTH, HEIGHT, EDGE = 360, 220, 44
_CELLS, _SMALLEST, _LARGEST = 790, 10, 32
"""Pixels for all columns of the matrix together, where they fit; of one at least, and at most."""
_NAME_CHARACTERS, _CHARACTER = 34, 5.4
"""The longest name at the matrix' edge, and the pixels of a character."""


def learning_curves(run: TrainingRun) -> Markup:
    """Loss of training and of validation by epoch; the best one marked."""
    lines = [
        ("training", [epoch.loss for epoch in run.epochs], "curve"),
        ("held out", [epoch.validation_loss for epoch in run.epochs], "curve other"),
    ]
    values = [value for _, each, _ in lines for value in each if math.isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    last = max(len(run.epochs) - 1, 1)

    def at(epoch: int, value: float) -> tuple[float, float]:
        return _x(epoch / last), _y((value - low) / ((high - low) or 1))

    drawn = [
        tag("polyline", class_=kind, points=_points([at(n, v) for n, v in enumerate(values_)]))
        for _, values_, kind in lines
        if values_ and all(map(math.isfinite, values_))
    ]
    best = _x((run.best_epoch - 1) / last)
    mark = tag("line", class_="mark", x1=best, x2=best, y1=EDGE / 2, y2=HEIGHT - EDGE)
    told = _axes(("epoch", "1", str(len(run.epochs))), ("loss", f"{low:.2f}", f"{high:.2f}"))
    return _picture(
        "Loss by epoch",
        f"Solid: training; dashed: held out; the upright line: epoch {run.best_epoch}, the best.",
        [_frame(), mark, *drawn, *told],
    )


def calibration(found: Evaluation) -> Markup:
    """How often predictions of a confidence are right, against the diagonal of honesty."""
    most = max((each.examples for each in found.calibration), default=1)
    bars = [
        tag(
            "rect",
            tag("title", f"{each.examples} predictions"),
            class_="count",
            x=_x(each.confidence) - 8,
            width=16,
            y=_y(0.3 * each.examples / most),
            height=_y(0) - _y(0.3 * each.examples / most),
        )
        for each in found.calibration
    ]
    points = [
        tag(
            "circle",
            tag(
                "title",
                f"confidence {each.confidence:.2f}: {each.accuracy:.0%} of {each.examples} right",
            ),
            class_="point",
            cx=_x(each.confidence),
            cy=_y(each.accuracy),
            r=5,
        )
        for each in found.calibration
    ]
    line = _points([(_x(each.confidence), _y(each.accuracy)) for each in found.calibration])
    return _picture(
        "Calibration",
        "Each point: how often predictions of one confidence are right. On the diagonal, "
        "confidence means what it says. The bars: how many predictions there are.",
        [
            _frame(),
            *bars,
            tag("line", class_="mark", x1=_x(0), y1=_y(0), x2=_x(1), y2=_y(1)),
            tag("polyline", class_="curve", points=line),
            *points,
            *_axes(("confidence", "0", "1"), ("right", "0 %", "100 %")),
        ],
    )


def confusion(found: Evaluation) -> Markup:
    """The share of each intent's examples (row) taken for each intent (column). With many intents
    it is wider than a page, and scrolls within a box of its own."""
    number = len(found.classes)
    cell = max(_SMALLEST, min(_LARGEST, _CELLS / max(number, 1)))
    shown = [_shortened(named(name)) for name in found.classes]
    edge = round(max(90, 12 + _CHARACTER * max(map(len, shown), default=0)))
    side = round(edge + number * cell + 2)
    frame = tag("rect", class_="frame", x=edge, y=edge, width=side - edge, height=side - edge)
    names = [_names_at(edge, edge + (at + 0.5) * cell, name) for at, name in enumerate(shown)]
    turned = f"translate({edge - 8} {edge - 24}) rotate(-90)"
    axes = [
        _label(edge - 8, edge - 8, "what it is ↓", "end"),
        tag("text", "taken for →", class_="label", transform=turned),
    ]
    return _picture(
        "Confusion matrix",
        "Rows: what it is; columns: what it was taken for. The stronger the colour, the larger "
        "the share. Everything beside the diagonal is a mistake; point at a field for its numbers.",
        [frame, *_squares(found, edge, cell), *names, *axes],
        size=(side, side),
        scrolls=True,
    )


def _squares(found: Evaluation, edge: float, cell: float) -> list[Markup]:
    squares = []
    names = [named(name) for name in found.classes]
    for row, name in enumerate(names):
        total = int(found.confusion[row].sum())
        for column, other in enumerate(names):
            count = int(found.confusion[row, column])
            if not count:
                continue
            squares.append(
                tag(
                    "rect",
                    tag("title", f"{count} of {total}: {name}, taken for {other}"),
                    class_="cell" if row == column else "cell wrong",
                    x=round(edge + column * cell, 2),
                    y=round(edge + row * cell, 2),
                    width=round(cell, 2),
                    height=round(cell, 2),
                    fill_opacity=round(0.35 + 0.65 * count / total, 2),
                )
            )
    return squares


def _names_at(edge: float, middle: float, name: str) -> Markup:
    """The name of a row and of the column of the same number."""
    turned = f"translate({middle + 3:.1f} {edge - 5}) rotate(-90)"
    return join(
        [
            _label(edge - 5, middle + 3, name, "end"),
            tag("text", name, class_="label", transform=turned),
        ]
    )


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…"


def _picture(
    title: str,
    description: str,
    parts: Sequence[Markup],
    size: tuple[int, int] = (WIDTH, HEIGHT),
    *,
    scrolls: bool = False,
) -> Markup:
    """`scrolls`: it keeps its size, and where there is less room, its box scrolls."""
    width, height = size
    drawn = tag(
        "svg",
        tag("title", title),
        tag("desc", description),
        *parts,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
    )
    if scrolls:
        drawn = tag("div", drawn, class_="wide", tabindex=0, role="region", aria_label=title)
    return tag("figure", drawn, tag("figcaption", description))


def _axes(across: tuple[str, str, str], up: tuple[str, str, str]) -> list[Markup]:
    """What the two axes are, and the numbers at their ends."""
    left, right, middle = EDGE, WIDTH - 8, (EDGE + WIDTH - 8) / 2
    top, bottom = EDGE / 2, HEIGHT - EDGE
    name, low, high = across
    name_up, low_up, high_up = up
    turned = f"translate(12 {(top + bottom) / 2}) rotate(-90)"
    return [
        _label(left, bottom + 16, low, "start"),
        _label(right, bottom + 16, high, "end"),
        _label(middle, bottom + 16, name, "middle"),
        _label(left - 5, bottom, low_up, "end"),
        _label(left - 5, top + 8, high_up, "end"),
        tag("text", name_up, class_="label", transform=turned, text_anchor="middle"),
    ]


def _frame() -> Markup:
    return tag(
        "rect",
        class_="frame",
        x=EDGE,
        y=EDGE / 2,
        width=WIDTH - EDGE - 8,
        height=HEIGHT - 1.5 * EDGE,
    )


def _label(x: float, y: float, text: str, anchor: str) -> Markup:
    return tag("text", text, class_="label", x=round(x, 1), y=round(y, 1), text_anchor=anchor)


def _x(share: float) -> float:
    return round(EDGE + share * (WIDTH - EDGE - 8), 1)


def _y(share: float) -> float:
    return round(HEIGHT - EDGE - share * (HEIGHT - 1.5 * EDGE), 1)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
