"""The text encoder as a torch module, for training it further.

Any encoder that transformers can load; all-MiniLM-L6-v2 unless another is named. How much of it
may change is `Tune`: nothing, its last layers, all of it, or low-rank additions to it (LoRA; Hu et
al., 2022, through peft).
"""

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from models.errors import ModelError
from models.pooling import pooling_of
from models.sentence_recipe import recipe_of
from models.transformers_folder import LOCAL, loading
from models.transformers_tokenizer import longest_text
from models.understanding.settings import Tune

MAX_TOKENS = 128
LAST_LAYERS = 2
LORA_RANK = 16
ROWS_AT_ONCE = 16
"""Texts of similar length that are computed together, so that little is padding."""
LARGEST_BYTES = 2**31
"""Of weights: a larger graph cannot be written as one file (protobuf's limit)."""


class TunedEncoder(nn.Module):
    """Sentences to vectors of length 1, pooled from the last layer's tokens as the model wants."""

    def __init__(self, source: Path, tune: Tune) -> None:
        """`source`: a folder as transformers saves it, tokenizer included.

        Raises `EngineMissing` if it is none, and `ModelError` if its model could not be served.
        """
        super().__init__()
        with loading(source):
            self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source, **LOCAL)
            model = AutoModel.from_pretrained(source, dtype=torch.float32, **LOCAL)
        if sum(weight.nbytes for weight in model.parameters()) >= LARGEST_BYTES:
            raise ModelError(
                f"the text encoder in {source} has more than 2 GB of weights and could not be "
                "served after training; leave `tune` at `none`, or choose a smaller one"
            )
        self.pooling = pooling_of(source)
        if recipe_of(source, source.name).dense:
            raise ModelError(
                f"the text encoder in {source} has a dense layer behind its pooling, which cannot "
                "be trained on; leave `tune` at `none`, or choose another one"
            )
        self.max_tokens = min(MAX_TOKENS, longest_text(model, self.tokenizer, source))
        for parameter in model.parameters():
            parameter.requires_grad_(tune is Tune.FULL)
        if tune is Tune.FULL:
            still(model)
        if tune is Tune.LAST:
            for layer in layers_of(model)[-LAST_LAYERS:]:
                layer.requires_grad_(True)
        self.model = _with_lora(model) if tune is Tune.LORA else model
        self.width: int = model.config.hidden_size
        self.rows_at_once: int | None = ROWS_AT_ONCE

    def tokens(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """What `forward` takes."""
        encoded = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            return_tensors="pt",
        )
        return {name: encoded[name] for name in ("input_ids", "attention_mask")}

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Shape (n, width)."""
        if self.rows_at_once is None or len(input_ids) <= self.rows_at_once:
            return self._vectors(input_ids, attention_mask)
        lengths = attention_mask.sum(1)
        order = lengths.argsort(stable=True)
        parts = []
        for rows in torch.split(order, self.rows_at_once):
            longest = int(lengths[rows].max())
            parts.append(self._vectors(input_ids[rows, :longest], attention_mask[rows, :longest]))
        return torch.cat(parts)[order.argsort()]

    def _vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        found = self.model(input_ids=input_ids, attention_mask=attention_mask)
        return self.pooling.of(found.last_hidden_state, attention_mask)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Shape (len(texts), width)."""
        vectors: Tensor = self(**self.tokens(texts))
        return vectors

    def merged(self) -> nn.Module:
        """The transformers model with what LoRA has learned folded into its weights: then a copy,
        so that this one can be trained on."""
        from peft import PeftModel

        if isinstance(self.model, PeftModel):
            merged: nn.Module = copy.deepcopy(self.model).merge_and_unload()
            return merged
        return self.model


def still(model: nn.Module) -> None:
    """Let the embeddings of words stay as they are."""
    assert isinstance(model, PreTrainedModel)
    model.get_input_embeddings().requires_grad_(False)


def _with_lora(model: nn.Module) -> nn.Module:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=LORA_RANK,
        lora_alpha=2 * LORA_RANK,
        lora_dropout=0.05,
        target_modules="all-linear",
    )
    return get_peft_model(model, config)


def layers_of(model: nn.Module) -> nn.ModuleList:
    """The stack of transformer layers: the longest list of modules there is."""
    return max((each for each in model.modules() if isinstance(each, nn.ModuleList)), key=len)
