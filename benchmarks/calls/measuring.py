"""The parts of the measurement: answers, eight calls at once, cut-offs, what interrupts, memory."""

import asyncio
import os
import random
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import psutil
import uvloop

from benchmarks.calls.line import MeasuringLine, Saying
from benchmarks.calls.speech import LINES, VOICES, burst, over, said, sentences
from benchmarks.desk_process import EXAMPLE
from benchmarks.figures import Figure, percentile
from bot.calls.switchboard import Held, Switchboard
from bot.calls.talk import CALL
from bot.calls.timeline import Timeline
from bot.calls.transport import Call
from bot.config import load
from bot.messages import CustomerId, new_id
from bot.opening import open_desk

_TURNS_A_CALL = 10
_EVERY_S = 0.2
"""How often memory is looked at."""
_OVER_S = 1.2
"""How long the desk has spoken when it is interrupted."""
_AT_ONCE = 8


def answers(folder: Path) -> list[Figure]:
    """One call at a time: from the end of the voice to the first sound of the answer; and from the
    beginning of an interruption to silence."""
    return _on_a_desk(folder, _answers)


def at_once(folder: Path) -> list[Figure]:
    """The same with eight calls."""
    return _on_a_desk(folder, _at_once)


def cut_offs(folder: Path) -> list[Figure]:
    """A hundred utterances with pauses inside."""
    return _on_a_desk(folder, _cut_offs)


def murmurs(folder: Path) -> list[Figure]:
    """A hundred murmurs and noises while the desk speaks."""
    return _on_a_desk(folder, _murmurs)


def memory(folder: Path) -> list[Figure]:
    """What each further call takes."""
    return _on_a_desk(folder, _memory)


async def _answers(board: Switchboard) -> list[Figure]:
    rng = random.Random(1)
    latencies: dict[str, list[float]] = {line: [] for line in LINES}
    silences: list[float] = []
    parts: list[Timeline] = []
    asked = list(sentences("whole")) * 3
    for n in range(0, len(asked), _TURNS_A_CALL):
        sayings: list[Saying] = []
        for k, text in enumerate(asked[n : n + _TURNS_A_CALL], n):
            line = LINES[k % 3]
            sound = over(line, said(text, VOICES[k % 5], rng), rng)
            # All but a call's first question interrupt the answer to the one before.
            sayings.append(Saying(line, sound, over_desk_s=_OVER_S if sayings else None))
        _, held = await _call(board, sayings)
        parts.append(held.timeline)
        for saying in sayings:
            if saying.silent_s is not None:
                silences.append(1000 * (saying.silent_s - saying.from_s))
            if saying.answered_s is not None:
                latencies[saying.text].append(1000 * (saying.answered_s - saying.to_s))
    everything = [value for values in latencies.values() for value in values]
    steps = [answer for timeline in parts for answer in timeline.answers]
    return [
        Figure("answers measured", len(everything), ""),
        Figure("to the first sound, p50", _p(everything, 0.5), "ms", at_most=400),
        Figure("to the first sound, p95", _p(everything, 0.95), "ms", at_most=800),
        *(
            Figure(f"{line}, {name}", _p(values, share), "ms")
            for line, values in latencies.items()
            for name, share in (("p50", 0.5), ("p95", 0.95))
        ),
        Figure("of it to be sure of the end, p50", _p([a.wait_ms for a in steps], 0.5), "ms"),
        Figure("of it to answer, p50", _p([a.answer_ms for a in steps], 0.5), "ms"),
        Figure("of it to speak, p50", _p([a.sound_ms for a in steps], 0.5), "ms"),
        Figure("interruptions measured", len(silences), ""),
        Figure("from a voice to silence, p95", _p(silences, 0.95), "ms", at_most=250),
    ]


async def _at_once(board: Switchboard) -> list[Figure]:
    rng = random.Random(2)
    lines = []
    for n in range(_AT_ONCE):
        asked = [sentences("whole")[(n * 3 + k) % 20] for k in range(5)]
        sounds = [over(LINES[n % 3], said(text, VOICES[n % 5], rng), rng) for text in asked]
        lines.append([Saying("", sound, over_desk_s=_OVER_S) for sound in sounds])
    held = await asyncio.gather(*(_call(board, sayings) for sayings in lines))
    waits = [
        1000 * (saying.answered_s - saying.to_s)
        for sayings in lines
        for saying in sayings
        if saying.answered_s is not None
    ]
    late = [1000 * max(line.late_s) for line, _ in held if line.late_s]
    return [
        Figure("answers measured, 8 calls at once", len(waits), ""),
        Figure("8 calls at once, p50", _p(waits, 0.5), "ms"),
        Figure("8 calls at once, p95", _p(waits, 0.95), "ms", at_most=1500),
        Figure("longest gap in the desk's sound", round(max(late), 1), "ms", at_most=40),
    ]


