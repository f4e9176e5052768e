"""Texts as padded batches of token ids, for any encoder that a `tokenizer.json` describes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

MAX_CHARACTERS = 20_000
"""Far more than any encoder's tokens of real text; spares splitting a book into tokens."""
TOKENS_AT_ONCE = 2048
"""Bounds the memory of one run: a batch has this many tokens, padding included."""


class TokenBatch(NamedTuple):
    """Some texts, of similar length."""

    rows: list[int]
    """Their places among all texts."""
    ids: NDArray[np.int64]
    """(texts, tokens)"""
    mask: NDArray[np.int64]
    """(texts, tokens): 1 where there is a token, 0 where there is padding."""


class TokenBatches:
    """Thread-safe: unlike transformers' own, the tokenizer is set up once and never changed."""

    def __init__(self, tokenizer: Tokenizer, *, pad: int, max_tokens: int) -> None:
        """`pad`: the token that fills a batch up; RoBERTa and its kin do not take 0. `max_tokens`:
        what goes beyond is cut off."""
        self._tokenizer, self._pad = tokenizer, pad
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)

    def of(self, texts: Sequence[str]) -> Iterator[TokenBatch]:
        """Every text once, each batch within `TOKENS_AT_ONCE`."""
        encodings = self._tokenizer.encode_batch([text[:MAX_CHARACTERS] for text in texts])
        # A text without any token, under a tokenizer that adds none, would have no mean.
        tokens = [encoding.ids or [self._pad] for encoding in encodings]
        for rows in _batches([len(ids) for ids in tokens]):
            ids = np.full((len(rows), max(len(tokens[row]) for row in rows)), self._pad, np.int64)
            mask = np.zeros_like(ids)
            for at, row in enumerate(rows):
                ids[at, : len(tokens[row])] = tokens[row]
                mask[at, : len(tokens[row])] = 1
            yield TokenBatch(rows, ids, mask)


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
