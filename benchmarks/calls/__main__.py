"""Measures voice calls in real time over real sockets, with the embedded engines; prints tables,
and writes calls.json.

The callers are synthetic voices, but for a few recordings, so the figures compare versions of the
desk; people pause, murmur and end their sentences in other ways too. The last part puts the same
clips to Pipecat, which is installed into build/pipecat when it is not there; `--alone` leaves it
out. `long` takes half an hour, and runs only when it is named.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from benchmarks.calls import beside, measuring, words
from benchmarks.calls.speech import people_clips
from benchmarks.peer_environment import CannotBeCompared
from benchmarks.telling import told

PARTS = {
    "answers": measuring.answers,
    "at-once": measuring.at_once,
    "cut-offs": measuring.cut_offs,
    "murmurs": measuring.murmurs,
    "memory": measuring.memory,
    "words": words.word_errors,
    "pipecat": beside.beside_pipecat,
    "long": measuring.long,
}
COMPARED = ("answers", "cut-offs")
"""What Pipecat's part compares with, of the same run."""
RESULTS = Path(__file__).parents[1] / "calls.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--alone", action="store_true", help="without Pipecat")
    arguments = parser.parse_args()
    names = _chosen(arguments.names, alone=arguments.alone)
    console = Console(width=110)
    if not people_clips():
        console.print(
            "left out: the clips of a person, whose recordings are not beside this checkout"
        )
    measured: dict[str, Any] = {}
    loads: dict[str, float] = {}
    run = measuring.Run()
    missed = False
    for name in names:
        busy = psutil.getloadavg()[0] / (psutil.cpu_count() or 1)
        with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
            try:
                figures = told(console, name, partial(PARTS[name], Path(folder), run))
            except CannotBeCompared as error:
                console.print(f"Pipecat cannot be compared with on this machine: {error}")
                measured[name] = {"cannot_be_compared": str(error)}
                continue
        measured[name] = [figure.to_dict() for figure in figures]
        loads[name] = round(busy, 2)
        missed |= any(figure.reached is False for figure in figures)
    _write(measured, loads)
    console.print(f"written to {RESULTS.name}")
    sys.exit(1 if missed else 0)


def _write(measured: dict[str, Any], loads: dict[str, float]) -> None:
    """Parts that were not measured now stay as they were."""
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    results |= measured
    results["load_for_each_core_before"] = results.get("load_for_each_core_before", {}) | loads
    results["machine"] = {
        "cores": psutil.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "measured_at": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _chosen(named: list[str], *, alone: bool) -> list[str]:
    names = named or [name for name in PARTS if name != "long"]
    if alone:
        names = [name for name in names if name != "pipecat"]
    elif "pipecat" in names:
        names = [name for name in PARTS if name in names or name in COMPARED]
    return names


if __name__ == "__main__":
    main()