async def _cut_offs(board: Switchboard) -> list[Figure]:
    rng = random.Random(3)
    sayings = [
        Saying(text, said(text, VOICES[(n + n // 50) % 5], rng), over_desk_s=_OVER_S)
        for n, text in enumerate(list(sentences("paused")) * 2)
    ]
    cut = 0
    for_each = 25
    parts = [sayings[at : at + for_each] for at in range(0, len(sayings), for_each)]
    held = await asyncio.gather(*(_call(board, part) for part in parts))
    for part, (_, call) in zip(parts, held, strict=True):
        ends = [at for at, move in call.timeline.moves if move == "finished"]
        for saying in part:
            cut += any(saying.from_s < end < saying.to_s for end in ends)
    waits = [1000 * (s.answered_s - s.to_s) for s in sayings if s.answered_s is not None]
    return [
        Figure("utterances with pauses", len(sayings), ""),
        Figure("of them cut off", 100 * cut / len(sayings), "%", at_most=5),
        Figure("answered after, p50", _p(waits, 0.5), "ms"),
        Figure("answered after, p95", _p(waits, 0.95), "ms"),
    ]


async def _murmurs(board: Switchboard) -> list[Figure]:
    rng = random.Random(4)
    calls: list[list[Saying]] = []
    for n in range(4):
        part: list[Saying] = []
        for k in range(25):
            ask = said(sentences("whole")[(n + k) % 6], VOICES[n], rng)
            sound = (
                burst(rng)
                if k % 3 == 2
                else said(sentences("murmurs")[(n + k) % 10], VOICES[n], rng)
            )
            part += [
                Saying("ask", ask, over_desk_s=2.5),
                Saying("murmur", sound, over_desk_s=_OVER_S),
            ]
        calls.append(part)
    held = await asyncio.gather(*(_call(board, part) for part in calls))
    given_up = stopped = count = 0
    for part, (_, call) in zip(calls, held, strict=True):
        for saying in (s for s in part if s.text == "murmur"):
            moves = {
                move for at, move in call.timeline.moves if saying.from_s < at < saying.to_s + 1.2
            }
            count += 1
            given_up += "interrupted" in moves
            stopped += "hold" in moves
    return [
        Figure("murmurs and noises while the desk spoke", count, ""),
        Figure("of them taken for an interruption", 100 * given_up / count, "%", at_most=3),
        Figure("of them with a moment's silence", 100 * stopped / count, "%"),
    ]


async def _memory(board: Switchboard) -> list[Figure]:
    process = psutil.Process(os.getpid())
    rng = random.Random(5)

    async def peak_of(calls: int) -> int:
        texts = [sentences("whole")[n % 20] for n in range(3)]
        sounds = [said(text, VOICES[0], rng) for text in texts]
        lines = [[Saying("", s, over_desk_s=_OVER_S) for s in sounds] for _ in range(calls)]
        work = asyncio.gather(*(_call(board, line) for line in lines))
        most = 0
        while not work.done():
            most = max(most, process.memory_info().rss)
            await asyncio.wait([work], timeout=_EVERY_S)
        await work
        return most

    await peak_of(2)
    one = await peak_of(1)
    eight = await peak_of(_AT_ONCE)
    each = (eight - one) / (_AT_ONCE - 1) / 1e6
    return [Figure("memory of each further call", round(each, 1), "MB", at_most=25)]


async def _call(board: Switchboard, sayings: Sequence[Saying]) -> tuple[MeasuringLine, Held]:
    line = MeasuringLine(list(sayings))
    call = Call(id=new_id("call"), channel=CALL, customer=CustomerId(new_id("cus")))
    return line, await board.talk(call, line)


def _on_a_desk(
    folder: Path, measure: Callable[[Switchboard], Awaitable[list[Figure]]]
) -> list[Figure]:
    project = folder / "desk"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(".frontdesk"))

    async def work() -> list[Figure]:
        async with open_desk(load(project)) as opened:
            await opened.calls.warm_up()
            running = asyncio.create_task(opened.desk.run())
            try:
                return await measure(opened.calls)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    return uvloop.run(work())


def _p(values: list[float], share: float) -> float:
    return round(percentile(values, share), 1) if values else float("nan")
