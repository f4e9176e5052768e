"""Learns a `Calibration` from held-out turns."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.understanding.calibration import (
    USUAL_VOTE,
    USUAL_WEIGHT,
    Calibration,
    Scores,
    log_softmax,
)
from models.understanding.features import Floats

_REFUSED = 0.03
"""Share of in-scope turns that may be taken for foreign, where no foreign ones are at hand."""
_FOREIGN_SHARE = 0.2
"""Of what customers write, taken to be about nothing that the intents cover."""
_STEPS = 100


def calibrate(scores: Scores, intent: NDArray[np.int64]) -> Calibration:
    """`intent`: the number of each turn's intent; -1 for none. Without turns: the usual weights."""
    inside = intent >= 0
    if not inside.any():
        return Calibration()
    opinions = [
        log_softmax(scores.wide[inside]),
        log_softmax(scores.network[inside]),
        scores.near.votes[inside],
    ]
    wide, network, votes = _pool_weights(opinions, intent[inside])
    values = scores.foreign()
    middle, spread = values[inside].mean(0), values[inside].std(0) + 1e-3
    weights, bias = _foreign_weights((values - middle) / spread, ~inside)
    return Calibration(
        wide, network, votes, tuple(middle.tolist()), tuple(spread.tolist()), weights, bias
    )


def _pool_weights(opinions: Sequence[Floats], intent: NDArray[np.int64]) -> list[float]:
    """The weights of the heads' and the votes' log-probabilities, (n, c) each, under which the
    labels are likeliest; drawn towards the usual ones where there are few labels."""
    usual = torch.tensor([USUAL_WEIGHT, USUAL_WEIGHT, USUAL_VOTE]).log()
    logs = usual.clone().requires_grad_()
    each = torch.stack([torch.from_numpy(opinion) for opinion in opinions])
    labels = torch.from_numpy(intent)

    def loss() -> torch.Tensor:
        pooled = torch.einsum("k,knc->nc", logs.exp(), each)
        likely = torch.nn.functional.cross_entropy(pooled, labels, reduction="sum")
        return likely + 4 * (logs - usual).square().sum()

    _minimise(logs, loss)
    found: list[float] = logs.detach().exp().tolist()
    return found


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
    found = found.detach()
    return tuple(found[:-1].tolist()), float(found[-1])


def _minimise(parameters: torch.Tensor, loss: Callable[[], torch.Tensor]) -> None:
    optimizer = torch.optim.LBFGS([parameters], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)
