"""Figures of what is shown: both modalities beside one alone, and the ways to fuse them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure
from benchmarks.understanding.models import evaluated, trained
from benchmarks.understanding.shown import make
from models.understanding.fusion import FUSIONS
from models.understanding.observation import Example, Observation
from models.understanding.settings import AUTOMATIC, Settings

SEEDS = (1, 2, 3)
ALONE: dict[str, Callable[[Observation], Observation]] = {
    "the sentence alone": lambda seen: Observation(text=seen.text),
    "the screen's words alone": lambda seen: Observation(lines=seen.lines),
    "the picture alone": lambda seen: Observation(image=seen.image),
    "screen and picture, no sentence": lambda seen: replace(seen, text=""),
}


def shown(folder: Path) -> list[Figure]:
    """Every way to fuse, and what each modality says by itself."""
    pictures = folder / "shown"
    teaching, test = make.examples("train", pictures), make.examples("test", pictures)
    fused = {
        fusion: _accuracy(folder / f"shown-{fusion}", teaching, test, fusion) for fusion in FUSIONS
    }
    alone = {
        name: _accuracy(folder / f"shown-{at}", _only(teaching, only), _only(test, only), AUTOMATIC)
        for at, (name, only) in enumerate(ALONE.items())
    }
    best = "attention"  # what `auto` chooses here
    return [
        Figure(f"shown, {best}, accuracy (mean of {len(SEEDS)} seeds)", fused[best], "%", None, 92),
        Figure(
            "shown, above the best modality alone",
            round(fused[best] - max(alone.values()), 2),
            "points",
            at_least=5,
        ),
        *(Figure(f"shown, fusion {name}", value, "%") for name, value in fused.items()),
        *(Figure(f"shown, {name}", value, "%") for name, value in alone.items()),
    ]


def _accuracy(
    folder: Path, teaching: Sequence[Example], test: Sequence[Example], fusion: str
) -> float:
    found = []
    for seed in SEEDS:
        model = trained(folder / str(seed), teaching, Settings(fusion=fusion, seed=seed))
        found.append(evaluated(model.predictor, test).accuracy)
    return round(100 * float(np.mean(found)), 2)


def _only(examples: Sequence[Example], only: Callable[[Observation], Observation]) -> list[Example]:
    """Those that still hold something."""
    kept = (replace(each, observation=only(each.observation)) for each in examples)
    return [each for each in kept if not each.observation.empty]
