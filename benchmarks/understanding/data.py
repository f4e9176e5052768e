"""The public sets that understanding is measured on; see ../shared/data/INDEX.md for licences."""

import csv
import json
from pathlib import Path

import numpy as np

from models.understanding.observation import OUT_OF_SCOPE, Example, Labels, Observation

DATA = Path(__file__).parents[3] / "shared" / "data"


def banking(part: str) -> list[Example]:
    """BANKING77 (Casanueva et al., 2020): `train`, 10 003 texts, or `test`, 3 080; 77 intents."""
    with (DATA / "banking77" / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        example(row["text"], row["category"], f"{part}.csv:{line}")
        for line, row in enumerate(rows, start=2)
    ]


def few(examples: list[Example], shots: int, seed: int) -> list[Example]:
    """So many examples of each intent, drawn by the seed."""
    rng = np.random.default_rng(seed)
    names = np.array([each.labels.intents[0] for each in examples])
    chosen = [
        row
        for name in sorted(set(names.tolist()))
        for row in rng.permutation(np.flatnonzero(names == name))[:shots].tolist()
    ]
    return [examples[row] for row in chosen]


def clinc(part: str) -> list[Example]:
    """CLINC150 (Larson et al., 2019): `train`, `val` or `test`, out-of-scope texts included."""
    data = json.loads((DATA / "clinc150" / "data_full.json").read_text("utf-8"))
    inside = [example(text, name, part) for text, name in data[part]]
    return inside + [example(text, OUT_OF_SCOPE, f"oos_{part}") for text, _ in data[f"oos_{part}"]]


def example(text: str, intent: str, place: str) -> Example:
    return Example(Observation(text=text), Labels(intents=(intent,)), place)
