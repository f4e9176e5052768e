"""Figures of what is typed: BANKING77 and CLINC150."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, percentile
from benchmarks.understanding.data import banking, clinc, few
from benchmarks.understanding.models import Model, evaluated, trained
from models.understanding.settings import Settings, Tune

SEEDS = (1, 2, 3)
SHOTS = 10
_TIMED = 300


def banking_tuned(folder: Path) -> list[Figure]:
    """BANKING77, the text encoder trained with the rest."""
    test = banking("test")
    models = [
        trained(folder / f"banking-{seed}", banking("train"), Settings(seed=seed, tune=Tune.FULL))
        for seed in SEEDS
    ]
    accuracies = [evaluated(model.predictor, test).accuracy for model in models]
    errors = [evaluated(models[0].predictor, test).calibration_error]
    return [
        percent("BANKING77 full, accuracy", accuracies, 94.0),
        Figure("training, BANKING77, fine-tuned", _minutes(models), "min", at_most=12),
        Figure("BANKING77 full, calibration error", round(errors[0], 4), ""),
        _beyond_the_encoders(models[0]),
    ]


def banking_frozen(folder: Path) -> list[Figure]:
    """BANKING77 with the text encoder as it is: what `frontdesk train` does by default."""
    test = banking("test")
    models = [
        trained(folder / f"frozen-{seed}", banking("train"), Settings(seed=seed)) for seed in SEEDS
    ]
    accuracies = [evaluated(model.predictor, test).accuracy for model in models]
    return [
        percent("BANKING77 full, encoder frozen, accuracy", accuracies),
        Figure("training, BANKING77, frozen", _minutes(models), "min", at_most=1.5),
    ]


def banking_few(folder: Path) -> list[Figure]:
    """BANKING77 with ten examples of each intent, other ones for each seed."""
    test = banking("test")
    drawn = {seed: few(banking("train"), SHOTS, seed) for seed in SEEDS}
    tuned = [
        trained(folder / f"few-{seed}", examples, Settings(seed=seed, tune=Tune.FULL))
        for seed, examples in drawn.items()
    ]
    frozen = [
        trained(folder / f"few-frozen-{seed}", examples, Settings(seed=seed))
        for seed, examples in drawn.items()
    ]
    return [
        percent(
            "BANKING77 10-shot, accuracy",
            [evaluated(model.predictor, test).accuracy for model in tuned],
            87.5,
        ),
        percent(
            "BANKING77 10-shot, encoder frozen, accuracy",
            [evaluated(model.predictor, test).accuracy for model in frozen],
            None,
        ),
        Figure("training, BANKING77 10-shot", _minutes(tuned), "min"),
    ]


def clinc150(folder: Path) -> list[Figure]:
    """CLINC150; its own validation set says when to stop and how sure to be."""
    test = clinc("test")
    models = [
        trained(
            folder / f"clinc-{seed}",
            clinc("train"),
            Settings(seed=seed, tune=Tune.FULL),
            held_out=clinc("val"),
        )
        for seed in SEEDS
    ]
    found = [evaluated(model.predictor, test) for model in models]
    return [
        percent("CLINC150 in-scope accuracy", [each.accuracy for each in found], 96.8),
        Figure(
            "CLINC150 out-of-scope AUROC",
            round(float(np.mean([each.out_of_scope_auroc for each in found])), 4),
            "",
            at_least=0.970,
        ),
        percent("CLINC150 right, out of scope decided too", [each.right for each in found]),
    ]


def _beyond_the_encoders(model: Model) -> Figure:
    """One turn at a time, its texts already encoded."""
    predictor = model.predictor
    observations = [each.observation for each in banking("test")[:_TIMED]]
    inputs = [predictor.encode([each]) for each in observations]
    times = []
    for each in inputs:
        started = time.perf_counter()
        predictor.predict(each)
        times.append((time.perf_counter() - started) * 1000)
    return Figure(
        "inference beyond the encoders, p50", round(percentile(times, 0.5), 2), "ms", at_most=3
    )


def percent(name: str, shares: Sequence[float], goal: float | None = None) -> Figure:
    """The mean of several seeds, and how far they are apart."""
    spread = 100 * float(np.std(shares))
    shown = f"{name} (± {spread:.2f} over {len(shares)} seeds)"
    return Figure(shown, round(100 * float(np.mean(shares)), 2), "%", at_least=goal)


def _minutes(models: list[Model]) -> float:
    return round(max(model.seconds for model in models) / 60, 2)
