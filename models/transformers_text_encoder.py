"""Any text encoder that transformers can load, by configuration: from a folder or a public name.

Text is pooled as the model's own folder says (`models.pooling`). Other modules that a
sentence-transformers folder may list, such as a dense layer, are left out, and that is logged.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.downloads import Weights
from models.one_core import one_core
from models.token_batches import TokenBatch, TokenBatches
from models.transformers_folder import (
    digest_of,
    load_model,
    loading,
    model_folder,
    transformers_weights,
)
from models.transformers_tokenizer import load_tokenizer, longest_text

log = logging.getLogger(__name__)

RECIPE = 1
"""Raised when the same files are to give other vectors."""
_KNOWN_MODULES = ("Transformer", "Pooling", "Normalize")


class TransformersTextEncoder:
    """Implements `models.text_encoder.TextEncoder`. A run takes one core, or the GPU."""

    def __init__(self, model: str) -> None:
        """`model`: a folder, or the name of a model on the hub.

        Raises `EngineMissing` if it is neither, damaged, or no text encoder.
        """
        from models.pooling import pooling_of

        self._folder = model_folder(model)
        self._pooling = pooling_of(self._folder)
        self._model = load_model(self._folder).model
        kind = self._model.config.model_type
        self._name = f"{kind}/{self._pooling}/{digest_of(self._folder)[:12]}/{RECIPE}"
        _tell_of_other_modules(self._folder)
        tokenizer = load_tokenizer(self._folder, self._model)
        self._tokens = TokenBatches(
            Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()),
            pad=tokenizer.pad_token_id or 0,
            max_tokens=longest_text(self._model, tokenizer, self._folder),
        )
        with loading(self._folder):
            # A model for something else loads as well, and fails here.
            (first,) = (self._run(batch) for batch in self._tokens.of(["a text"]))
        self._dimensions: int = first.shape[1]

    @staticmethod
    def weights(model: str) -> Weights:
        """See `models.downloads.Downloading`."""
        return transformers_weights(model)

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def folder(self) -> Path:
        return self._folder

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self._dimensions), np.float32)
        for batch in self._tokens.of(texts):
            vectors[batch.rows] = self._run(batch)
        return vectors

    def _run(self, batch: TokenBatch) -> NDArray[np.float32]:
        import torch

        device = self._model.device
        mask = torch.from_numpy(batch.mask).to(device)
        with one_core(), torch.inference_mode():
            found = self._model(
                input_ids=torch.from_numpy(batch.ids).to(device), attention_mask=mask
            )
            vectors = self._pooling.of(found.last_hidden_state, mask)
        rows: NDArray[np.float32] = vectors.cpu().numpy()
        return rows


def _tell_of_other_modules(folder: Path) -> None:
    file = folder / "modules.json"
    if not file.is_file():
        return
    with loading(folder):
        kinds = [module["type"].rpartition(".")[2] for module in json.loads(file.read_bytes())]
    others = [kind for kind in kinds if kind not in _KNOWN_MODULES]
    if others:
        log.warning("text_encoder.module_left_out", extra={"modules": ", ".join(others)})
