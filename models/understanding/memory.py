"""The network's vectors of the examples: how near a turn is to them, and what the nearest want.

What is far from all is foreign (Sun et al., 2022). Near ones vote for their intents, the nearer
the more, as in kernel density classification (Hastie et al., The Elements of Statistical Learning,
section 6.6).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from models.understanding.features import Floats

NEIGHBOURS = 5
BREADTH = 0.03
"""Of the kernel: an example whose cosine is smaller by this counts 1/e as much."""
_NO_VOTE = 1e-12
"""What an intent has without a vote; so far from everything, no intent is preferred."""


class Near(NamedTuple):
    """What n turns are near."""

    likeness: Floats
    """(n, 2): cosine of the nearest example, and of the `NEIGHBOURS`th."""
    votes: Floats
    """(n, c): logarithm of each intent's share of the votes."""


@dataclass(frozen=True)
class Memory:
    """m examples."""

    vectors: Floats
    """(m, width), of length 1."""
    intents: NDArray[np.int64]
    """(m,): the number of each example's intent, ascending."""
    classes: int
    """How many intents there are, with examples or without."""

    @classmethod
    def of(cls, vectors: Floats, intents: NDArray[np.int64], classes: int) -> Self:
        """In whatever order they are given."""
        order = np.argsort(intents, kind="stable")
        return cls(vectors[order], intents[order], classes)

    @classmethod
    def load(cls, file: Path, classes: int) -> Self:
        """Raises `OSError`, `KeyError` or `ValueError` if it is damaged."""
        with np.load(file, allow_pickle=False) as stored:
            return cls(stored["vectors"].astype(np.float32), stored["intents"], classes)

    def save(self, file: Path) -> None:
        """With half the digits."""
        np.savez(file, vectors=self.vectors.astype(np.float16), intents=self.intents)

    def near(self, vectors: Floats) -> Near:
        """`vectors`: (n, width), of length 1."""
        if not len(self.vectors):
            even = np.full((len(vectors), self.classes), -np.log(self.classes), np.float32)
            return Near(np.zeros((len(vectors), 2), np.float32), even)
        likeness = vectors @ self.vectors.T
        last = min(NEIGHBOURS, likeness.shape[1])
        best = -np.partition(-likeness, last - 1, axis=1)[:, :last]
        return Near(
            np.stack([best.max(1), best.min(1)], 1).astype(np.float32), self._votes(likeness)
        )

    def _votes(self, likeness: Floats) -> Floats:
        numbers, starts = self._groups
        sums = np.full((len(likeness), self.classes), _NO_VOTE)
        weights = np.exp((likeness - 1) / BREADTH)
        sums[:, numbers] += np.add.reduceat(weights, starts, axis=1)
        return np.asarray(np.log(sums / sums.sum(1, keepdims=True)), np.float32)

    @cached_property
    def _groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Each intent that has examples, and where they begin."""
        numbers, starts = np.unique(self.intents, return_index=True)
        return numbers, starts
