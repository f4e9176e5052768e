"""Measures voice calls in real time, with the embedded engines; prints tables, writes calls.json.

The callers are synthetic voices, so the figures compare versions of the desk; people pause, murmur
and end their sentences in other ways too.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks.calls import measuring
from benchmarks.telling import told

PARTS = {
    "answers": measuring.answers,
    "at-once": measuring.at_once,
    "cut-offs": measuring.cut_offs,
    "murmurs": measuring.murmurs,
    "memory": measuring.memory,
}
RESULTS = Path(__file__).parents[1] / "calls.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *PARTS], metavar="PART")
    names = parser.parse_args().names or list(PARTS)
    console = Console(width=110)
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    missed = False
    for name in names:
        with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
            busy = psutil.getloadavg()[0] / (psutil.cpu_count() or 1)
            figures = told(console, name, partial(PARTS[name], Path(folder)))
        results[name] = [figure.to_dict() for figure in figures]
        results.setdefault("load_for_each_core_before", {})[name] = round(busy, 2)
        missed |= any(figure.reached is False for figure in figures)
    results["machine"] = {
        "cores": psutil.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "measured_at": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")
    console.print(f"written to {RESULTS.name}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
