"""A trained model as onnx graphs: the network, and the text encoder where it was trained too."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from models.errors import ModelError
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
    rows = torch.export.Dim("rows", min=1, max=4096)
    sizes = [2 if way.most > 1 else 1 for way in ways]
    lengths = [
        torch.export.Dim(f"{way.name}_tokens", min=1, max=64) if way.most > 1 else None
        for way in ways
    ]
    tokens = [torch.zeros(3, k, way.width) for way, k in zip(ways, sizes, strict=True)]
    present = [torch.ones(3, k, dtype=torch.bool) for k in sizes]
    shapes = [{0: rows} | ({1: length} if length else {}) for length in lengths]
    program = _quietly(
        _Flat(network, names).eval(),
        (*tokens, *present),
        input_names=[*names, *(f"{name}.present" for name in names)],
        output_names=list(Outputs._fields),
        dynamic_shapes=((*shapes, *shapes),),
    )
    program.save(str(path))
    # One file: the weights stand in the graph.
    onnx.save(onnx.load(str(path)), str(path))
    path.with_name(f"{path.name}.data").unlink(missing_ok=True)


def _quietly(module: nn.Module, inputs: tuple[Tensor, ...], **options: Any) -> Any:
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of axes that share a name, and torch's own
            return torch.onnx.export(module, inputs, dynamo=True, verbose=False, **options)
    finally:
        logger.setLevel(level)


def export_encoder(encoder: TunedEncoder, folder: Path, *, int8: bool) -> None:
    """Writes `encoder.onnx` and `tokenizer.json` into the folder.

    Raises `ModelError` for an encoder that is no BERT.
    """
    from models.bert_onnx import BertShape, bert_sentence_graph
    from models.minilm import quantise

    model = encoder.merged()
    config: Any = model.config
    if config.model_type != "bert":
        raise ModelError(f"a {config.model_type} encoder cannot be served after training yet")
    weights = {
        name: value.detach().float().cpu().numpy().astype(np.float32)
        for name, value in model.state_dict().items()
    }
    shape = BertShape(
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        norm_epsilon=config.layer_norm_eps,
    )
    graph = bert_sentence_graph(weights, shape)
    if int8:
        quantise(graph, folder / "encoder.onnx")
    else:
        onnx.save(graph, str(folder / "encoder.onnx"))
    (folder / "tokenizer.json").write_text(
        encoder.tokenizer.backend_tokenizer.to_str(), encoding="utf-8"
    )
