"""How long written-down turns are waited for, and who is cut off, as the desk decides now.

python -m benchmarks.turn_ends.measure FILE…
"""

import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.turn_ends.pauses import Pause
from bot.calls.endpointing import patience_s


def main() -> None:
    table = Table(
        *("whose", "line", "Smart Turn", "with pauses", "cut off %", "whole", "p50 s", "p95 s"),
        title="from the end of the voice until the turn is taken to be over",
    )
    found = [pause for file in sys.argv[1:] for pause in read(Path(file))]
    unseen = [pause for pause in found if pause.group != "people" or pause.part == 1]
    for group, each in groupby(sorted(unseen, key=_whose), _whose):
        pauses = list(each)
        for listens in (False, True):
            table.add_row(*group, "yes" if listens else "no", *_figures(pauses, listens))
    Console(width=110).print(table)


def read(file: Path) -> list[Pause]:
    return [msgspec.json.decode(line, type=Pause) for line in file.read_bytes().splitlines()]


def _whose(pause: Pause) -> tuple[str, str]:
    return pause.group, pause.line if pause.group == "people" else "all"


def _figures(pauses: Sequence[Pause], listens: bool) -> list[str]:
    waits = np.array(
        [
            patience_s(
                pause.text, "en", melody=pause.melody, complete=pause.complete if listens else None
            )
            for pause in pauses
        ]
    )
    turns = {pause.turn for pause in pauses if not pause.whole}
    cut = {
        pause.turn
        for pause, wait_s in zip(pauses, waits, strict=True)
        if not pause.whole and pause.lasts_s is not None and wait_s <= pause.lasts_s
    }
    whole = [
        pause.late_s + wait_s
        for pause, wait_s in zip(pauses, waits, strict=True)
        if pause.whole and pause.lasts_s is None
    ]
    middle, most = np.percentile(whole, (50, 95)) if whole else (np.nan, np.nan)
    share = 100 * len(cut) / max(1, len(turns))
    return [f"{len(turns)}", f"{share:.1f}", f"{len(whole)}", f"{middle:.2f}", f"{most:.2f}"]


if __name__ == "__main__":
    main()
