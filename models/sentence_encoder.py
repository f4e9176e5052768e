"""Sentences to vectors by an onnx graph and a tokenizer, whichever model they are of."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.published import open_session
from models.token_batches import MAX_CHARACTERS


class SentenceEncoder:
    """A graph with inputs `input_ids` and `attention_mask` whose output is a vector for each text.

    A run takes one text on one core; runs in several threads take several. An int8 graph rounds by
    the largest number of its whole input, so that beside others a text would get another vector
    (cosine 0.99); and on one core a batch is no faster.
    """

    def __init__(
        self, graph: Path, tokenizer: Path, *, dimensions: int, max_tokens: int | None = None
    ) -> None:
        """`max_tokens`: what goes beyond is cut off; None cuts where the tokenizer's file says."""
        self.dimensions = dimensions
        self._session = open_session(graph, threads=1)
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        if max_tokens is not None:
            self._tokenizer.enable_truncation(max_tokens)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector per text, shape (len(texts), dimensions), each of length 1. Thread-safe."""
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            tokens = self._tokenizer.encode(text[:MAX_CHARACTERS]).ids
            ids = np.array([tokens or [0]], np.int64)
            feed = {"input_ids": ids, "attention_mask": np.full_like(ids, bool(tokens))}
            (vectors[row],) = self._session.run(None, feed)
        return vectors

    def place_of(self, word: str) -> int | None:
        """A word's place in the vocabulary, or None."""
        place: int | None = self._tokenizer.token_to_id(word)
        return place
