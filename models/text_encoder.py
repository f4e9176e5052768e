"""Sentences to vectors: the protocol. The default is `models.minilm.MiniLM`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class TextEncoder(Protocol):
    """Maps texts into a space where a smaller angle means a closer meaning."""

    @property
    def name(self) -> str:
        """Changes whenever the vectors would: an index made under another name is made anew."""

    @property
    def dimensions(self) -> int:
        """Length of each vector."""

    @property
    def folder(self) -> Path:
        """Weights, configuration and tokenizer as transformers loads them, for training the
        encoder further."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector per text, of what is to be found: shape (len(texts), dimensions), each of
        length 1.

        May be called from several threads. Blocks; texts may be of any length, what an encoder
        cannot take in is cut off.
        """

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same of what somebody asks. Some encoders want to be told which of them a text is;
        for others this is `encode`."""


@runtime_checkable
class KnowsLanguages(Protocol):
    """An encoder that says which languages it was trained on; of the others it is not asked. One
    that does not say so is taken to know all."""

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes."""
