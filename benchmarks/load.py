"""Many customers at once, in a process of their own: `python -m benchmarks.load URL …`.

Each customer asks its next question when the last one is answered. Prints one line of JSON.
"""

import argparse
import asyncio
import json
import time
from typing import Any

import uvloop

from benchmarks.widget_client import WidgetClient


async def load(
    url: str, customers: int, seconds: float, warm_s: float, questions: list[str]
) -> dict[str, Any]:
    """Turns a second and latencies in milliseconds, after a warm-up."""
    clients = [await WidgetClient.open(url) for _ in range(customers)]
    begin = time.perf_counter() + warm_s
    end = begin + seconds
    latencies: list[float] = []
    answered = asked = 0

    async def converse(number: int, client: WidgetClient) -> None:
        nonlocal answered, asked
        turn = number
        while time.perf_counter() < end:
            asked += 1
            spent, reply = await client.ask(questions[turn % len(questions)])
            answered += bool(reply["text"])
            turn += 1
            if begin <= time.perf_counter() < end:
                latencies.append(spent * 1000)

    await asyncio.gather(*(converse(n, client) for n, client in enumerate(clients)))
    await asyncio.gather(*(client.close() for client in clients))
    latencies.sort()
    return {
        "turns_per_s": round(len(latencies) / seconds, 1),
        "p50_ms": round(latencies[len(latencies) // 2], 2),
        "p95_ms": round(latencies[int(len(latencies) * 0.95)], 2),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)], 2),
        "lost": asked - answered,
        "turns": asked,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--customers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-s", type=float, default=2)
    parser.add_argument("--questions", help="a JSON file with a list of texts")
    arguments = parser.parse_args()
    questions = ["Hello desk, this is a question of ordinary length?"]
    if arguments.questions:
        with open(arguments.questions) as file:
            questions = json.load(file)
    print(
        json.dumps(
            uvloop.run(
                load(
                    arguments.url,
                    arguments.customers,
                    arguments.seconds,
                    arguments.warm_s,
                    questions,
                )
            )
        )
    )


if __name__ == "__main__":
    main()
