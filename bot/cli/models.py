"""`frontdesk models`: the weights of engines, and how fast engines are on this machine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.project import HERE, Project, load_project, shown
from bot.errors import OperatorError

if TYPE_CHECKING:
    from rich.console import Console

    from bot.config import Config
    from bot.engine_bench import Measured
    from bot.weights import Named
    from models.downloads import Progress, Weights

models = typer.Typer(
    help="""The weights of engines, and how fast engines are on this machine.

    Example: `frontdesk models list`
    """,
    no_args_is_help=True,
)

_WRONG = 2

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="`ENGINE`, `ENGINE:MODEL`, or a part such as `transcriber`.",
        show_default="all that frontdesk.yaml names",
    ),
]


@models.command("list")
def list_models(project: Project = HERE) -> None:
    """List the engines that frontdesk.yaml chooses, and where their weights lie.

    Example: `frontdesk models list --project examples/voltaro`
    """
    from rich.console import Console
    from rich.markup import escape

    from bot.weights import chosen
    from models.downloads import located

    config = load_project(project)
    console = Console(soft_wrap=True, highlight=False)
    missing = wrong = False
    for named in chosen(config):
        console.print(f"[bold]{named.part}[/]: {escape(named.line)}")
        try:
            weights = named.weights
        except OperatorError as error:
            wrong = True
            console.print(f"  [red]✗[/] {escape(error.problem)}\n    → {escape(error.remedy)}")
            continue
        missing |= any(located(each) is None for each in weights)
        _print_all(console, weights)
    if missing:
        console.print("`frontdesk models pull` fetches what is missing")
    if wrong:
        raise typer.Exit(_WRONG)


@models.command()
def pull(names: Names = None, project: Project = HERE) -> None:
    """Fetch the weights of engines now, so that the desk opens at once and without a connection.

    What broke off goes on where it was, and everything is checked against its published checksum.
    Proxies (`HTTPS_PROXY`), a mirror (`HF_ENDPOINT`) and a token (`HF_TOKEN`) are taken from the
    environment.

    Example: `frontdesk models pull image_encoder text_encoder:transformers:BAAI/bge-m3`
    """
    from rich.console import Console
    from rich.markup import escape

    console = Console(soft_wrap=True, highlight=False)
    for each in _named(names, project):
        weights = each.weights
        fetch(console, weights)
        console.print(f"[green]✓[/] [bold]{each.part}[/]: {escape(each.line)}")
        _print_all(console, weights)


@models.command()
def bench(names: Names = None, project: Project = HERE) -> None:
    """Measure engines on this machine, side by side, and say which one to take.

    Each is loaded in a process of its own. What is not here yet is fetched first. A speech engine
    keeps up where it takes at most half a second for a second of speech.

    Example: `frontdesk models bench moonshine espeak text_encoder image_encoder`
    """
    from rich.console import Console

    from bot.engine_bench import KINDS, Task, measured

    console = Console(soft_wrap=True, highlight=False)
    found: dict[str, dict[str, tuple[Measured, int]]] = {}
    device = _device(project)
    for each in _named(names, project):
        if each.part not in KINDS:
            raise OperatorError(f"engines for `{each.part}` cannot be measured")
        weights = each.weights
        fetch(console, weights)
        size = sum(_size(one) for one in weights)
        with console.status(f"measuring {each.line}"):
            one = measured(Task(each.part, each.settings, device))
        found.setdefault(each.part, {})[each.line] = (one, size)
    for part, those in found.items():
        _print_measured(console, part, those)
    if all(one.problem for those in found.values() for one, _ in those.values()):
        raise typer.Exit(1)


def fetch(console: "Console", weights: "Sequence[Weights]") -> None:
    """Have weights here, with a bar for each that has to be fetched. Raises `EngineMissing`."""
    from models.downloads import pulled

    with _bars(console) as tell:
        for each in weights:
            pulled(each, tell)


def fetch_all(config: "Config") -> None:
    """The same for all that a configuration needs. Raises `OperatorError` too. Not for an event
    loop: a thread could not be interrupted."""
    from rich.console import Console

    from bot import weights

    with _bars(Console(stderr=True, highlight=False)) as tell:
        weights.fetch(config, tell)


@contextmanager
def _bars(console: "Console") -> "Iterator[Progress]":
    """None where the output is no terminal; then a line for each."""
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("fetching {task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    bars = Progress(*columns, console=console, transient=True)
    tasks: dict[str, TaskID] = {}

    def tell(name: str, done: int, of: int) -> None:
        if name not in tasks:
            if not console.is_terminal:
                console.print(f"  fetching {escape(name)}, {of / 1e6:.0f} MB")
            bars.start()
            tasks[name] = bars.add_task(escape(name), total=of)
        bars.update(tasks[name], completed=done, total=of)

    try:
        yield tell
    finally:
        if tasks:
            bars.stop()


def _named(names: list[str] | None, project: Path) -> "list[Named]":
    """Without names, those of the project; with, a project need not be there."""
    from bot.weights import chosen, named

    if not names:
        return chosen(load_project(project))
    config = load_project(project) if (project / "frontdesk.yaml").is_file() else None
    return [each for name in names for each in named(name, config, project.absolute())]


def _device(project: Path) -> str:
    return load_project(project).device if (project / "frontdesk.yaml").is_file() else "auto"


def _print_all(console: "Console", weights: "Sequence[Weights]") -> None:
    for each in weights:
        _print_weights(console, each)
    if not weights:
        console.print("  its package brings all it needs, or a server has it")


def _print_weights(console: "Console", weights: "Weights") -> None:
    """What they are, how large, under which licence, and where."""
    from rich.markup import escape

    from models.downloads import licence_of, located

    place, size = located(weights), _size(weights)
    facts = [
        escape(weights.name),
        f"{size / 1e6:.0f} MB" if size else "size not known yet",
        licence_of(weights) or "licence: see its own page",
        escape(shown(place)) if place else "[yellow]not here yet[/]",
    ]
    console.print(f"  {', '.join(facts)}")


def _size(weights: "Weights") -> int:
    from models.downloads import bytes_of, located

    place = located(weights)
    return bytes_of(place) if place else weights.size_bytes


def _print_measured(
    console: "Console", part: str, found: "dict[str, tuple[Measured, int]]"
) -> None:
    from rich.markup import escape
    from rich.table import Column, Table

    from bot.engine_bench import KINDS, best

    kind = KINDS[part]
    table = Table(Column(part, overflow="fold"), "loads in", "memory", "on the card", kind.what)
    for name, (one, _) in found.items():
        if one.problem:
            remedy = f"\n→ {escape(one.remedy)}" if one.remedy else ""
            table.add_row(name, "", "", "", f"[red]{escape(one.problem)}[/]{remedy}")
            continue
        card = f"{one.card_bytes / 1e6:.0f} MB" if one.card_bytes else ""
        memory = f"{one.memory_bytes / 1e6:.0f} MB"
        table.add_row(name, f"{one.load_s:.1f} s", memory, card, kind.shown(one.figure))
    console.print(table)
    sizes = {name: size for name, (_, size) in found.items()}
    name, why = best({name: one for name, (one, _) in found.items()}, sizes, kind)
    if name:
        console.print(f"[green]→[/] [bold]{part}: {escape(name)}[/] ({why})\n")
    else:
        console.print(f"[red]✗[/] {why}\n")
