"""A trained model as onnx graphs: the network, and the text encoder where it was trained too."""

import copy
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.errors import ModelError
from models.pooling import Pooling
from models.understanding.encoder import TunedEncoder
from models.understanding.features import Modality
from models.understanding.network import Network, Outputs


class _Flat(nn.Module):
    """The network with one tensor for each input, as a graph needs them."""

    def __init__(self, network: Network, names: Sequence[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        half = len(self.names)
        tokens = dict(zip(self.names, inputs[:half], strict=True))
        present = dict(zip(self.names, inputs[half:], strict=True))
        return tuple(self.network(tokens, present))


def export_network(network: Network, ways: Sequence[Modality], path: Path) -> None:
    """Inputs `NAME` (n, k, width) and `NAME.present` (n, k) for each modality; outputs as
    `network.Outputs`."""
    names = [way.name for way in ways]
    sizes = [2 if way.most > 1 else 1 for way in ways]
    tokens = [torch.zeros(3, k, way.width) for way, k in zip(ways, sizes, strict=True)]
    present = [torch.ones(3, k, dtype=torch.bool) for k in sizes]
    axes: dict[str, dict[int, str]] = {name: {0: "rows"} for name in Outputs._fields}
    for way in ways:
        own = {0: "rows", 1: f"{way.name}_tokens"} if way.most > 1 else {0: "rows"}
        axes |= {way.name: own, f"{way.name}.present": own}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the tracer is the older of two
        # The newer one writes the same graph, in four seconds instead of a tenth of one.
        torch.onnx.export(
            _Flat(network, names).eval(),
            (*tokens, *present),
            str(path),
            dynamo=False,
            input_names=[*names, *(f"{name}.present" for name in names)],
            output_names=list(Outputs._fields),
            dynamic_axes=axes,
        )


class _Sentences(nn.Module):
    """Token ids and mask to a vector for each text."""

    def __init__(self, model: nn.Module, pooling: Pooling) -> None:
        super().__init__()
        self.model, self.pooling = model, pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        found = self.model(input_ids=input_ids, attention_mask=attention_mask)
        return self.pooling.of(found.last_hidden_state, attention_mask)


def export_encoder(encoder: TunedEncoder, folder: Path, *, int8: bool) -> None:
    """Writes `encoder.onnx` and `tokenizer.json` into the folder, as
    `models.sentence_encoder.SentenceEncoder` runs them.

    A BERT is written by `models.bert_onnx`, which onnxruntime runs faster; any other encoder is
    traced.
    """
    from models.minilm import quantise

    model = encoder.merged()
    by_hand = is_bert(model) and encoder.pooling is Pooling.MEAN
    graph = _bert_graph(model) if by_hand else _traced(model, encoder)
    if int8:
        quantise(graph, folder / "encoder.onnx")
    else:
        onnx.save(graph, str(folder / "encoder.onnx"))
    tokenizer = Tokenizer.from_str(encoder.tokenizer.backend_tokenizer.to_str())
    tokenizer.enable_truncation(encoder.max_tokens)
    tokenizer.save(str(folder / "tokenizer.json"))


def is_bert(model: nn.Module) -> bool:
    """Whether it is just what `models.bert_onnx` writes."""
    config: Any = model.config
    return bool(
        config.model_type == "bert"
        and config.hidden_act == "gelu"
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
    )


def _bert_graph(model: nn.Module) -> onnx.ModelProto:
    from models.bert_onnx import BertShape, bert_sentence_graph

    config: Any = model.config
    weights = {
        name: value.detach().float().cpu().numpy().astype(np.float32)
        for name, value in model.state_dict().items()
    }
    shape = BertShape(
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        norm_epsilon=config.layer_norm_eps,
    )
    return bert_sentence_graph(weights, shape)


def _traced(model: nn.Module, encoder: TunedEncoder) -> onnx.ModelProto:
    """Any number of texts, of any length that the encoder takes.

    Raises `ModelError` for an encoder that cannot be traced.
    """
    own: Any = copy.deepcopy(model).float().cpu().eval()
    # Attention as plain products of matrices: the quantiser and onnxruntime know those.
    own.set_attn_implementation("eager")
    pad = encoder.tokenizer.pad_token_id or 0
    ids = torch.tensor([[0, 1, 2, 3, 4], [0, 1, 2, pad, pad]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    axes = {
        0: torch.export.Dim("texts", min=1, max=4096),
        1: torch.export.Dim("tokens", min=1, max=encoder.max_tokens),
    }
    try:
        with _quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of axes that share a name, and torch's own
            program: Any = torch.onnx.export(
                _Sentences(own, encoder.pooling).eval(),
                (ids, mask),
                dynamo=True,
                verbose=False,
                input_names=["input_ids", "attention_mask"],
                # Not `embedding`: so is a step of the traced graph called.
                output_names=["sentences"],
                dynamic_shapes=(axes, axes),
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ModelError(
            f"a text encoder of the kind {own.config.model_type} cannot be written as a graph to "
            "be served; leave `tune` at `none`, or choose another"
        ) from error
    graph: onnx.ModelProto = program.model_proto
    return graph


@contextmanager
def _quiet() -> Iterator[None]:
    """torch tells of every step it takes."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
