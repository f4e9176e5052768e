"""From the start of `frontdesk serve` to its first answer."""

import time
from pathlib import Path

import uvloop

from benchmarks.desk_process import example_desk
from benchmarks.figures import Figure, percentile
from benchmarks.widget_client import WidgetClient

_ROUNDS = 3


def measure(folder: Path) -> list[Figure]:
    """The knowledge has been taken in before, as on every start but the first."""
    ready, answered = [], []
    first = 0.0
    for number in range(_ROUNDS + 1):
        started = time.perf_counter()
        with example_desk(folder) as desk:
            uvloop.run(_ask(desk.url))
            spent = time.perf_counter() - started
            if number:
                ready.append(desk.ready_s)
                answered.append(spent)
            else:
                first = spent
    return [
        Figure("start to ready", round(percentile(ready, 0.5), 2), "s", at_most=5),
        Figure("start to the first text answered", round(percentile(answered, 0.5), 2), "s"),
        Figure("… the first start, taking in the knowledge", round(first, 2), "s"),
    ]


async def _ask(url: str) -> None:
    customer = await WidgetClient.open(url)
    await customer.ask("How do I return something?")
    await customer.close()
