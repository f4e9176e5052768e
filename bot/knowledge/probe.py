"""A linear probe: from a sentence's vector straight to the articles it may be about.

Likeness in meaning treats all directions of the encoder's space alike. Ridge regression from the
texts that belong to an article to the article itself finds the directions that tell these articles
apart (Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RIDGE = 1.0
"""Weight of the squared coefficients, against learning single texts by heart."""


def fit_probe(texts: Floats, articles: NDArray[np.int32], count: int) -> Floats:
    """Shape (dimensions + 1, count), the bias last.

    `texts` (n, dimensions): vectors of length 1; `articles` (n): the number of the article that
    each belongs to, below `count`.
    """
    rows = _with_bias(texts).astype(np.float64)
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, articles, rows)
    found = np.linalg.solve(rows.T @ rows + RIDGE * np.eye(rows.shape[1]), sums.T)
    return np.asarray(found, np.float32)


def read_probe(probe: Floats, texts: Floats) -> Floats:
    """How much each text is about each article: shape (count, n), about 0 to 1."""
    return np.asarray((_with_bias(texts) @ probe).T)


def _with_bias(texts: Floats) -> Floats:
    return np.hstack([texts, np.ones((len(texts), 1), np.float32)])
