"""From raw scores to probabilities: which intent, and whether any.

The wide head's and the network's log-probabilities are pooled (a logarithmic opinion pool; Genest &
Zidek, 1986) with weights that also set how sharp the result is, as temperature scaling does (Guo
et al., 2017). How foreign a turn is follows from the energy and maxima of both heads (Liu et al.,
2020) and from its nearest neighbours among the examples (Sun et al., 2022).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.understanding.features import Floats
from models.understanding.network import SCALE

NEIGHBOURS = 5
_USUAL_WEIGHT = 0.7
"""Of each head, before anything is known."""
_REFUSED = 0.03
"""Share of in-scope turns that may be taken for foreign, where no foreign ones are at hand."""
_FOREIGN_SHARE = 0.2
"""Of what customers write, taken to be about nothing that the intents cover."""
_STEPS = 100


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

    wide: float = _USUAL_WEIGHT
    network: float = _USUAL_WEIGHT
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


def calibrate(scores: Scores, intent: NDArray[np.int64]) -> Calibration:
    """`intent`: the number of each turn's intent; -1 for none. Without turns: the usual weights."""
    inside = intent >= 0
    if not inside.any():
        return Calibration()
    wide, network = _pool_weights(scores.wide[inside], scores.network[inside], intent[inside])
    values = scores.foreign()
    middle, spread = values[inside].mean(0), values[inside].std(0) + 1e-3
    weights, bias = _foreign_weights((values - middle) / spread, ~inside)
    return Calibration(wide, network, tuple(middle.tolist()), tuple(spread.tolist()), weights, bias)


def _pool_weights(wide: Floats, network: Floats, intent: NDArray[np.int64]) -> tuple[float, float]:
    """The weights under which the labels are likeliest, drawn towards the usual ones where there
    are few labels."""
    usual = float(np.log(_USUAL_WEIGHT))
    logs = torch.full((2,), usual, requires_grad=True)
    one, other = (torch.from_numpy(log_softmax(each)) for each in (wide, network))
    labels = torch.from_numpy(intent)

    def loss() -> torch.Tensor:
        weights = logs.exp()
        pooled = weights[0] * one + weights[1] * other
        likely = torch.nn.functional.cross_entropy(pooled, labels, reduction="sum")
        return likely + 4 * (logs - usual).square().sum()

    _minimise(logs, loss)
    return float(logs[0].exp()), float(logs[1].exp())


def _foreign_weights(
    values: NDArray[np.floating], foreign: NDArray[np.bool_]
) -> tuple[tuple[float, ...], float]:
    """A logistic regression whose weights are drawn towards equal ones: few foreign turns are at
    hand, if any."""
    count = values.shape[1]
    if not foreign.any():
        weights = np.full(count, 0.5)
        return tuple(weights.tolist()), -float(np.quantile(values @ weights, 1 - _REFUSED))
    found = torch.cat([torch.full((count,), 0.5), torch.tensor([-3.0])]).requires_grad_()
    rows = torch.from_numpy(values.astype(np.float32))
    labels = torch.from_numpy(foreign.astype(np.float32))
    # Each kind counts by how common it is among customers, not among the examples at hand.
    shares = (_FOREIGN_SHARE / labels.sum(), (1 - _FOREIGN_SHARE) / (1 - labels).sum())
    weight = torch.where(labels > 0, *shares) * len(labels)

    def loss() -> torch.Tensor:
        scores = rows @ found[:-1] + found[-1]
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            scores, labels, reduction="none"
        )
        return (each * weight).sum() + 2 * (found[:-1] - 0.5).square().sum()

    _minimise(found, loss)
    return tuple(found[:-1].tolist()), float(found[-1].detach())


def _minimise(parameters: torch.Tensor, loss: Callable[[], torch.Tensor]) -> None:
    optimizer = torch.optim.LBFGS([parameters], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]


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
