"""From raw scores to probabilities: which intent, and whether any.

The log-probabilities of the wide head, of the network, and of the votes of the nearest examples are
pooled (a logarithmic opinion pool; Genest & Zidek, 1986) with weights that also set how sharp the
result is, as temperature scaling does (Guo et al., 2017). How foreign a turn is follows from the
energy and maxima of both heads (Liu et al., 2020) and from how near the nearest examples are.
"""

from dataclasses import dataclass

import numpy as np

from models.understanding.features import Floats
from models.understanding.memory import Near

SCALE = 20.0
"""What the network multiplies a cosine with before its softmax."""
USUAL_WEIGHT = 0.7
"""Of each head, before anything is known."""
USUAL_VOTE = 0.3
"""Of the nearest examples' votes."""


@dataclass(frozen=True)
class Scores:
    """What is known of n turns before anything is decided."""

    wide: Floats
    """(n, c) logits."""
    network: Floats
    """(n, c) logits."""
    near: Near

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
                self.near.likeness.mean(1),
            ],
            axis=1,
        ).astype(np.float32)


@dataclass(frozen=True)
class Calibration:
    """What is learned from held-out examples."""

    wide: float = USUAL_WEIGHT
    network: float = USUAL_WEIGHT
    votes: float = USUAL_VOTE
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
        pooled += self.votes * scores.near.votes
        inside = np.exp(log_softmax(pooled))
        values = (scores.foreign() - np.array(self.middle)) / np.array(self.spread)
        outside = 1 / (1 + np.exp(-(values @ np.array(self.foreign) + self.bias)))
        return inside.astype(np.float32), outside.astype(np.float32)


def log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(1, keepdims=True)
    return np.asarray(shifted - np.logaddexp.reduce(shifted, axis=1, keepdims=True), np.float32)
