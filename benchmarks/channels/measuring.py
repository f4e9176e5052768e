"""The figures: every channel at a steady rate, and what saturates the desk and its peers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.channels import peer
from benchmarks.channels.bare import VERIFIED
from benchmarks.desk_process import DeskProcess
from benchmarks.figures import Figure
from tests.connectors.signers import SIGNERS

RATE = 200
RATE_S = 4.0
SATURATED_S = 1.5
ROUNDS = 3
"""The desk and its peers take turns, so that what else the machine does troubles all alike."""
_MESSAGES_APART = 100_000

_batches = count(1)


def steady(folder: Path) -> list[Figure]:
    """Every channel that has a signer, while the desk answers."""
    figures = []
    with _desk(folder) as desk:
        for channel in SIGNERS:
            measured = _steady(desk.url, channel)
            figures += [
                Figure(f"{channel}, {RATE}/s, p50", measured["p50_ms"], "ms"),
                Figure("… p99", measured["p99_ms"], "ms", at_most=25),
                Figure("… the senders' own delay, p99", measured["late_p99_ms"], "ms"),
                Figure("… not acknowledged", measured["refused"], "", at_most=0),
            ]
    return figures


def saturated(folder: Path) -> list[Figure]:
    """The channels whose bare route is known: ours beside it, in turns."""
    figures = []
    for channel in _compared():
        with (
            _desk(folder / channel, "--silent") as silent,
            _desk(folder / f"{channel}-answering") as answering,
            _process("benchmarks.channels.bare") as bare,
        ):
            ours, theirs, both = _in_turns(channel, silent, bare, answering)
        figures += [
            Figure(f"{channel}, taken in, saturated", ours.per_s, "/s"),
            Figure("… a bare route that verifies the same", theirs.per_s, "/s"),
            Figure("… ours of it", ours.of(theirs), "", at_least=0.35),
            Figure("… while the desk answers each as well", both.per_s, "/s"),
            Figure("… processor time of the desk for each", ours.processor_us, "µs"),
            Figure("… of the bare route", theirs.processor_us, "µs"),
        ]
    return figures


def beside_opsdroid(folder: Path) -> list[Figure]:
    """Its connectors and ours, in turns. Raises `CannotBeCompared`."""
    figures = []
    with peer.serving() as (opsdroid, paths), _desk(folder, "--silent") as desk:
        for channel in _compared():
            ours, theirs = _in_turns(channel, desk, opsdroid, path=paths[channel])
            at_rate = _steady(opsdroid.url, channel, "--path", paths[channel])
            figures += [
                Figure(f"{channel}, opsdroid, saturated", theirs.per_s, "/s"),
                Figure("… ours beside it", ours.per_s, "/s"),
                Figure("… ours of it", ours.of(theirs), ""),
                Figure(f"… opsdroid at {RATE}/s, p99", at_rate["p99_ms"], "ms"),
                Figure("… processor time of opsdroid for each", theirs.processor_us, "µs"),
                Figure("… of the desk", ours.processor_us, "µs"),
            ]
    return figures


class _Saturated:
    """What one process has taken, round by round."""

    def __init__(self) -> None:
        self.rounds: list[float] = []
        self._processor_s = 0.0
        self._answered = 0

    def take(self, process: DeskProcess, channel: str, *options: str) -> None:
        before = process.desk_processor_s()
        measured = _send(process.url, channel, "--seconds", str(SATURATED_S), *options)
        if measured["refused"]:
            raise RuntimeError(f"{measured['refused']} of {channel} were not acknowledged")
        self.rounds.append(measured["per_s"])
        self._answered += measured["answered"]
        self._processor_s += process.desk_processor_s() - before

    @property
    def per_s(self) -> float:
        return median(self.rounds)

    @property
    def processor_us(self) -> float:
        return round(self._processor_s / self._answered * 1e6)

    def of(self, other: "_Saturated") -> float:
        """The median of the rounds' ratios."""
        return round(median(a / b for a, b in zip(self.rounds, other.rounds, strict=True)), 2)


def _in_turns(
    channel: str, first: DeskProcess, *others: DeskProcess, path: str = ""
) -> list[_Saturated]:
    """`path`: of the channel in the second process, where it is not as in the desk."""
    processes = (first, *others)
    found = [_Saturated() for _ in processes]
    for _ in range(ROUNDS):
        for number, (process, taken) in enumerate(zip(processes, found, strict=True)):
            taken.take(process, channel, *(("--path", path) if path and number else ()))
    return found


def _compared() -> list[str]:
    return [channel for channel in VERIFIED if channel in SIGNERS]


def _steady(url: str, channel: str, *options: str) -> dict[str, Any]:
    return _send(url, channel, "--rate", str(RATE), "--seconds", str(RATE_S), *options)


def _send(url: str, channel: str, *options: str) -> dict[str, Any]:
    """The providers in a process of their own; see `sending.py`. No message comes twice."""
    first = str(next(_batches) * _MESSAGES_APART)
    command = [sys.executable, "-m", "benchmarks.channels.sending", url, channel, "--first", first]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout))


def _desk(folder: Path, *options: str) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    return _process("benchmarks.channels.desk", str(folder), *options)


@contextmanager
def _process(module: str, *options: str) -> Iterator[DeskProcess]:
    process = DeskProcess([sys.executable, "-m", module, *options])
    try:
        yield process
    finally:
        process.stop()
