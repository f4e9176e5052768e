"""A desk in a process of its own, as a customer's would be: started, measured, stopped."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "examples" / "voltaro"
_LOOK_AGAIN_S = 0.005
"""Of another process, which wakes nobody when it is ready: often enough for that to be measured."""


class DeskProcess:
    """A running desk; `ready_s` is the time from its start until it took messages."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        started = time.perf_counter()
        number, name = tempfile.mkstemp(suffix=".log")
        self._said = Path(name)
        with os.fdopen(number, "w") as said:
            self._process = subprocess.Popen(
                command,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env=os.environ | (environment or {}),
            )
        self.url = self._read_url()
        _wait_until_ready(self.url)
        self.ready_s = time.perf_counter() - started

    def memory_bytes(self) -> int:
        """Resident memory of the desk and of its embedded Redis."""
        desk = psutil.Process(self._process.pid)
        return sum(p.memory_info().rss for p in [desk, *desk.children(recursive=True)])

    def desk_memory_bytes(self) -> int:
        """Resident memory of the desk alone."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def desk_processor_s(self) -> float:
        """Processor time that the desk alone has used."""
        spent = psutil.Process(self._process.pid).cpu_times()
        return float(spent.user + spent.system)

    def output(self) -> str:
        """What it has said so far."""
        return self._said.read_text("utf-8")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)
        self._said.unlink()

    def _read_url(self, limit_s: float = 300) -> str:
        deadline = time.perf_counter() + limit_s
        while time.perf_counter() < deadline:
            said = self.output()
            if found := re.search(r"https?://[\w.:\[\]-]+:\d+", said):
                return found.group()
            if self._process.poll() is not None:
                raise RuntimeError(f"the desk ended before it was ready:\n{said}")
            time.sleep(_LOOK_AGAIN_S)  # it writes into a file, and nothing waits for that
        raise RuntimeError(f"the desk was not ready within {limit_s} s:\n{said}")


@contextmanager
def example_desk(folder: Path, *, settings: str = "", **environment: str) -> Iterator[DeskProcess]:
    """`frontdesk serve` on a copy of the example business, its rate limits lifted.

    `folder`: for the copy and its data; the data of a desk that ran there before is used again.
    `settings`: sections that the example has not, in YAML.
    """
    project = folder / "voltaro"
    without_data = shutil.ignore_patterns(".frontdesk")
    shutil.copytree(EXAMPLE, project, ignore=without_data, dirs_exist_ok=True)
    file = project / "frontdesk.yaml"
    file.write_text(lift_limits(file.read_text("utf-8")) + settings, "utf-8")
    frontdesk = str(Path(sys.executable).with_name("frontdesk"))
    command = [frontdesk, "serve", "--project", str(project), "--port", "0"]
    desk = DeskProcess(command, environment)
    try:
        yield desk
    finally:
        desk.stop()


@contextmanager
def echo_desk(folder: Path) -> Iterator[DeskProcess]:
    desk = DeskProcess([sys.executable, "-m", "benchmarks.echo_desk", str(folder)])
    try:
        yield desk
    finally:
        desk.stop()


def lift_limits(settings: str) -> str:
    """A benchmark asks more in a minute than a person may."""
    return re.sub(r"(?m)^limits:\n(?:[ \t]+.*\n)*", "", settings) + (
        "\nlimits:\n  messages_per_minute: 1000000\n  sessions_per_minute: 1000000\n"
        "  uploads_per_minute: 1000000\n"
    )


def _wait_until_ready(url: str, limit_s: float = 120) -> None:
    deadline = time.perf_counter() + limit_s
    while time.perf_counter() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz") as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(_LOOK_AGAIN_S)  # its port refuses until it listens
    raise RuntimeError(f"{url} did not become ready within {limit_s} s")
