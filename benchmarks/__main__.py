"""`python -m benchmarks [NAME …]`: measure the desk, print a table, write results.json.

Each figure stands beside what it is to reach. Names: see `BENCHMARKS`; without one, all of them.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks import (
    connections,
    languages,
    memory,
    retrieval,
    start,
    text_turns,
    voice_and_image,
)
from benchmarks.figures import Figure
from benchmarks.telling import told

BENCHMARKS: dict[str, Callable[[Path], list[Figure]]] = {
    "text": text_turns.one_conversation,
    "crowd": text_turns.hundred_conversations,
    "echo": text_turns.echo,
    "attachments": voice_and_image.measure,
    "start": start.measure,
    "memory": memory.measure,
    "connections": connections.measure,
    "retrieval": retrieval.measure,
    "languages": languages.measure,
}
RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="NAME")
    names = parser.parse_args().names or list(BENCHMARKS)
    console = Console(width=110)
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    missed = False
    for name in names:
        with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
            figures = told(console, name, partial(BENCHMARKS[name], Path(folder)))
        results[name] = [figure.to_dict() for figure in figures]
        missed |= any(figure.reached is False for figure in figures)
    results["machine"] = {
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")
    console.print(f"written to {RESULTS.name}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
