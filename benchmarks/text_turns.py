"""Text turns over a real WebSocket: one conversation, a hundred, and the path with an echo."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.desk_process import EXAMPLE, echo_desk, example_desk
from benchmarks.figures import Figure, percentile
from benchmarks.widget_client import WidgetClient

_TURNS = 300
_WARM_TURNS = 30
_THINKING_S = 0.02


def one_conversation(folder: Path) -> list[Figure]:
    """Latency of a warm conversation, and how much of it is not model inference."""
    with example_desk(folder) as desk:
        latencies, own = uvloop.run(_converse(desk.url, questions()))
    return [
        Figure("text turn, p50", round(percentile(latencies, 0.50), 2), "ms", at_most=20),
        Figure("text turn, p95", round(percentile(latencies, 0.95), 2), "ms", at_most=45),
        Figure("all but model inference, p50", round(percentile(own, 0.50), 2), "ms", at_most=6),
    ]


def hundred_conversations(folder: Path) -> list[Figure]:
    asked = folder / "questions.json"
    asked.write_text(json.dumps(questions()), "utf-8")
    with example_desk(folder) as desk:
        measured = _load(desk.url, "--customers", "100", "--questions", str(asked))
    return [
        Figure("text turns, 100 conversations", measured["turns_per_s"], "/s", at_least=100),
        Figure("… p95", measured["p95_ms"], "ms", at_most=1500),
        Figure("… lost", measured["lost"], "", at_most=0),
    ]


def echo(folder: Path) -> list[Figure]:
    with echo_desk(folder) as desk:
        measured = _load(desk.url, "--customers", "50")
    return [
        Figure("echo turns, 50 connections", measured["turns_per_s"], "/s", at_least=1500),
        Figure("… p95", measured["p95_ms"], "ms", at_most=60),
        Figure("… lost", measured["lost"], "", at_most=0),
    ]


def questions() -> list[str]:
    """The typed questions of the example business."""
    lines = (EXAMPLE / "questions" / "heldout.jsonl").read_text("utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    return [item["text"] for item in asked if item["kind"] in ("paraphrase", "typo")]


async def _converse(url: str, asked: list[str]) -> tuple[list[float], list[float]]:
    """Milliseconds of each turn as the customer sees it, and of its part that is ours."""
    customer = await WidgetClient.open(url)
    latencies, own = [], []
    for number in range(_WARM_TURNS + _TURNS):
        spent, reply = await customer.ask(asked[number % len(asked)])
        if number >= _WARM_TURNS:
            trace = await customer.trace(reply["turn"])
            latencies.append(spent * 1000)
            own.append(spent * 1000 - _inference_ms(trace))
        await asyncio.sleep(_THINKING_S)
    await customer.close()
    return latencies, own


def _inference_ms(trace: dict[str, Any]) -> float:
    return float(trace["milliseconds"].get("encode", 0.0))


def _load(url: str, *options: str) -> dict[str, Any]:
    """The load generator in a process of its own; see `benchmarks/load.py`."""
    command = [sys.executable, "-m", "benchmarks.load", url, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))
