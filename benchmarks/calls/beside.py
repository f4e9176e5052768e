"""The same clips for Pipecat, and its figures beside the desk's.

It answers with one short sentence what the desk looks up; on both sides time runs from the last
sample of the caller's voice to the first audible sample of the answer.
"""

import asyncio
import math
from contextlib import ExitStack
from pathlib import Path

import uvloop

from benchmarks.calls.caller import Caller, Saying
from benchmarks.calls.calling import Spoken, talk
from benchmarks.calls.measuring import Run, calls_of, p, progress, wait_ms, was_cut
from benchmarks.calls.peer import pipecat, pipecat_line
from benchmarks.calls.speech import Clip, paused_clips, people_clips, whole_clips
from benchmarks.figures import Figure

_POLITE_S = 0.4
_PROCESSES = 5
"""For the clips with pauses: one takes one call at a time."""
_JUDGED_S = 1.5
"""After a voice's end, at most, Smart Turn has said what it thinks."""


def beside_pipecat(folder: Path, run: Run) -> list[Figure]:
    """After `answers` and `cut_offs` of the same run. Raises `CannotBeCompared`."""
    waits, complete = uvloop.run(_answers())
    cut = uvloop.run(_cut_offs())
    both = [(a, b) for a, b in zip(run.waits_ms, waits, strict=True) if not math.isnan(a + b)]
    ours, theirs = ([pair[n] for pair in both] for n in (0, 1))
    at_once = [
        (a, b)
        for a, b, whole in zip(run.waits_ms, waits, complete, strict=True)
        if whole and not math.isnan(a + b)
    ]
    ours_then, theirs_then = ([pair[n] for pair in at_once] for n in (0, 1))
    ratio = p(theirs, 0.5) / p(ours, 0.5)
    then = p(ours_then, 0.5) / p(theirs_then, 0.5)
    return [
        Figure("clips that both answered", len(both), ""),
        Figure("not answered by Pipecat", sum(map(math.isnan, waits)), ""),
        Figure("Pipecat, p50", p(theirs, 0.5), "ms"),
        Figure("the desk, p50", p(ours, 0.5), "ms"),
        Figure("Pipecat, p95", p(theirs, 0.95), "ms"),
        Figure("the desk, p95", p(ours, 0.95), "ms"),
        Figure("times as fast at p50", round(ratio, 2), "", at_least=2),
        Figure("clips that Smart Turn called complete at once", len(at_once), ""),
        Figure("Pipecat on these, p50", p(theirs_then, 0.5), "ms"),
        Figure("the desk on these, p50", p(ours_then, 0.5), "ms"),
        Figure("the desk's share of Pipecat's time on these", round(then, 2), "", at_most=1),
        Figure("utterances with pauses", len(cut), ""),
        Figure("of them cut off by Pipecat", 100 * sum(cut) / len(cut), "%"),
        Figure(
            "of them cut off by the desk",
            100 * sum(run.cut) / len(run.cut),
            "%",
            at_most=100 * sum(cut) / len(cut) - 1,
        ),
    ]


async def _answers() -> tuple[list[float], list[bool]]:
    """For each clip: the wait, and whether Smart Turn called it complete at once."""
    clips = [*whole_clips(), *people_clips()]
    waits, complete = [math.nan] * len(clips), [False] * len(clips)
    with pipecat() as address:
        for done, (_, part) in enumerate(calls := list(calls_of(clips)), 1):
            sayings, spoken, judged = await _ask(address, [clips[n] for n in part])
            for n, saying in zip(part, sayings, strict=True):
                waits[n] = wait_ms(saying)
                verdicts = [
                    whole
                    for at, whole in judged
                    if 0 <= at - spoken.began - saying.to_s < _JUDGED_S
                ]
                complete[n] = bool(verdicts) and verdicts[0]
            progress(done, len(calls))
    return waits, complete


async def _cut_offs() -> list[bool]:
    clips = paused_clips()
    with ExitStack() as stack:
        addresses = [stack.enter_context(pipecat()) for _ in range(_PROCESSES)]
        size = -(-len(clips) // _PROCESSES)
        calls = [
            _ask(address, clips[n * size : (n + 1) * size]) for n, address in enumerate(addresses)
        ]
        return [
            was_cut(spoken, saying)
            for sayings, spoken, _ in await asyncio.gather(*calls)
            for saying in sayings
        ]


async def _ask(
    address: str, clips: "tuple[Clip, ...] | list[Clip]"
) -> tuple[list[Saying], Spoken, list[tuple[float, bool]]]:
    async with pipecat_line(address) as line:
        sayings = [Saying(clip.at(line.rate_hz)) for clip in clips]
        caller = Caller(sayings, line.rate_hz, polite_s=_POLITE_S)
        return sayings, await talk(line, caller), line.judged
