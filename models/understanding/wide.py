"""The wide head: multinomial logistic regression over all features side by side and the words.

"Wide" as in wide & deep models (Cheng et al., 2016): it remembers the words that name an intent,
while the network beside it generalises. It is also the classic baseline, one linear layer over the
concatenated modalities, and has a single minimum, so that it needs no tuning.
"""

from dataclasses import dataclass

import numpy as np

from models.understanding.features import Floats
from models.understanding.words import Sparse

WORDS_WEIGHT = 0.5
"""Of a piece of a word beside the encoders' vectors, which have length 1 too."""


@dataclass(frozen=True)
class Wide:
    """`dense @ pooled + sparse @ words + bias`."""

    dense: Floats
    """(features, classes)"""
    sparse: Floats
    """(pieces, classes)"""
    bias: Floats
    """(classes,)"""

    def logits(self, pooled: Floats, words: Sparse) -> Floats:
        """Shape (n, classes)."""
        scores = pooled @ self.dense + self.bias
        for row in range(len(words)):
            held = slice(words.starts[row], words.starts[row + 1])
            scores[row] += (words.values[held] * WORDS_WEIGHT) @ self.sparse[words.columns[held]]
        return np.asarray(scores, np.float32)
