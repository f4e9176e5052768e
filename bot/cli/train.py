"""`frontdesk train`, `eval`, `versions` and `rollback`: the model of what customers want."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.project import HERE, Project, counted, load_project, shown
from bot.errors import OperatorError

if TYPE_CHECKING:
    from rich.console import Console

    from bot.config import Config
    from bot.knowledge.encoding import Progress
    from models.understanding.evaluation import Evaluation
    from models.understanding.settings import Settings
    from models.understanding.setup import Setup
    from models.understanding.training import Trained
    from models.understanding.versions import Versions

_WORST = 5


Tuned = Annotated[
    str,
    typer.Option(
        help="How much of the text encoder is trained as well: `none`, `last`, `full`, `lora`.",
        show_default="frontdesk.yaml's",
    ),
]
Fused = Annotated[
    str,
    typer.Option(
        help="How modalities are brought together: `auto`, `attention`, `concatenation`, `late`, "
        "`linear`.",
        show_default="frontdesk.yaml's",
    ),
]
MadeSmaller = Annotated[
    str,
    typer.Option(
        help="Make the trained text encoder smaller: `none`, `pruned`, `distilled`.",
        show_default="frontdesk.yaml's",
    ),
]
Shard = Annotated[
    bool, typer.Option("--shard", help="Share the encoder out over the processes of `torchrun`.")
]
Seed = Annotated[int, typer.Option(help="Another seed gives another model.")]
Epochs = Annotated[int, typer.Option(min=0, help="Passes over the examples at most; 0 chooses.")]
Serve = Annotated[bool, typer.Option("--serve/--no-serve", help="Have the new version served.")]


def train(
    project: Project = HERE,
    tune: Tuned = "",
    fusion: Fused = "",
    smaller: MadeSmaller = "",
    shard: Shard = False,
    seed: Seed = 1,
    epochs: Epochs = 0,
    serve: Serve = True,
) -> None:
    """Train the model that tells what customers want, on the examples in `intents/`.

    A desk that runs takes the new version up by itself. A training that was interrupted goes on
    where it was when the same command is given again.

    Example: `frontdesk train --project examples/voltaro`
    """
    from rich.console import Console

    from bot.cli.ingest import progress_bars
    from bot.cli.models import fetch_all
    from bot.intents.lessons import lessons

    config = load_project(project)
    settings = _settings(config, tune, fusion, smaller, shard=shard, seed=seed, epochs=epochs)
    versions = versions_of(config)
    # Of several processes that train together the first one speaks.
    silent = os.environ.get("RANK", "0") != "0"
    console = Console(soft_wrap=True, highlight=False, quiet=silent)
    fetch_all(config)
    started = time.perf_counter()
    with _stopping_told(console), progress_bars(console) as tell:
        taught = lessons(config, settings, tell)
        _warn(console, taught.warnings)
        made = _made(taught.setup, versions, tell)
    if not made.written:
        return
    _warn(console, [each for each in made.run.warnings if each not in taught.warnings])
    _print_trained(console, made, time.perf_counter() - started)
    _write_report(console, made, versions.path(made.version) / "report.html")
    if serve:
        _serve(console, made.version, versions)


def evaluate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV or JSONL with `text` and `intent`, or an intents folder."
        ),
    ],
    project: Project = HERE,
    version: Annotated[
        str, typer.Option(help="Which version to judge.", show_default="the one served")
    ] = "",
    against: Annotated[
        str, typer.Option(metavar="VERSION", help="Compare with this version.")
    ] = "",
    report: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the report is written.")
    ] = Path("evaluation.html"),
) -> None:
    """Judge the model on labelled examples; compare two versions, with the examples that flipped.

    Example: `frontdesk eval questions.csv --against 20261123-201500`
    """
    from rich.console import Console

    from bot.understanding_report import write_report
    from models.understanding.evaluation import flips

    config = load_project(project)
    console = Console(soft_wrap=True, highlight=False)
    versions = versions_of(config)
    name = version or versions.current
    if name is None:
        raise OperatorError("no version is served yet", remedy="`frontdesk train` makes one")
    after = _evaluated(config, versions, name, file)
    before = _evaluated(config, versions, against, file) if against else None
    write_report(report, after, None, before)
    console.print(_figures(after))
    if before:
        console.print(f"[dim]{_figures(before)}[/]")
        for flip in flips(before, after):
            sign = "[green]+[/]" if flip.better else "[red]-[/]"
            console.print(
                f"  {sign} {_escaped(flip.after.text or flip.after.place)} "
                f"[dim]{flip.before.predicted} → {flip.after.predicted}, "
                f"is {flip.after.expected}[/]"
            )
    else:
        for worst in after.worst[:_WORST]:
            console.print(
                f"  [red]✗[/] {_escaped(worst.text or worst.place)} [dim]{worst.predicted} "
                f"{worst.probability:.2f}, is {worst.expected} ({worst.place})[/]"
            )
    console.print(f"[green]✓[/] {shown(report)}")


def versions_list(project: Project = HERE) -> None:
    """List the trained versions, newest first, and which is served.

    Example: `frontdesk versions`
    """
    from rich.console import Console
    from rich.table import Table

    from models.errors import ModelError

    versions = versions_of(load_project(project))
    console = Console(soft_wrap=True, highlight=False)
    names = versions.names()
    if not names:
        console.print("no version yet; `frontdesk train` makes one")
        return
    table = Table("version", "made", "intents", "right of those held out", "")
    for name in reversed(names):
        try:
            card = versions.card(name)
        except ModelError as error:
            table.add_row(name, "", "", "", f"[red]{_escaped(str(error))}[/]")
            continue
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(card.made_at))
        served = "[green]served[/]" if name == versions.current else ""
        table.add_row(name, made, str(len(card.intents)), f"{card.accuracy:.1%}", served)
    console.print(table)


def rollback(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="Go to this one.", show_default="the former")
    ] = "",
    project: Project = HERE,
) -> None:
    """Serve an earlier version of the model again. A desk that runs takes it up by itself.

    Example: `frontdesk rollback`
    """
    from models.errors import ModelError

    versions = versions_of(load_project(project))
    try:
        if version:
            versions.serve(version)
        else:
            version = versions.roll_back()
    except ModelError as error:
        raise OperatorError(str(error), remedy="`frontdesk versions` lists them") from error
    typer.echo(f"✓ {version} is served")


def versions_of(config: "Config") -> "Versions":
    from models.understanding.versions import Versions

    return Versions(config.understanding_folder)


def _settings(
    config: "Config",
    tune: str,
    fusion: str,
    smaller: str,
    *,
    shard: bool,
    seed: int,
    epochs: int,
) -> "Settings":
    """What the command line says goes before what the file says."""
    from models.errors import ModelError
    from models.understanding.fusion import FUSIONS
    from models.understanding.settings import AUTOMATIC, Balance, Settings, Smaller, Tune

    section = config.understanding
    tune, fusion = tune or section.tune, fusion or section.fusion
    smaller = smaller or section.smaller
    for name, value, known in (
        ("--tune", tune, [str(each) for each in Tune]),
        ("--fusion", fusion, [AUTOMATIC, *FUSIONS]),
        ("--smaller", smaller, [str(each) for each in Smaller]),
    ):
        if value not in known:
            raise OperatorError(f"{name} {value!r}: it must be one of {', '.join(known)}")
    try:
        return Settings(
            fusion=fusion,
            tune=Tune(tune),
            smaller=Smaller(smaller),
            balance=Balance(section.balance),
            adversarial=section.adversarial,
            shard=shard,
            seed=seed,
            epochs=epochs,
        )
    except ModelError as error:
        remedy = "`--tune full`, or `understanding: {tune: full}` in frontdesk.yaml"
        raise OperatorError(str(error), remedy=remedy) from error


@contextmanager
def _stopping_told(console: "Console") -> Iterator[None]:
    """A sentence when the operator stops it."""
    try:
        yield
    except KeyboardInterrupt:
        console.print(
            "stopped; what is served has not changed. The same command goes on where it was"
        )
        raise


def _made(setup: "Setup", versions: "Versions", tell: "Progress") -> "Trained":
    """The training itself, with what may go wrong in words."""
    from models.errors import ModelError
    from models.understanding.training import train

    try:
        return train(setup, versions, tell)
    except ModelError as error:
        raise OperatorError(str(error), remedy="what is served has not changed") from error
    except OSError as error:
        raise OperatorError(
            f"the training could not write: {error.strerror or error}",
            remedy="is the disk full? What is served has not changed, and the training goes on "
            "where it was when you give the command again",
        ) from error


def _write_report(console: "Console", made: "Trained", path: Path) -> None:
    """A version without its report is whole: it is served all the same."""
    from bot.understanding_report import write_report

    try:
        write_report(path, made.evaluation, made.run)
    except OSError as error:
        _warn(console, [f"the report could not be written: {error.strerror or error}"])
    else:
        console.print(f"  report: {_escaped(shown(path))}")


def _serve(console: "Console", version: str, versions: "Versions") -> None:
    before = versions.current
    try:
        versions.serve(version)
    except OSError as error:
        raise OperatorError(
            f"{version} is trained, but is not served: {error.strerror or error}",
            remedy=f"is the disk full? Then `frontdesk rollback {version}` serves it",
        ) from error
    back = f"; `frontdesk rollback` goes back to {before}" if before else ""
    console.print(f"  served from now on{back}")


def _warn(console: "Console", warnings: Sequence[str]) -> None:
    for warning in warnings:
        console.print(f"  [yellow]![/] {_escaped(warning)}")


def _evaluated(config: "Config", versions: "Versions", name: str, file: Path) -> "Evaluation":
    from bot.engines import maker
    from bot.intents.labelled import read_labelled
    from bot.intents.lessons import observer_of
    from models.errors import ModelError
    from models.understanding.judging import judge
    from models.understanding.predictor import Predictor

    encoder = maker(config.text_encoder, config.device)()
    try:
        predictor = Predictor(versions.path(name), encoder)
    except ModelError as error:
        raise OperatorError(str(error), remedy="`frontdesk versions` lists them") from error
    written = read_labelled(file, predictor.card.intents)
    image_encoder = maker(config.image_encoder, config.device)()
    if any(each.image for each in written):
        seen_by, trained_with = image_encoder.name, predictor.card.image_encoder
        if seen_by != trained_with:
            raise OperatorError(
                f"version {name} was trained on pictures as {trained_with} sees them, and the "
                f"image encoder is now {seen_by}",
                remedy="train it again: `frontdesk train`",
            )
    examples = observer_of(config, lambda: image_encoder).observe(written).examples
    predictions = []
    for at in range(0, len(examples), 100):
        some = [each.observation for each in examples[at : at + 100]]
        predictions += predictor.predict(predictor.encode(some))
    return judge(name, file.name, predictor.card.intents, examples, predictions)


def _print_trained(console: "Console", made: "Trained", seconds: float) -> None:
    run = made.run
    console.print(
        f"[green]✓[/] version [bold]{made.version}[/] from {counted(run.examples, 'example')} of "
        f"{counted(run.intents, 'intent')} in {seconds:.0f} s, "
        f"{counted(len(run.epochs), 'epoch')}"
        + (f", stopped early: epoch {run.best_epoch} was the best" if run.stopped_early else "")
    )
    console.print(f"  {_figures(made.evaluation)}")


def _figures(found: "Evaluation") -> str:
    if not found.judged:
        return "nothing was held out: too few examples"
    return (
        f"{found.version}: {found.accuracy:.1%} of {len(found.in_scope)} examples right, "
        f"calibration error {found.calibration_error:.3f} ({found.data})"
    )


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
