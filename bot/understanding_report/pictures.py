"""The report's pictures as inline SVG: learning curves, calibration, the confusion matrix.

Each has a title and a description; what it shows stands in a table or in words beside it too.
"""

import math
from collections.abc import Sequence

from bot.understanding_report.markup import Markup, join, tag
from models.understanding.evaluation import Evaluation
from models.understanding.training_run import TrainingRun

WIDTH, HEIGHT, EDGE = 360, 220, 34
MATRIX = 640
_LABELLED = 40
"""Up to this many intents the matrix has their names at its edge."""


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
    told = [
        _label(EDGE - 4, HEIGHT - EDGE, f"{low:.1f}", "end"),
        _label(EDGE - 4, EDGE / 2 + 8, f"{high:.1f}", "end"),
        _label(EDGE, HEIGHT - 12, "epoch 1", "start"),
        _label(WIDTH - 8, HEIGHT - 12, str(len(run.epochs)), "end"),
    ]
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
            _label(EDGE, HEIGHT - 12, "confidence 0", "start"),
            _label(WIDTH - 8, HEIGHT - 12, "1", "end"),
            _label(EDGE - 4, EDGE / 2 + 8, "100 %", "end"),
        ],
    )


def confusion(found: Evaluation) -> Markup:
    """The share of each intent's examples (row) taken for each intent (column)."""
    classes, counts = found.classes, found.confusion
    labelled = len(classes) <= _LABELLED
    edge = 150 if labelled else 8
    cell = (MATRIX - edge) / max(len(classes), 1)
    squares = []
    for row, name in enumerate(classes):
        total = int(counts[row].sum())
        for column, other in enumerate(classes):
            count = int(counts[row, column])
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
                    fill_opacity=round(0.12 + 0.88 * count / total, 2),
                )
            )
    names = [
        join(
            [
                _label(edge - 4, edge + (at + 0.7) * cell, _short(name), "end"),
                tag(
                    "text",
                    _short(name),
                    class_="label",
                    transform=f"translate({edge + (at + 0.7) * cell:.1f} {edge - 4}) rotate(-60)",
                ),
            ]
        )
        for at, name in enumerate(classes)
        if labelled
    ]
    frame = tag("rect", class_="frame", x=edge, y=edge, width=MATRIX - edge, height=MATRIX - edge)
    return _picture(
        "Confusion matrix",
        "Rows: what it is; columns: what it was taken for. The darker, the larger the share. "
        "Everything beside the diagonal is a mistake; point at a field for its numbers.",
        [frame, *squares, *names],
        size=(MATRIX, MATRIX),
    )


def _picture(
    title: str, description: str, parts: Sequence[Markup], size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Markup:
    return tag(
        "figure",
        tag(
            "svg",
            tag("title", title),
            tag("desc", description),
            *parts,
            viewBox=f"0 0 {size[0]} {size[1]}",
            role="img",
        ),
        tag("figcaption", description),
    )


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


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"
