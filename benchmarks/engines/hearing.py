"""Speech to text: Whisper by both libraries and by our wrappers, and what partial results cost.

The Whispers have the shape of the published `base`, and weights that are random but for the
decoder's positions: these make it say one text for every window, surely and in 37 tokens, whatever
it hears. So neither library takes more steps than the other or has a reason to try again, and both
are called as they are, with all their rules on.

What is compared runs one after the other on the same clip, and in the next round the other way
round. Each such pair gives a ratio, and the median of these is told: what else the machine does
meets both of a pair, or spoils a few pairs alone. How far apart the middle half of them lies says
what the figure is worth. Beside the wall time stand the processor time of the same calls, and what
the wrapper itself does in them, before and after the library's own call: to that no other program
adds.

Partial results are those of Moonshine with its real weights, and of the Whispers. Their cost is
processor time, of both ways in the same run.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from models.moonshine import MoonshineTranscriber
from models.transcriber import Transcriber
from models.voice_activity import PIECE, SAMPLE_RATE_HZ, speech_probabilities
from models.whisper import Whisper
from tests.models.media import samples_of

Samples = NDArray[np.float32]

_DATA = Path(__file__).parents[3] / "shared" / "data"
_CORES = 2
_ROUNDS = 5
_SHAPE = {"width": 512, "layers": 6, "heads": 8}
"""Of `base`."""
_SAID = [(0.0, " Where is my order? It has not come.", 8.0)]
_FRAME = 320
"""Samples: 20 ms, as calls bring them."""


def measure(folder: Path) -> list[Figure]:
    return [*_moonshine(), *_whispers(folder)]


def _clips() -> list[Samples]:
    """People, 2 to 11 seconds each. How often partial results are made was chosen on other clips
    of the spoken orders."""
    paths = sorted((_DATA / "ljspeech").glob("*.wav"))
    orders = sorted((_DATA / "spoken_orders").rglob("*.wav"))[3::8]
    return [samples_of(each) for each in (*paths, _DATA / "speech" / "jfk.flac", *orders)]


def _whispers(folder: Path) -> list[Figure]:
    import torch
    import whisper
    from faster_whisper import WhisperModel

    from models.faster_whisper import FasterWhisper
    from models.openai_whisper import OpenAIWhisper
    from tests.models.tiny_whispers import for_ctranslate2, for_openai, speaking_whisper

    torch.set_num_threads(_CORES)
    made = speaking_whisper(_SAID, "en", **_SHAPE)
    pickled = str(for_openai(made, folder / "base.pt"))
    converted = str(for_ctranslate2(made, folder / "base", "int8"))
    del made
    original = whisper.load_model(pickled, device="cpu")
    fast = WhisperModel(converted, device="cpu", compute_type="int8", cpu_threads=_CORES)
    ours_original = OpenAIWhisper(pickled, device="cpu")
    ours_fast = FasterWhisper(converted, dtype="int8", threads=_CORES, device="cpu")

    def by_fast(samples: Samples, **options: Any) -> str:
        written, _ = fast.transcribe(samples, **options)
        return "".join(each.text for each in written).strip()

    def by_original(samples: Samples, **options: Any) -> str:
        return str(whisper.transcribe(original, samples, fp16=False, **options)["text"]).strip()

    clips = _clips()[1:3]
    plain: dict[str, Any] = {"word_timestamps": False, "condition_on_previous_text": False}
    timed: dict[str, Any] = {"word_timestamps": True, "condition_on_previous_text": False}
    around_original: list[float] = []
    around_fast: list[float] = []
    # What is compared stands side by side.
    runs: dict[str, Callable[[Samples], str]] = {
        "original": partial(by_original, **plain),
        "fast": partial(by_fast, beam_size=1, **plain),
        "original as ours": partial(by_original, **timed),
        "ours original": partial(_transcribed, ours_original, around_original),
        "fast as ours": partial(by_fast, **timed),
        "ours fast": partial(_transcribed, ours_fast, around_fast),
    }
    spent = _in_turns(runs, clips, said=_SAID[0][1].strip())
    seconds = sum(len(each) for each in clips) / SAMPLE_RATE_HZ
    once = {
        name: sum(
            median(each.wall_s for each in every[at :: len(clips)]) for at in range(len(clips))
        )
        for name, every in spent.items()
    }
    times = median(
        a.wall_s / b.wall_s for a, b in zip(spent["original"], spent["fast"], strict=True)
    )
    return [
        Figure("openai-whisper, `base`, greedy, for a second of speech",
               round(once["original"] / seconds, 3), "s"),
        Figure("faster-whisper, the same in int8, greedy", round(once["fast"] / seconds, 3), "s"),
        Figure("… how many times as fast", round(times, 2), "×", at_least=2),
        *_wrapper("openai-whisper", spent["original as ours"], spent["ours original"],
                  around_original),
        *_wrapper("faster-whisper", spent["fast as ours"], spent["ours fast"], around_fast),
        *_growing("faster-whisper", ours_fast, clips, rounds=2),
        *_growing("openai-whisper", ours_original, clips, rounds=2),
    ]  # fmt: skip


def _moonshine() -> list[Figure]:
    return _growing("Moonshine tiny", MoonshineTranscriber(), _clips(), rounds=3)


def _growing(
    name: str, engine: Transcriber, clips: Sequence[Samples], *, rounds: int
) -> list[Figure]:
    """What a listener spends on clips that grow by 20 ms, beside one pass at their end."""
    once_s = growing_s = 0.0
    waited = []
    for clip in clips:
        once, growing = [], []
        for _ in range(rounds):
            started = time.process_time()
            engine.transcribe(clip)
            once.append(time.process_time() - started)
            started = time.process_time()
            first_s = _told(engine, clip)
            growing.append(time.process_time() - started)
        once_s += min(once)
        growing_s += min(growing)
        begins = np.flatnonzero(speech_probabilities(clip) >= 0.5)[0]
        waited.append(first_s - begins * PIECE / SAMPLE_RATE_HZ)
    return [
        Figure(f"{name}: growing sound, times the cost of one pass at the end",
               round(growing_s / once_s, 2), "×", at_most=1.3),
        Figure("… first partial result after so much speech, p50", round(median(waited), 2), "s"),
        Figure("… the latest of all clips", round(max(waited), 2), "s", at_most=0.7),
    ]  # fmt: skip


def _told(engine: Transcriber, clip: Samples) -> float:
    """Hears a clip as it comes. The second of it at which there was something to show, and what it
    took to compute that."""
    listener = engine.listen()
    first_s = np.inf
    for at in range(0, len(clip), _FRAME):
        started = time.perf_counter()
        partial_text = listener.hear(clip[at : at + _FRAME]).text
        if partial_text and first_s == np.inf:
            first_s = (at + _FRAME) / SAMPLE_RATE_HZ + time.perf_counter() - started
    listener.finish()
    return float(first_s)


@dataclass(frozen=True)
class _Spent:
    """On one call."""

    wall_s: float
    processor_s: float


def _in_turns(
    runs: dict[str, Callable[[Samples], str]], clips: Sequence[Samples], said: str
) -> dict[str, list[_Spent]]:
    """What each spent on every clip in every round; those at the same place are of one pair."""
    for name, run in runs.items():
        heard = run(clips[0])
        assert heard == said, f"{name} heard {heard!r}"
    spent: dict[str, list[_Spent]] = {name: [] for name in runs}
    for number in range(_ROUNDS):
        order = list(runs.items())[:: -1 if number % 2 else 1]
        for clip in clips:
            for name, run in order:
                wall, processor = time.perf_counter(), time.process_time()
                run(clip)
                spent[name].append(
                    _Spent(time.perf_counter() - wall, time.process_time() - processor)
                )
    return spent


def _transcribed(engine: Whisper, around: list[float], samples: Samples) -> str:
    """By our wrapper. `around` gets the share, in percent of the library's own call, that the
    wrapper spends before and after it."""
    inside: list[float] = []
    hear_part = engine.hear_part

    def timed(*given: Any, **more: Any) -> Any:
        started = time.perf_counter()
        heard = hear_part(*given, **more)
        inside.append(time.perf_counter() - started)
        return heard

    with mock.patch.object(engine, "hear_part", timed):
        started = time.perf_counter()
        text = engine.transcribe(samples).text
        spent_s = time.perf_counter() - started
    around.append(100 * (spent_s / sum(inside) - 1))
    return text


def _wrapper(
    name: str, theirs: Sequence[_Spent], ours: Sequence[_Spent], around: Sequence[float]
) -> list[Figure]:
    pairs = list(zip(theirs, ours, strict=True))
    wall = [100 * (b.wall_s / a.wall_s - 1) for a, b in pairs]
    processor = [100 * (b.processor_s / a.processor_s - 1) for a, b in pairs]
    low, _, high = quantiles(wall, n=4)
    return [
        Figure(f"our wrapper beside {name}'s own call, median of {len(pairs)} pairs",
               round(median(wall), 1), "%", at_most=3),
        Figure("… how far apart the middle half of the pairs lies", round(high - low, 1), "%"),
        Figure("… the same of the processor time", round(median(processor), 1), "%"),
        Figure("… what it does before and after that call, in the same runs",
               round(median(around), 1), "%"),
    ]  # fmt: skip
