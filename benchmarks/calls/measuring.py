"""The parts of the measurement, each on a desk in a process of its own: answers, eight calls at
once, cut-offs, what interrupts, memory."""

import asyncio
import math
import random
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from benchmarks.calls.caller import Caller, Saying
from benchmarks.calls.calling import Spoken, talk
from benchmarks.calls.lines import SETTINGS, twilio_line, widget_line
from benchmarks.calls.speech import (
    VOICES,
    WAYS,
    Clip,
    burst,
    paused_clips,
    people_clips,
    said,
    sentences,
    whole_clips,
)
from benchmarks.desk_process import DeskProcess, example_desk
from benchmarks.figures import Figure, percentile

TURNS_A_CALL = 10
OVER_S = 1.2
"""How long the desk has spoken when it is interrupted."""
AT_ONCE = 8
_APART_S = 0.7
_ASK_OVER_S = 2.5
_SURE_S = 0.1
"""No desk can take a voice to have ended for good so soon after its end: what it takes for a whole
turn before was cut off."""
_EVERY_S = 0.2
"""How often memory is looked at."""
_LONG_MINUTES = (5, 15, 30)


@dataclass
class Run:
    """What a part has measured that a later one compares with."""

    waits_ms: list[float] = field(default_factory=list)
    """From the end of each clip to the answer; NaN where there was none."""
    cut: list[bool] = field(default_factory=list)
    """Of each clip with pauses."""


def answers(folder: Path, run: Run) -> list[Figure]:
    """One call at a time: from the end of the voice to the first sound of the answer; and from the
    beginning of an interruption to silence."""
    clips = [*whole_clips(), *people_clips()]
    run.waits_ms = [math.nan] * len(clips)
    silences: list[float] = []
    late: list[float] = []
    cut = asked = 0

    async def measure(desk: DeskProcess) -> None:
        nonlocal cut, asked
        for done, (way, part) in enumerate(calls := list(calls_of(clips)), 1):
            sayings, spoken = await ask(desk.url, way, [clips[n] for n in part])
            late.extend(spoken.late_s)
            for n, saying in zip(part, sayings, strict=True):
                run.waits_ms[n] = wait_ms(saying)
                if saying.silent_s is not None:
                    silences.append(1000 * (saying.silent_s - saying.from_s))
            if way in ("clean", "noisy"):  # the telephone tells nothing of turns
                asked += len(sayings)
                cut += sum(was_cut(spoken, saying) for saying in sayings)
            progress(done, len(calls))

    steps = _on_a_desk(folder, measure)
    synthetic = _known(run.waits_ms[: len(whole_clips())])
    figures = [
        Figure("answers measured", len(synthetic), ""),
        Figure("not answered", len(whole_clips()) - len(synthetic), "", at_most=0),
        Figure("to the first sound, p50", p(synthetic, 0.5), "ms", at_most=400),
        Figure("to the first sound, p95", p(synthetic, 0.95), "ms", at_most=800),
    ]
    for way in (*WAYS, "person"):
        waits = _known([run.waits_ms[n] for n, clip in enumerate(clips) if clip.way == way])
        name = "a person who reads" if way == "person" else way
        figures += [
            Figure(f"{name}, p50", p(waits, 0.5), "ms"),
            Figure(f"{name}, p95", p(waits, 0.95), "ms"),
        ]
    return [
        *figures,
        Figure("of it to be sure of the end, p50", p(steps["wait_ms"], 0.5), "ms"),
        Figure("of it to answer, p50", p(steps["answer_ms"], 0.5), "ms"),
        Figure("of it to make sound, p50", p(steps["sound_ms"], 0.5), "ms"),
        Figure("of whole sentences cut off", round(100 * cut / asked, 1), "%"),
        Figure("interruptions measured", len(silences), ""),
        Figure("from a voice to silence, p50", p(silences, 0.5), "ms"),
        Figure("from a voice to silence, p95", p(silences, 0.95), "ms", at_most=250),
        own_clock(late),
    ]


