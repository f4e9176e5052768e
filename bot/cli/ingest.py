"""`frontdesk ingest`: the knowledge folder into the index."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.project import HERE, Project, counted, load_project, shown

if TYPE_CHECKING:
    from rich.console import Console

    from bot.config import Config
    from bot.knowledge import IngestReport
    from bot.knowledge.encoding import Progress

_STEPS = {
    "read": "Reading articles",
    "encode": "Encoding passages",
    "perceive": "Reading screens, hearing recordings",
    "vectors": "Encoding examples",
    "train": "Training",
    "pruned": "Making the encoder smaller",
    "distilled": "Making the encoder smaller",
    "everything": "Training on everything",
    "words": "Learning words",
    "write": "Writing the version",
    "synthesize": "Rendering and speaking",
}


def ingest(
    project: Project = HERE,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Name every file that changed.")
    ] = False,
) -> None:
    """Bring the index up to date with the articles. Only what changed is read.

    Example: `frontdesk ingest --project examples/voltaro`
    """
    from rich.console import Console

    config = load_project(project)
    console = Console(soft_wrap=True, highlight=False)
    started = time.perf_counter()
    report = ingest_project(config, console)
    seconds = time.perf_counter() - started
    _print_report(console, report, verbose)
    console.print(
        f"[green]✓[/] {what_was_read(report)} from {shown(config.knowledge.folder)} "
        f"in {seconds:.1f} s"
    )


def ingest_project(config: "Config", console: "Console") -> "IngestReport":
    """Update a project's index, with progress on the console. Raises `OperatorError`."""
    from bot.cli.models import fetch_all
    from bot.engines import maker
    from bot.knowledge import ingest as update

    fetch_all(config)
    encoder = maker(config.text_encoder, config.device)()
    with progress_bars(console) as tell:
        return update(config.knowledge.folder, config.index_folder, encoder, tell)


@contextmanager
def progress_bars(console: "Console") -> Iterator["Progress"]:
    """A bar for each step, with the time it still takes; none where the output is not a
    terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    bars = Progress(*columns, console=console, transient=True)
    tasks: dict[str, TaskID] = {}

    def tell(step: str, done: int, of: int) -> None:
        if step not in tasks:
            bars.start()
            tasks[step] = bars.add_task(_STEPS.get(step, step), total=of)
        bars.update(tasks[step], completed=done, total=of)

    try:
        yield tell
    finally:
        if tasks:
            bars.stop()


def _print_report(console: "Console", report: "IngestReport", verbose: bool) -> None:
    from rich.markup import escape

    for word, files in (
        ("new", report.added),
        ("changed", report.changed),
        ("removed", report.removed),
    ):
        if files:
            names = f": {escape(', '.join(files))}" if verbose else ""
            console.print(f"  {len(files)} {word}{names}")
    if report.unchanged:
        console.print(f"  {report.unchanged} unchanged")
    print_skipped(console, report)


def what_was_read(report: "IngestReport") -> str:
    """`1 article, 12 passages`; and how many of the customers' own questions, where there are."""
    counts = [(report.articles, "article"), (report.passages, "passage")]
    if report.asked:
        counts.append((report.asked, "customers' question"))
    return ", ".join(counted(count, noun) for count, noun in counts)


def print_skipped(console: "Console", report: "IngestReport") -> None:
    """Name each file that could not be read, and why."""
    from rich.markup import escape

    for skipped in report.skipped:
        console.print(f"  [yellow]skipped[/] {escape(skipped.path)}: {escape(skipped.reason)}")
