"""Puts the page together, and writes it."""

import base64
import hashlib
import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bot.understanding_report import pictures
from bot.understanding_report.markup import Markup, join, tag
from bot.understanding_report.words import breakable, named
from models.understanding.evaluation import Evaluation, Flip, Judged, flips
from models.understanding.training_run import TrainingRun

Form = Callable[[float], str]
WORST = 200
CONFUSED = 12
FLIPS = 300
_HERE = Path(__file__).parent


def write_report(
    path: Path,
    evaluation: Evaluation,
    run: TrainingRun | None = None,
    before: Evaluation | None = None,
) -> None:
    """Write the page in one step. `run`: the training that made the version; `before`: another
    version's evaluation on the same examples, to compare with. Raises `OSError`."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(page(evaluation, run, before), "utf-8")
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def page(
    found: Evaluation, run: TrainingRun | None = None, before: Evaluation | None = None
) -> str:
    """The whole page. It may load nothing: what it needs is in it."""
    style = (_HERE / "style.css").read_text("utf-8")
    script = (_HERE / "page.js").read_text("utf-8")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    sections = [
        _summary(found, run, before),
        _compared(before, found) if before else None,
        _learning(run, found),
        _manner(found),
        _intents(found),
        _confusion(found),
        _mistakes(found),
        _settings(run) if run else None,
    ]
    head = join(
        [
            Markup('<meta charset="utf-8">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
            tag("title", f"Understanding, version {found.version}"),
            tag("style", Markup(style)),
        ]
    )
    body = tag("main", *sections)
    document = tag(
        "html", tag("head", head), tag("body", body, tag("script", Markup(script))), lang="en"
    )
    return f"<!doctype html>\n{document}\n"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _summary(found: Evaluation, run: TrainingRun | None, before: Evaluation | None) -> Markup:
    told = [f"Version {found.version}, judged on {len(found.judged)} examples: {found.data}."]
    if run:
        made = time.strftime("%d %B %Y, %H:%M", time.localtime(run.started_at))
        told.append(f"Made on {made} from {run.examples} examples, in {run.seconds:.0f} seconds.")
    figures = [
        ("right", found.right, before.right if before else None, "out of scope included", _percent),
        (
            "intent right",
            found.accuracy,
            before.accuracy if before else None,
            "of those in scope",
            _percent,
        ),
        (
            "out of scope told",
            found.out_of_scope_auroc,
            before.out_of_scope_auroc if before else None,
            "AUROC: 0.5 is chance, 1 is always",
            _number,
        ),
        (
            "calibration error",
            found.calibration_error,
            before.calibration_error if before else None,
            "0: confidence means what it says",
            _number,
        ),
    ]
    return tag(
        "header",
        tag("h1", "How well the desk understands"),
        tag("p", " ".join(told), class_="meta"),
        tag("p", _in_words(found)),
        tag(
            "dl",
            *(
                tag(
                    "div",
                    tag("dt", name),
                    tag("dd", form(value), _change(value, old, form), tag("small", note)),
                )
                for name, value, old, note, form in figures
            ),
            class_="figures",
        ),
    )


def _in_words(found: Evaluation) -> str:
    if not found.judged:
        return (
            "Nothing was held out, so that nothing can be said: an intent needs at least four "
            "examples for one of them to be held out."
        )
    told = f"Of 100 turns like these, about {round(100 * found.right)} are taken for what they are."
    pairs = _confused(found)
    if pairs:
        count, total, name, other = pairs[0]
        told += (
            f" Most confused: {name} is taken for {other} in {count} of {total}. Examples that "
            "tell them apart help most."
        )
    return told


def _confused(found: Evaluation) -> list[tuple[int, int, str, str]]:
    """Mistaken, of how many, what, for what; the commonest first."""
    counts = found.confusion
    pairs = [
        (int(counts[row, column]), int(counts[row].sum()), named(name), named(other))
        for row, name in enumerate(found.classes)
        for column, other in enumerate(found.classes)
        if row != column and counts[row, column]
    ]
    return sorted(pairs, key=lambda pair: (-pair[0], pair[2:]))


def _compared(before: Evaluation, after: Evaluation) -> Markup:
    changed = flips(before, after)
    better = sum(flip.better for flip in changed)
    return tag(
        "section",
        tag("h2", f"Compared with version {before.version}"),
        tag("p", f"{better} examples got better and {len(changed) - better} got worse."),
        _table(
            "Examples that flipped",
            ["change", "text", "is", f"{before.version}", f"{after.version}", "place"],
            [_flip_row(flip) for flip in changed[:FLIPS]],
        )
        if changed
        else None,
    )


def _flip_row(flip: Flip) -> Markup:
    sign = tag("td", "better", class_="good") if flip.better else tag("td", "worse", class_="bad")
    after = flip.after
    return tag(
        "tr",
        sign,
        _text(after),
        *(
            tag("td", breakable(named(name)), class_="name")
            for name in (after.expected, flip.before.predicted, after.predicted)
        ),
        tag("td", breakable(after.place), class_="name"),
    )


def _learning(run: TrainingRun | None, found: Evaluation) -> Markup | None:
    drawn = [pictures.learning_curves(run)] if run and len(run.epochs) > 1 else []
    if found.judged:
        drawn.append(pictures.calibration(found))
    if not drawn:
        return None
    bins = _table(
        "Calibration in numbers",
        ["confidence", "right", "predictions"],
        [
            tag(
                "tr",
                _cell(b.confidence, _number),
                _cell(b.accuracy, _percent),
                _cell(b.examples, str),
            )
            for b in found.calibration
        ],
        numbers=["confidence", "right", "predictions"],
    )
    return tag(
        "section",
        tag("h2", "Learning and confidence"),
        tag("div", *drawn, class_="pair"),
        bins if found.judged else None,
    )


def _manner(found: Evaluation) -> Markup | None:
    rows = [
        ("urgency", found.urgency_error, "mean error, of 0 to 1"),
        ("sentiment", found.sentiment_error, "mean error, of -1 to 1"),
        ("wants a person", found.wants_person_auroc, "AUROC"),
        ("several intents", found.several_f1, "F1 over turns with more than one"),
    ]
    known = [row for row in rows if not math.isnan(row[1])]
    if not known:
        return None
    return tag(
        "section",
        tag("h2", "Urgency, mood, and more than one wish"),
        _table(
            "On the examples that have these labels",
            ["of", "figure", "what it is"],
            [
                tag("tr", tag("th", name, scope="row"), _cell(value, _number), tag("td", note))
                for name, value, note in known
            ],
            numbers=["figure"],
        ),
    )


def _intents(found: Evaluation) -> Markup | None:
    if not found.judged:
        return None
    rows = [
        tag(
            "tr",
            tag("th", breakable(named(each.name)), scope="row"),
            _cell(each.precision, _percent),
            _cell(each.recall, _percent),
            _cell(each.f1, _number),
            _cell(each.examples, str),
        )
        for each in found.by_intent
    ]
    return tag(
        "section",
        tag("h2", "Intent by intent"),
        tag(
            "p",
            "Precision: of those taken for it, how many are it. Recall: of those that are it, how "
            "many are taken for it.",
        ),
        _table(
            "Every intent",
            ["intent", "precision", "recall", "F1", "examples"],
            rows,
            numbers=["precision", "recall", "F1", "examples"],
        ),
    )


def _confusion(found: Evaluation) -> Markup | None:
    pairs = _confused(found)
    if not pairs:
        return None
    return tag(
        "section",
        tag("h2", "What is taken for what"),
        tag(
            "ul",
            *(
                tag("li", f"{name} is taken for {other}: {count} of {total}")
                for count, total, name, other in pairs[:CONFUSED]
            ),
        ),
        pictures.confusion(found),
    )


def _mistakes(found: Evaluation) -> Markup | None:
    if not found.worst:
        return None
    more = len(found.worst) - WORST
    return tag(
        "section",
        tag("h2", "The worst mistakes"),
        tag(
            "p", f"The surest first; {more} more are left out." if more > 0 else "The surest first."
        ),
        _table(
            "Mistakes",
            ["text", "is", "taken for", "confidence", "from", "place"],
            [
                tag(
                    "tr",
                    _text(each),
                    *(
                        tag("td", breakable(named(name)), class_="name")
                        for name in (each.expected, each.predicted)
                    ),
                    _cell(each.probability, _number),
                    tag("td", ", ".join(each.modalities)),
                    tag("td", breakable(each.place), class_="name"),
                )
                for each in found.worst[:WORST]
            ],
            numbers=["confidence"],
        ),
    )


def _settings(run: TrainingRun) -> Markup:
    facts = {
        **run.settings,
        **{f"examples with {name}": str(count) for name, count in run.by_modality.items()},
        "epochs": f"{len(run.epochs)}, the best {run.best_epoch}",
    }
    return tag(
        "section",
        tag("h2", "How it was trained"),
        tag("ul", *(tag("li", warning) for warning in run.warnings)) if run.warnings else None,
        _table(
            "Settings",
            ["setting", "value"],
            [
                tag("tr", tag("th", name.replace("_", " "), scope="row"), tag("td", value))
                for name, value in facts.items()
            ],
        ),
    )


def _table(
    caption: str, heads: Sequence[str], rows: Iterable[Markup], numbers: Sequence[str] = ()
) -> Markup:
    """In a box of its own that scrolls, with the keyboard too. `numbers`: the heads of columns
    that stand flush right."""
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption),
            tag(
                "thead",
                tag(
                    "tr",
                    *(
                        tag("th", head, scope="col", class_="number" if head in numbers else None)
                        for head in heads
                    ),
                ),
            ),
            tag("tbody", *rows),
            data_sortable="",
        ),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def _text(each: Judged) -> Markup:
    if each.text:
        return tag("td", each.text, class_="text", dir="auto")
    return tag("td", "no words", class_="text none")


def _cell(value: float, form: Form) -> Markup:
    return tag("td", form(value), class_="number", data_value=value)


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{share:.1%}"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _change(value: float, old: float | None, form: Form) -> Markup | None:
    if old is None or math.isnan(value) or math.isnan(old):
        return None
    return tag("small", f"{form(old)} before")