def at_once(folder: Path, run: Run) -> list[Figure]:
    """Eight calls at the same time, six from the widget and two on the telephone; they begin one
    after the other, for people do not speak in step."""
    held: list[tuple[list[Saying], Spoken]] = []

    async def call(desk: DeskProcess, n: int) -> None:
        way = WAYS[n % len(WAYS)]
        mine = [clip for clip in whole_clips() if clip.way == way]
        await asyncio.sleep(n * _APART_S)
        held.append(await ask(desk.url, way, [mine[(5 * n + k) % len(mine)] for k in range(8)]))

    async def measure(desk: DeskProcess) -> None:
        await asyncio.gather(*(call(desk, n) for n in range(AT_ONCE)))

    _on_a_desk(folder, measure)
    waits = _known([wait_ms(saying) for sayings, _ in held for saying in sayings])
    gaps = [1000 * gap for _, spoken in held for gap in spoken.gaps_s]
    return [
        Figure("answers measured, 8 calls at once", len(waits), ""),
        Figure("8 calls at once, p50", p(waits, 0.5), "ms"),
        Figure("8 calls at once, p95", p(waits, 0.95), "ms", at_most=1500),
        Figure("breaks inside a sentence", len(gaps), ""),
        Figure("the longest of them", round(max(gaps, default=0.0), 1), "ms", at_most=40),
        own_clock([late for _, spoken in held for late in spoken.late_s]),
    ]


def cut_offs(folder: Path, run: Run) -> list[Figure]:
    """A hundred utterances with pauses inside, eight calls at a time; nobody interrupts."""
    clips = paused_clips()
    sayings: list[Saying] = []
    run.cut = []

    async def measure(desk: DeskProcess) -> None:
        calls = [ask(desk.url, "clean", clips[n::AT_ONCE], over_s=None) for n in range(AT_ONCE)]
        for part, spoken in await asyncio.gather(*calls):
            sayings.extend(part)
            run.cut += [was_cut(spoken, saying) for saying in part]

    _on_a_desk(folder, measure)
    waits = _known([wait_ms(saying) for saying in sayings])
    return [
        Figure("utterances with pauses", len(run.cut), ""),
        Figure("of them cut off", _percent(run.cut), "%", at_most=5),
        Figure("answered after, p50", p(waits, 0.5), "ms"),
        Figure("answered after, p95", p(waits, 0.95), "ms"),
    ]


def murmurs(folder: Path, run: Run) -> list[Figure]:
    """A hundred murmurs and noises while the desk speaks, five calls at a time, and as many
    questions that do interrupt it."""
    given_up: dict[str, list[bool]] = {"murmur": [], "noise": [], "question": []}

    async def measure(desk: DeskProcess) -> None:
        rng = random.Random(4)
        scripts = [_murmuring(n, rng) for n in range(len(VOICES))]
        calls = [_say(desk.url, "clean", [saying for _, saying in each]) for each in scripts]
        for script, spoken in zip(scripts, await asyncio.gather(*calls), strict=True):
            begun = [saying.from_s for _, saying in script]
            for (kind, saying), until_s in zip(script, [*begun[1:], math.inf], strict=True):
                if saying.interrupts:
                    given_up[kind].append(spoken.gave_up(saying.from_s, until_s))

    _on_a_desk(folder, measure)
    wrongly = given_up["murmur"] + given_up["noise"]
    return [
        Figure("murmurs and noises while the desk spoke", len(wrongly), "", at_least=95),
        Figure("taken for an interruption", _percent(wrongly), "%", at_most=3),
        Figure("of murmurs alone", _percent(given_up["murmur"]), "%"),
        Figure("of noises alone", _percent(given_up["noise"]), "%"),
        Figure("questions while the desk spoke", len(given_up["question"]), ""),
        Figure("taken for an interruption, rightly", _percent(given_up["question"]), "%"),
    ]


def memory(folder: Path, run: Run) -> list[Figure]:
    """What each further call takes of the desk's process, on both kinds of line."""
    peaks: list[int] = []

    async def measure(desk: DeskProcess) -> None:
        clips = whole_clips()[:9]

        async def peak_of(calls: int) -> int:
            ways = [WAYS[n % len(WAYS)] for n in range(calls)]
            asked = [[each for each in clips if each.way == way] for way in ways]
            work = asyncio.gather(*(ask(desk.url, *each) for each in zip(ways, asked, strict=True)))
            most = 0
            while not work.done():
                most = max(most, desk.desk_memory_bytes())
                await asyncio.wait([work], timeout=_EVERY_S)
            await work
            return most

        await peak_of(2)
        peaks.extend([await peak_of(1), await peak_of(AT_ONCE)])

    _on_a_desk(folder, measure)
    each = (peaks[1] - peaks[0]) / (AT_ONCE - 1) / 1e6
    return [
        Figure("resident memory with one call", round(peaks[0] / 1e6), "MB"),
        Figure("memory of each further call", round(each, 1), "MB", at_most=25),
    ]


