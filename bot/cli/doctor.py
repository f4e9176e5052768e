"""`frontdesk doctor`: is everything there, and what mends what is not."""

import time
from typing import TYPE_CHECKING

import typer

from bot.cli.project import HERE, Project, load_project

if TYPE_CHECKING:
    from rich.console import Console

    from bot.cli.checks import Check

_SICK = 1
_NOT_EXPECTED = "make clean setup; if that does not mend it, please report it"


def doctor(project: Project = HERE) -> None:
    """Check every part, say what is missing, and the line that mends it.

    The exit code is 0 where the desk can open, 1 where it cannot.

    Example: `frontdesk doctor --project examples/voltaro`
    """
    from rich.console import Console

    from bot.cli.checks import machine_checks, project_checks
    from bot.errors import OperatorError

    console = Console(highlight=False, soft_wrap=True)
    sound = [_perform(console, name, check) for name, check in machine_checks()]
    try:
        config = load_project(project)
    except OperatorError as error:
        _print(console, "[red]✗[/]", "configuration", error.problem, error.remedy)
        raise typer.Exit(_SICK) from error
    _print(console, "[green]✓[/]", "configuration", config.name)
    sound += [_perform(console, name, check) for name, check in project_checks(config)]
    if not all(sound):
        raise typer.Exit(_SICK)
    console.print("\nThe desk can open: [bold]frontdesk serve[/]")


def _perform(console: "Console", name: str, check: "Check") -> bool:
    """Run one check and print what it found; False where the desk cannot open with it."""
    from bot.cli.checks import Concern
    from bot.errors import OperatorError
    from models.errors import EngineMissing

    started = time.perf_counter()
    try:
        found = check()
    except Concern as concern:
        _print(console, "[yellow]![/]", name, str(concern), concern.remedy)
    except OperatorError as error:
        _print(console, "[red]✗[/]", name, error.problem, error.remedy)
        return False
    except EngineMissing as error:
        _print(console, "[red]✗[/]", name, str(error).partition("\n")[0], error.remedy)
        return False
    except Exception as error:  # noqa: BLE001 - whatever a part does, the others are looked at too
        _print(console, "[red]✗[/]", name, f"{type(error).__name__}: {error}", _NOT_EXPECTED)
        return False
    else:
        took = f", {time.perf_counter() - started:.1f} s" if found.endswith("loads") else ""
        _print(console, "[green]✓[/]", name, found + took)
    return True


def _print(console: "Console", mark: str, name: str, found: str, remedy: str = "") -> None:
    from rich.markup import escape

    console.print(f"{mark} {name:14} {escape(found)}")
    if remedy:
        console.print(f"{'':16} [bold]→[/] {escape(remedy)}")
