"""Speech to text: Whisper by both libraries and by our wrappers, and what partial results cost.

The Whispers have the shape of the published `base`, and weights that are random but for the
decoder's positions: these make it say one text for every window, surely and in 37 tokens, whatever
it hears. So neither library takes more steps than the other or has a reason to try again, and both
are called as they are, with all their rules on. Speed is the best of a few rounds, in which all
take turns: what else the machine does meets all of them.

Partial results are those of Moonshine with its real weights, and of the Whispers. Their cost is
processor time, of both ways in the same run.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from models.moonshine import MoonshineTranscriber
from models.transcriber import Transcriber
from models.voice_activity import PIECE, SAMPLE_RATE_HZ, speech_probabilities
from tests.models.media import samples_of

Samples = NDArray[np.float32]

_DATA = Path(__file__).parents[3] / "shared" / "data"
_CORES = 2
_ROUNDS = 3
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
    runs: dict[str, Callable[[Samples], str]] = {
        "original": partial(by_original, **plain),
        "fast": partial(by_fast, beam_size=1, **plain),
        "original as ours": partial(by_original, **timed),
        "ours original": lambda samples: ours_original.transcribe(samples).text,
        "fast as ours": partial(by_fast, **timed),
        "ours fast": lambda samples: ours_fast.transcribe(samples).text,
    }
    spent = _best(runs, clips, said=_SAID[0][1].strip())
    seconds = sum(len(each) for each in clips) / SAMPLE_RATE_HZ
    return [
        Figure("openai-whisper, `base`, greedy, for a second of speech",
               round(spent["original"] / seconds, 3), "s"),
        Figure("faster-whisper, the same in int8, greedy", round(spent["fast"] / seconds, 3), "s"),
        Figure("… how many times as fast",
               round(spent["original"] / spent["fast"], 2), "×", at_least=2),
        Figure("our wrapper beside openai-whisper's own call",
               _more(spent["ours original"], spent["original as ours"]), "%", at_most=3),
        Figure("our wrapper beside faster-whisper's own call",
               _more(spent["ours fast"], spent["fast as ours"]), "%", at_most=3),
        *_growing("faster-whisper", ours_fast, clips, rounds=2),
        *_growing("openai-whisper", ours_original, clips, rounds=1),
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


def _best(
    runs: dict[str, Callable[[Samples], str]], clips: Sequence[Samples], said: str
) -> dict[str, float]:
    """Seconds that each needs for all clips; of each clip the best round."""
    for name, run in runs.items():
        heard = run(clips[0])
        assert heard == said, f"{name} heard {heard!r}"
    best = {name: [np.inf] * len(clips) for name in runs}
    for _ in range(_ROUNDS):
        for at, clip in enumerate(clips):
            for name, run in runs.items():
                started = time.perf_counter()
                run(clip)
                best[name][at] = min(best[name][at], time.perf_counter() - started)
    return {name: float(sum(each)) for name, each in best.items()}


def _more(ours: float, theirs: float) -> float:
    return round(100 * (ours / theirs - 1), 1)
