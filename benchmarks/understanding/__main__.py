"""Runs the parts that are named, or all; prints a table, and writes understanding.json.

`--keep FOLDER` keeps the trained models there, and takes those that an earlier run left: without
it they are gone in the end.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.figures import Figure
from benchmarks.telling import told
from benchmarks.understanding import compression, spoken, steering, text
from benchmarks.understanding.data import DATA
from benchmarks.understanding.shown import figures as shown

PARTS: dict[str, Callable[[Path], list[Figure]]] = {
    "frozen": text.banking_frozen,
    "banking": text.banking_tuned,
    "few": text.banking_few,
    "clinc": text.clinc150,
    "spoken": spoken.spoken_banking,
    "shown": shown.shown,
    "steering": steering.steering,
    "compression": compression.compression,
}
RESULTS = Path(__file__).parents[1] / "understanding.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *PARTS], metavar="NAME")
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"the public sets are not at {DATA}: see docs/understanding.md")
    console = Console(width=110)
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    missed = False
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as fresh:
        folder = arguments.keep or Path(fresh)
        for name in arguments.names or list(PARTS):
            figures = told(console, name, partial(PARTS[name], folder))
            results[name] = [figure.to_dict() for figure in figures]
            missed |= any(figure.reached is False for figure in figures)
            RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