def long(folder: Path, run: Run) -> list[Figure]:
    """Memory in a call of half an hour, in real time: a caller who asks again and again. Looked at
    for a minute, for what a turn takes is given back twice in one."""
    looked: list[list[int]] = []

    async def measure(desk: DeskProcess) -> None:
        clips = [clip for clip in whole_clips() if clip.way == "clean"]
        work = asyncio.create_task(ask(desk.url, "clean", clips * 40, over_s=None))
        clock = asyncio.get_running_loop().time
        began = clock()
        for done, minute in enumerate(_LONG_MINUTES, 1):
            await asyncio.wait([work], timeout=began + 60 * (minute - 1) - clock())
            looked.append(sizes := [])
            while clock() < began + 60 * minute and not work.done():
                sizes.append(desk.desk_memory_bytes())
                await asyncio.sleep(_EVERY_S)
            if work.done():
                raise RuntimeError(f"the call was over before minute {minute}")
            progress(done, len(_LONG_MINUTES))
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    _on_a_desk(folder, measure)
    figures = []
    for name, size_of in (("least", min), ("most", max)):
        sizes = [size_of(each) / 1e6 for each in looked]
        figures += [
            Figure(f"resident memory until minute {minute}, {name}", round(size, 1), "MB")
            for minute, size in zip(_LONG_MINUTES, sizes, strict=True)
        ]
        grown = round(sizes[-1] - sizes[0], 1)
        figures.append(Figure(f"growth from minute 5 on, of the {name}", grown, "MB", at_most=5))
    return figures


def calls_of(clips: Sequence[Clip]) -> Iterable[tuple[str, list[int]]]:
    """The clips by number, for calls that hold no more than so many, on one kind of line each."""
    for way in (*WAYS, "person"):
        numbers = [n for n, clip in enumerate(clips) if clip.way == way]
        for at in range(0, len(numbers), TURNS_A_CALL):
            yield way, numbers[at : at + TURNS_A_CALL]


async def ask(
    url: str, way: str, clips: Sequence[Clip], over_s: float | None = OVER_S
) -> tuple[list[Saying], Spoken]:
    """A call. All but its first question interrupt the answer to the one before, after `over_s`;
    None: they wait for its end."""
    rate_hz = 8_000 if way == "phone" else 16_000
    sayings = [Saying(clip.at(rate_hz), over_s if n else None) for n, clip in enumerate(clips)]
    return sayings, await _say(url, way, sayings)


async def _say(url: str, way: str, sayings: Sequence[Saying]) -> Spoken:
    async with (twilio_line if way == "phone" else widget_line)(url) as line:
        return await talk(line, Caller(sayings, line.rate_hz))


def _murmuring(n: int, rng: random.Random) -> list[tuple[str, Saying]]:
    """The script of one call: a question, and something into its answer, again and again."""
    script: list[tuple[str, Saying]] = []
    for k in range(20):
        question = said(sentences("whole")[(n + k) % 6], VOICES[n], rng)
        script.append(("question", Saying(question, _ASK_OVER_S if k else None)))
        if k % 3 == 2:
            script.append(("noise", Saying(burst(rng), OVER_S)))
        else:
            murmurs = sentences("murmurs")
            murmur = said(murmurs[(n + k) % len(murmurs)], VOICES[n], rng)
            script.append(("murmur", Saying(murmur, OVER_S)))
    return script


def wait_ms(saying: Saying) -> float:
    return math.nan if saying.answered_s is None else 1000 * (saying.answered_s - saying.to_s)


def was_cut(spoken: Spoken, saying: Saying) -> bool:
    return bool(spoken.turns(saying.from_s, saying.to_s + _SURE_S))


def own_clock(late_s: Sequence[float]) -> Figure:
    """What the measuring side itself was late by: large, the machine was busy."""
    return Figure("the callers' own frames late, p99", p([1000 * s for s in late_s], 0.99), "ms")


def p(values: Sequence[float], share: float) -> float:
    return round(percentile(list(values), share), 1) if values else math.nan


def progress(done: int, of: int) -> None:
    print(f"  {done} of {of}", file=sys.stderr, flush=True)


def _percent(cases: Sequence[bool]) -> float:
    return round(100 * sum(cases) / len(cases), 1) if cases else math.nan


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _on_a_desk(
    folder: Path, measure: Callable[[DeskProcess], Coroutine[Any, Any, None]]
) -> dict[str, list[float]]:
    """What the desk's log says of all answers, by its own clock, once it has been measured."""
    steps: dict[str, list[float]] = {"wait_ms": [], "answer_ms": [], "sound_ms": []}
    with example_desk(folder, settings=SETTINGS) as desk:
        uvloop.run(measure(desk))
        for line in desk.output().splitlines():
            if '"call.ended"' in line:
                ended = msgspec.json.decode(line)
                for name, values in steps.items():
                    values += ended[name]
    return steps
