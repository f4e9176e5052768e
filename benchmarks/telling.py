"""Runs one benchmark, and tells what it measured as a table."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure


def told(console: Console, name: str, measure: Callable[[], list[Figure]]) -> list[Figure]:
    """The figures, after they have been printed."""
    console.print(f"[bold]{name}[/] …", highlight=False)
    started = time.perf_counter()
    figures = measure()
    table = Table("figure", "measured", "to reach", "")
    for figure in figures:
        table.add_row(figure.name, figure.shown, figure.goal, figure.verdict)
    console.print(table)
    console.print(f"{time.perf_counter() - started:.0f} s", highlight=False)
    return figures
