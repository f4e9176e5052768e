"""What is learned beside the network: the wide head over words and features, and the memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from models.understanding.calibration import Scores
from models.understanding.dataset import Dataset
from models.understanding.features import Floats
from models.understanding.fit_wide import fit_wide
from models.understanding.memory import Memory
from models.understanding.network import Outputs
from models.understanding.observation import Example
from models.understanding.wide import Wide
from models.understanding.words import WordFeatures

REMEMBERED = 20_000
"""Examples whose vectors are kept."""


@dataclass(frozen=True)
class Beside:
    words: WordFeatures
    head: Wide
    memory: Memory

    @classmethod
    def learn(
        cls,
        data: Dataset,
        examples: Sequence[Example],
        vectors: Floats,
        seed: int,
        progress: Callable[[int, int], None],
    ) -> Self:
        """`data` is of `examples`, and `vectors` are the network's of them. Turns with several
        intents teach the wide head each of them in equal shares, and are not remembered."""
        rows = np.flatnonzero(data.targets.weight.numpy() > 0)
        seen = [examples[row].observation for row in rows.tolist()]
        words = WordFeatures.learn(seen)
        several = data.targets.several.numpy()
        counts = several.sum(1)
        targets = several[rows] / np.maximum(counts[rows, None], 1)
        targets[counts[rows] == 0] = 1 / several.shape[1]
        head = fit_wide(
            data.features.pooled()[rows],
            words.of(seen),
            targets.astype(np.float32),
            data.targets.weight.numpy()[rows],
            progress,
        )
        intent = data.targets.intent.numpy()
        plain = np.flatnonzero((intent >= 0) & (counts == 1))
        chosen = np.random.default_rng(seed).permutation(plain)[:REMEMBERED]
        return cls(words, head, Memory.of(vectors[chosen], intent[chosen], several.shape[1]))

    def logits(self, data: Dataset, examples: Sequence[Example]) -> Floats:
        """The wide head's."""
        seen = [example.observation for example in examples]
        return self.head.logits(data.features.pooled(), self.words.of(seen))

    def scores(self, data: Dataset, examples: Sequence[Example], out: Outputs) -> Scores:
        """With what the network says of the same examples."""
        near = self.memory.near(out.vector.numpy())
        return Scores(self.logits(data, examples), out.intent.numpy(), near)

    def save(self, folder: Path) -> None:
        """`wide.npz` and `memory.npz`."""
        np.savez_compressed(
            folder / "wide.npz",
            dense=self.head.dense,
            sparse=self.head.sparse.astype(np.float16),
            bias=self.head.bias,
            pieces=np.array(self.words.pieces, dtype=np.str_),
            weights=self.words.weights,
        )
        self.memory.save(folder / "memory.npz")
