"""One table of size, latency and accuracy for each way to make a trained encoder smaller.

On every sixth text of BANKING77's training set, so that the four trainings take minutes.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import Figure, percentile
from benchmarks.understanding.data import banking
from benchmarks.understanding.models import Model, evaluated, trained
from models.understanding import training
from models.understanding.observation import Example
from models.understanding.settings import Settings, Smaller, Tune

_SHARE = 6
_TIMED = 300
_WAYS = {
    "float": (Smaller.NONE, False),
    "int8": (Smaller.NONE, True),
    "pruned, int8": (Smaller.PRUNED, True),
    "distilled, int8": (Smaller.DISTILLED, True),
}


def compression(folder: Path) -> list[Figure]:
    """Each way beside the whole encoder in float."""
    teaching, test = banking("train")[::_SHARE], banking("test")
    figures: list[Figure] = []
    accuracies: dict[str, float] = {}
    for name, (smaller, int8) in _WAYS.items():
        settings = Settings(tune=Tune.FULL, smaller=smaller)
        with _int8_allowed(int8):
            model = trained(folder / f"compressed-{name}", teaching, settings)
        accuracies[name] = evaluated(model.predictor, test).accuracy
        size = (model.folder / "encoder.onnx").stat().st_size / 1e6
        figures += [
            Figure(f"encoder {name}: accuracy", round(100 * accuracies[name], 2), "%"),
            Figure(f"encoder {name}: size", round(size, 1), "MB"),
            Figure(f"encoder {name}: one sentence, p50", _latency_ms(model, test), "ms"),
        ]
    lost = 100 * (accuracies["float"] - accuracies["int8"])
    figures.append(Figure("int8 loses", round(lost, 2), "points", at_most=0.3))
    return figures


@contextmanager
def _int8_allowed(allowed: bool) -> Iterator[None]:
    """Have a training write the int8 encoder whatever it costs, or the float one whatever it would
    cost: here that is what is measured."""
    before = training.LOSES_AT_MOST
    training.LOSES_AT_MOST = 2.0 if allowed else -2.0
    try:
        yield
    finally:
        training.LOSES_AT_MOST = before


def _latency_ms(model: Model, examples: Sequence[Example]) -> float:
    """Words to prediction, one turn at a time on one core; the shared encoder's part left out."""
    predictor = model.predictor
    observations = [each.observation for each in examples[:_TIMED]]
    vectors = [predictor.vectors([each]) for each in observations]
    times = []
    for seen, known in zip(observations, vectors, strict=True):
        started = time.perf_counter()
        predictor.predict(predictor.inputs([seen], known))
        times.append((time.perf_counter() - started) * 1000)
    return round(percentile(times, 0.5), 2)
