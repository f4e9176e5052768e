"""From raw scores to probabilities: which intent, and whether any.

The wide head's and the network's log-probabilities are pooled (a logarithmic opinion pool; Genest &
Zidek, 1986) with weights that also set how sharp the result is, as temperature scaling does (Guo
et al., 2017). How foreign a turn is follows from the energy and maxima of both heads (Liu et al.,
2020) and from its nearest neighbours among the examples (Sun et al., 2022).
"""

from dataclasses import dataclass

import numpy as np

from models.understanding.features import Floats

NEIGHBOURS = 5
SCALE = 20.0
"""What the network multiplies a cosine with before its softmax."""
USUAL_WEIGHT = 0.7
"""Of each head, before anything is known."""


@dataclass(frozen=True)
class Scores:
    """What is known of n turns before anything is decided."""

    wide: Floats
    """(n, c) logits."""
    network: Floats
    """(n, c) logits."""
    nearest: Floats
    """(n, 2): cosine of the nearest example, and of the `NEIGHBOURS`th."""

    def foreign(self) -> Floats:
        """(n, 6), each the larger the more foreign."""
        wide, network = self.wide, self.network / SCALE
        return -np.stack(
            [
                wide.max(1),
                np.logaddexp.reduce(wide, axis=1),
                log_softmax(wide).max(1),
                network.max(1),
                log_softmax(self.network).max(1),
                self.nearest.mean(1),
            ],
            axis=1,
        ).astype(np.float32)


@dataclass(frozen=True)
class Calibration:
    """What is learned from held-out examples."""

    wide: float = USUAL_WEIGHT
    network: float = USUAL_WEIGHT
    middle: tuple[float, ...] = (0.0,) * 6
    """Mean of each `foreign` value over in-scope turns."""
    spread: tuple[float, ...] = (1.0,) * 6
    foreign: tuple[float, ...] = (0.5,) * 6
    """Weight of each."""
    bias: float = -4.0

    def probabilities(self, scores: Scores) -> tuple[Floats, Floats]:
        """Of each intent if it is any, (n, c); and of none, (n,)."""
        pooled = self.wide * log_softmax(scores.wide)
        pooled += self.network * log_softmax(scores.network)
        inside = np.exp(log_softmax(pooled))
        values = (scores.foreign() - np.array(self.middle)) / np.array(self.spread)
        outside = 1 / (1 + np.exp(-(values @ np.array(self.foreign) + self.bias)))
        return inside.astype(np.float32), outside.astype(np.float32)


def nearest(vectors: Floats, memory: Floats) -> Floats:
    """Cosines of the nearest and the `NEIGHBOURS`th nearest row of `memory`, (n, 2)."""
    if not len(memory):
        return np.zeros((len(vectors), 2), np.float32)
    likeness = vectors @ memory.T
    last = min(NEIGHBOURS, likeness.shape[1])
    best = -np.partition(-likeness, last - 1, axis=1)[:, :last]
    return np.stack([best.max(1), best.min(1)], 1).astype(np.float32)


def log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(1, keepdims=True)
    return np.asarray(shifted - np.logaddexp.reduce(shifted, axis=1, keepdims=True), np.float32)
