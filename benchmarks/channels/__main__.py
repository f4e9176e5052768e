"""Measures how fast webhooks are taken in; prints tables, and writes channels.json.

The last part compares with opsdroid, which is installed into build/opsdroid when it is not there;
`--alone` leaves it out. Only ratios of one run mean anything on a machine that does other things:
where the senders' own delay is large, so is everything else.
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

from benchmarks.channels import measuring
from benchmarks.peer_environment import CannotBeCompared
from benchmarks.telling import told

PARTS = {
    "steady": measuring.steady,
    "saturated": measuring.saturated,
    "opsdroid": measuring.beside_opsdroid,
}
RESULTS = Path(__file__).parents[1] / "channels.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--alone", action="store_true", help="without opsdroid")
    arguments = parser.parse_args()
    names = arguments.names or [name for name in PARTS if name != "opsdroid" or not arguments.alone]
    console = Console(width=110)
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    busy = psutil.getloadavg()[0] / (psutil.cpu_count() or 1)
    missed = False
    for name in names:
        with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
            try:
                figures = told(console, name, partial(PARTS[name], Path(folder)))
            except CannotBeCompared as error:
                console.print(f"opsdroid cannot be compared with on this machine: {error}")
                results[name] = {"cannot_be_compared": str(error)}
                continue
        results[name] = [figure.to_dict() for figure in figures]
        missed |= any(figure.reached is False for figure in figures)
    results["machine"] = {
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_for_each_core_before": round(busy, 2),
        "measured_at": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if busy > 0.3:
        console.print(
            f"the machine was busy before (load {busy:.1f} for each core): "
            "only the ratios of this run mean anything"
        )
    console.print(f"written to {RESULTS.name}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
