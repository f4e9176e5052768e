"""Any text encoder that transformers can load, by configuration: from a folder or a public name.

Text is prepared, pooled and finished as the model's own folder says (`models.sentence_recipe`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.device import Numbers, torch_device, torch_numbers
from models.downloads import Weights
from models.one_core import one_core
from models.placed_model import PlacedModel, device_of
from models.sentence_recipe import recipe_of
from models.token_batches import TokenBatch, TokenBatches
from models.transformers_folder import (
    digest_of,
    load_model,
    loading,
    model_folder,
    transformers_weights,
)
from models.transformers_tokenizer import load_tokenizer, longest_text

if TYPE_CHECKING:
    from transformers import PreTrainedModel

RECIPE = 1
"""Raised when the same files are to give other vectors."""


class TransformersTextEncoder:
    """Implements `models.text_encoder.TextEncoder`. A run takes one core, or the GPU."""

    def __init__(
        self,
        model: str,
        device: str = "auto",
        dtype: Numbers = "float32",
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
    ) -> None:
        """`model`: a folder, or the name of a model on the hub. The prefixes: what goes before a
        question and before a passage, where the folder or its family do not say it.

        Raises `EngineMissing` if it is neither, damaged, too large, or no text encoder.
        """
        self.folder = model_folder(model)
        self._recipe = recipe_of(self.folder, model, query_prefix, passage_prefix)
        where = torch_device(device)
        loaded = load_model(self.folder, device=where, numbers=torch_numbers(dtype, where)).model
        self._model: PlacedModel[PreTrainedModel] = PlacedModel(loaded, "text_encoder")
        kind = loaded.config.model_type
        self.name = f"{kind}/{self._recipe.mark}/{digest_of(self.folder)[:12]}/{RECIPE}"
        tokenizer = load_tokenizer(self.folder, loaded)
        self._tokens = TokenBatches(
            Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()),
            pad=tokenizer.pad_token_id or 0,
            max_tokens=longest_text(loaded, tokenizer, self.folder),
        )
        self.dimensions = 0
        with loading(self.folder, f"used as a text encoder, for it is a {kind}"):
            # A model for something else loads as well, and fails here.
            self.dimensions = self._encode(["a text"], "").shape[1]

    @staticmethod
    def weights(model: str) -> Weights:
        """See `models.downloads.Downloading`."""
        return transformers_weights(model)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(texts, self._recipe.before_passage)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(texts, self._recipe.before_query)

    def _encode(self, texts: Sequence[str], before: str) -> NDArray[np.float32]:
        prepared = [self._recipe.text(text, before) for text in texts]
        rows: dict[int, NDArray[np.float32]] = {}
        for batch in self._tokens.of(prepared):

            def run(
                model: "PreTrainedModel", at: Sequence[int], batch: TokenBatch = batch
            ) -> NDArray[np.float32]:
                return self._pooled(model, batch.ids[at], batch.mask[at])

            rows |= zip(batch.rows, self._model.run(run, range(len(batch.rows))), strict=True)
        if not rows:
            return np.zeros((0, self.dimensions), np.float32)
        return self._recipe.finished(np.stack([rows[row] for row in range(len(texts))]))

    def _pooled(
        self, model: "PreTrainedModel", ids: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        import torch

        device = device_of(model)
        there = torch.from_numpy(mask).to(device)
        with one_core(), torch.inference_mode():
            found = model(input_ids=torch.from_numpy(ids).to(device), attention_mask=there)
            vectors = self._recipe.pooling.pooled(found.last_hidden_state.float(), there.float())
        rows: NDArray[np.float32] = vectors.cpu().numpy()
        return rows
