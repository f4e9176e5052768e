"""Fits the wide head to examples."""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from models.understanding.features import Floats
from models.understanding.wide import WORDS_WEIGHT, Wide
from models.understanding.words import Sparse

PENALTY = 0.05
"""L2, divided by the number of examples."""
STEPS = 60


def fit_wide(
    pooled: Floats,
    words: Sparse,
    targets: Floats,
    weights: Floats,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Wide:
    """Full-batch L-BFGS from zero: the same data gives the same weights.

    `targets`: (n, classes), rows that add up to 1; an even row teaches "none of these".
    `weights`: (n,), how much each row counts.
    """
    rows, classes = targets.shape
    features = pooled.shape[1]
    # The two parts keep matrices of their own: one is dense, and the other would be nearly empty.
    dense = torch.from_numpy(pooled)
    sparse = _csr(words)
    across = _csr(words, transposed=True)
    target, weight = torch.from_numpy(targets), torch.from_numpy(weights / weights.sum())[:, None]
    matrix = torch.zeros(features + words.width + 1, classes)
    optimizer = torch.optim.LBFGS(
        [matrix], max_iter=STEPS, history_size=8, line_search_fn="strong_wolfe"
    )
    done = 0

    def closure() -> torch.Tensor:
        nonlocal done
        logits = dense @ matrix[:features] + matrix[-1]
        logits += torch.sparse.mm(sparse, matrix[features:-1])
        logs = torch.log_softmax(logits, 1)
        error = (logs.exp() - target) * weight
        gradient = torch.cat(
            [dense.T @ error, torch.sparse.mm(across, error), error.sum(0, keepdim=True)]
        )
        gradient[:-1] += PENALTY / rows * matrix[:-1]
        matrix.grad = gradient
        done += 1
        progress(min(done, STEPS), STEPS)
        norm = matrix[:-1].square().sum()
        loss: torch.Tensor = -(target * logs * weight).sum() + PENALTY / rows / 2 * norm
        return loss

    with torch.no_grad():
        optimizer.step(closure)
    found: NDArray[np.float32] = matrix.numpy()
    return Wide(found[:features].copy(), found[features:-1].copy(), found[-1].copy())


def _csr(words: Sparse, *, transposed: bool = False) -> torch.Tensor:
    """The rows, or the columns, as a torch matrix."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse", UserWarning)  # that CSR is young
        matrix = torch.sparse_csr_tensor(
            torch.from_numpy(words.starts),
            torch.from_numpy(words.columns),
            torch.from_numpy(words.values * WORDS_WEIGHT),
            size=(len(words), words.width),
            check_invariants=False,
        )
        if transposed:
            matrix = matrix.to_sparse_coo().t().to_sparse_csr()
    return matrix
