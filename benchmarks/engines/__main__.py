"""`python -m benchmarks.engines [PART …]`: measure engines, print a table, write engines.json.

The parts are the files beside this one; without a name, all of them.
"""

import argparse
import json
import platform
import sys
import tempfile
from functools import partial
from importlib import import_module
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks.telling import told

HERE = Path(__file__).parent
PARTS = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
RESULTS = HERE.parent / "engines.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *PARTS], metavar="PART")
    names = parser.parse_args().names or PARTS
    console = Console(width=110)
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    missed = False
    for name in names:
        measure = import_module(f"benchmarks.engines.{name}").measure
        with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
            figures = told(console, name, partial(measure, Path(folder)))
        results[name] = [figure.to_dict() for figure in figures]
        missed |= any(figure.reached is False for figure in figures)
        results["machine"] = {
            "cores": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
        }
        RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
