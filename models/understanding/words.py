"""Words and pieces of words as sparse features: what an encoder blurs ("51" and "54", a product's
name, a typing error) these keep.

TF-IDF of word 1- and 2-grams and of character 2- to 5-grams within words, each of length 1, with
sublinear term frequency (Manning et al., Introduction to Information Retrieval, 6.4).
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.understanding.observation import Observation

SAID, SHOWN = "", "▣"
"""Prefixes: a word on a screen is another feature than the same word said."""
MOST_FEATURES = 60_000
RARE_BELOW = 2_000
"""Of at least this many texts, a piece that occurs in one alone teaches nothing."""
_WORD = re.compile(r"\w+", re.UNICODE)
_CHARACTERS = range(2, 6)
_LONGEST_WORD = 30


@dataclass(frozen=True)
class Sparse:
    """Rows of a matrix in compressed form (CSR)."""

    starts: NDArray[np.int64]
    """Row r holds the entries `starts[r]` to `starts[r + 1]`."""
    columns: NDArray[np.int64]
    values: NDArray[np.float32]
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1


class WordFeatures:
    """A vocabulary with the weight of each piece."""

    def __init__(self, pieces: Sequence[str], weights: NDArray[np.float32]) -> None:
        """`weights`: inverse document frequency of each piece."""
        self.pieces = tuple(pieces)
        self.weights = weights
        self._number = {piece: at for at, piece in enumerate(self.pieces)}

    @classmethod
    def learn(cls, observations: Sequence[Observation]) -> Self:
        """The pieces that occur in these, the commonest `MOST_FEATURES`."""
        counts: Counter[str] = Counter()
        for seen in observations:
            counts.update({piece for group in pieces_of(seen) for piece in group})
        least = 2 if len(observations) >= RARE_BELOW else 1
        kept = [(piece, n) for piece, n in counts.items() if n >= least]
        kept.sort(key=lambda item: (-item[1], item[0]))
        kept = kept[:MOST_FEATURES]
        total = len(observations) + 1
        weights = np.array([math.log(total / (n + 1)) + 1 for _, n in kept], np.float32)
        return cls([piece for piece, _ in kept], weights)

    def __len__(self) -> int:
        return len(self.pieces)

    def of(self, observations: Iterable[Observation]) -> Sparse:
        """A row for each observation, `len(self)` columns."""
        starts = [0]
        columns: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        values: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
        for seen in observations:
            held = 0
            for group in pieces_of(seen):
                found = [(self._number[p], n) for p, n in group.items() if p in self._number]
                if not found:
                    continue
                numbers = np.array([number for number, _ in found], np.int64)
                times = np.array([n for _, n in found], np.float32)
                weighted = (1 + np.log(times)) * self.weights[numbers]
                columns.append(numbers)
                values.append(weighted / np.linalg.norm(weighted))
                held += len(numbers)
            starts.append(starts[-1] + held)
        return Sparse(np.array(starts), np.concatenate(columns), np.concatenate(values), len(self))


def pieces_of(seen: Observation) -> tuple[Counter[str], ...]:
    """Words said, characters said, words shown, characters shown: each with how often."""
    shown = " ".join(line.text for line in seen.lines)
    return (*_pieces(seen.text, SAID), *_pieces(shown, SHOWN))


def _pieces(text: str, prefix: str) -> tuple[Counter[str], Counter[str]]:
    words = _WORD.findall(text.lower())
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    characters: Counter[str] = Counter()
    for word in words:
        framed = f"^{word[:_LONGEST_WORD]}$"
        for length in _CHARACTERS:
            for at in range(len(framed) - length + 1):
                characters[f"{prefix}~{framed[at : at + length]}"] += 1
    return Counter(f"{prefix}{word}" for word in [*words, *pairs]), characters
