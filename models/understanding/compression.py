"""Makes a trained text encoder smaller: fewer neurons, or fewer layers that imitate all of them.

Both change the encoder in place and leave it in need of some more training. Writing it as int8,
which any served encoder gets, is in `models.understanding.export`.
"""

import copy

import torch
from torch import nn
from transformers import PretrainedConfig

from models.errors import ModelError
from models.understanding.encoder import TunedEncoder, layers_of, still

NEURONS_KEPT = 0.5
LAYERS_KEPT = 2
"""Of so many layers, the last is kept."""


@torch.no_grad()
def prune(encoder: TunedEncoder, kept: float = NEURONS_KEPT) -> None:
    """Take the weakest neurons out of each layer's feed-forward part, for good: the matrices get
    smaller, not sparser. A neuron is as strong as what goes in times what comes out (magnitude
    pruning; Li et al., 2017).

    Raises `ModelError` for an encoder that is no BERT.
    """
    for layer in layers_of(encoder.model):
        widen, narrow = _feed_forward(layer)
        strength = widen.weight.norm(dim=1) * narrow.weight.norm(dim=0)
        count = max(1, round(len(strength) * kept))
        stay = strength.topk(count).indices.sort().values
        layer.get_submodule("intermediate").dense = _linear(widen.weight[stay], widen.bias[stay])
        layer.get_submodule("output").dense = _linear(narrow.weight[:, stay], narrow.bias)
    _config(encoder).intermediate_size = count


def student_of(encoder: TunedEncoder) -> TunedEncoder:
    """A copy with every second layer, to be trained to give the vectors of the whole (DistilBERT's
    beginning; Sanh et al., 2019). Everything in it but the words' embeddings learns."""
    student = copy.deepcopy(encoder)
    layers = layers_of(student.model)
    last = len(layers) - 1
    for at in range(last, -1, -1):
        if (last - at) % LAYERS_KEPT:
            del layers[at]
    _config(student).num_hidden_layers = len(layers)
    student.model.requires_grad_(True)
    still(student.model)
    return student


def _feed_forward(layer: nn.Module) -> tuple[nn.Linear, nn.Linear]:
    try:
        widen = layer.get_submodule("intermediate.dense")
        narrow = layer.get_submodule("output.dense")
    except AttributeError:
        raise ModelError("only encoders built like BERT can be pruned") from None
    assert isinstance(widen, nn.Linear)
    assert isinstance(narrow, nn.Linear)
    return widen, narrow


def _linear(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0])
    made.weight.copy_(weight)
    made.bias.copy_(bias)
    return made


def _config(encoder: TunedEncoder) -> PretrainedConfig:
    config = encoder.model.config
    assert isinstance(config, PretrainedConfig)
    return config
