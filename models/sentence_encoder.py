"""Sentences to vectors by an onnx graph and a tokenizer, whichever model they are of."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.published import open_session

MAX_CHARACTERS = 20_000
"""Far more than any encoder's tokens of real text; spares splitting a book into tokens."""
TOKENS_AT_ONCE = 2048
"""Bounds the memory of one run: a batch has this many tokens, padding included."""


class SentenceEncoder:
    """A graph with inputs `input_ids` and `attention_mask` whose output is a vector for each text.

    A run takes one core; runs in several threads take several.
    """

    def __init__(self, graph: Path, tokenizer: Path, *, dimensions: int, max_tokens: int) -> None:
        """`max_tokens`: what goes beyond is cut off."""
        self.dimensions = dimensions
        self._session = open_session(graph, threads=1)
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector per text, shape (len(texts), 384), each of length 1. Thread-safe."""
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        encodings = self._tokenizer.encode_batch([text[:MAX_CHARACTERS] for text in texts])
        tokens = [encoding.ids for encoding in encodings]
        for rows in _batches([len(ids) for ids in tokens]):
            vectors[rows] = self._run([tokens[row] for row in rows])
        return vectors

    def place_of(self, word: str) -> int | None:
        """A word's place in the vocabulary, or None."""
        place: int | None = self._tokenizer.token_to_id(word)
        return place

    def _run(self, tokens: list[list[int]]) -> NDArray[np.float32]:
        longest = max(map(len, tokens))
        ids = np.zeros((len(tokens), longest), np.int64)
        mask = np.zeros_like(ids)
        for row, text_ids in enumerate(tokens):
            ids[row, : len(text_ids)] = text_ids
            mask[row, : len(text_ids)] = 1
        (embedding,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(embedding, np.float32)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indexes in groups of similar length, each within `TOKENS_AT_ONCE` when padded."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[row] > TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
