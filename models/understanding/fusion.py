"""Fusion: the modalities' tokens become what the heads read. Each way of it is a class here.

Early fusion joins the modalities before anything is decided: `Concatenation` of a pooled vector
for each, or `CrossAttention` of all tokens with one another. `Late` fusion lets each modality
decide by itself and weighs the decisions with a learned gate (Arevalo et al., 2017). `Linear` is
the classic baseline: everything side by side into one linear layer.

All give views of shape (n, views, width) and a gate of shape (n, views) whose rows add up to 1; a
head reads each view with weights of its own. Early fusion has one view.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.understanding.features import Modality

_HIDDEN = 256
_ATTENTION = 192
_DROPOUT = 0.15


class Fusion(nn.Module):
    """`forward(tokens, present)`: by modality, (n, k, width) and bool (n, k)."""

    views: int
    width: int
    cosine: bool
    """Whether heads compare directions (views have a meaning as vectors) or are plain linear."""


class Pool(nn.Module):
    """The tokens of one modality as one vector: their mean, weighted by a learned attention;
    a learned vector where there are none."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.weigh = nn.Linear(width, 1)
        self.project = nn.Linear(width, hidden)
        self.missing = nn.Parameter(torch.zeros(hidden))
        nn.init.zeros_(self.weigh.weight)

    def forward(self, tokens: Tensor, present: Tensor) -> Tensor:
        weights = self.weigh(tokens).squeeze(-1).masked_fill(~present, -1e4)
        weights = torch.softmax(weights, 1) * present
        pooled = self.project((weights.unsqueeze(-1) * tokens).sum(1))
        there = present.any(1, keepdim=True)
        return torch.where(there, pooled, self.missing)


class Concatenation(Fusion):
    """Pooled modalities side by side through two layers, added to the words' own vector."""

    views = 1
    cosine = True

    def __init__(self, ways: Sequence[Modality], text_width: int) -> None:
        super().__init__()
        self.width = text_width
        self.pools = nn.ModuleDict({way.name: Pool(way.width, _HIDDEN // 2) for way in ways})
        self.mix = nn.Sequential(
            nn.LayerNorm(len(ways) * _HIDDEN // 2),
            nn.Dropout(_DROPOUT),
            nn.Linear(len(ways) * _HIDDEN // 2, _HIDDEN),
            nn.GELU(),
            nn.Dropout(_DROPOUT),
            nn.Linear(_HIDDEN, text_width),
        )
        _start_at_zero(self.mix[-1])

    def forward(
        self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        parts = [pool(tokens[name], present[name]) for name, pool in self.pools.items()]
        return _one_view(tokens["text"][:, 0] + self.mix(torch.cat(parts, 1)))


class CrossAttention(Fusion):
    """All tokens of all modalities attend to one another (a two-layer transformer encoder); what
    a summary token gathers is added to the words' own vector."""

    views = 1
    cosine = True

    def __init__(self, ways: Sequence[Modality], text_width: int) -> None:
        super().__init__()
        self.width = text_width
        self.project = nn.ModuleDict({way.name: nn.Linear(way.width, _ATTENTION) for way in ways})
        self.kind = nn.ParameterDict(
            {way.name: nn.Parameter(torch.randn(_ATTENTION) * 0.02) for way in ways}
        )
        self.summary = nn.Parameter(torch.randn(1, 1, _ATTENTION) * 0.02)
        self.layers = nn.ModuleList(_AttentionLayer() for _ in range(2))
        self.out = nn.Sequential(nn.LayerNorm(_ATTENTION), nn.Linear(_ATTENTION, text_width))
        _start_at_zero(self.out[-1])

    def forward(
        self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        # Not `len`: a graph is exported from this, and a number would stay in it.
        parts = [self.summary.expand(tokens["text"].shape[0], 1, _ATTENTION)]
        there = [torch.ones_like(present["text"][:, :1])]
        for name, layer in self.project.items():
            # What no turn of a batch has is masked; in training it is left out to save time.
            if self.training and not present[name].any():
                continue
            parts.append(layer(tokens[name]) + self.kind[name])
            there.append(present[name])
        sequence, mask = torch.cat(parts, 1), torch.cat(there, 1)
        for layer in self.layers[:-1]:
            sequence = layer(sequence, sequence, mask)
        # Of the last layer nothing is used but what the summary gathers.
        gathered = self.layers[-1](sequence[:, :1], sequence, mask)
        return _one_view(tokens["text"][:, 0] + self.out(gathered[:, 0]))


class _AttentionLayer(nn.Module):
    """Pre-norm transformer encoder layer (Xiong et al., 2020)."""

    heads = 4

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.LayerNorm(_ATTENTION)
        self.ask = nn.Linear(_ATTENTION, _ATTENTION)
        self.offer = nn.Linear(_ATTENTION, 2 * _ATTENTION)
        self.join = nn.Linear(_ATTENTION, _ATTENTION)
        self.feed = nn.Sequential(
            nn.LayerNorm(_ATTENTION),
            nn.Linear(_ATTENTION, 2 * _ATTENTION),
            nn.GELU(),
            nn.Dropout(_DROPOUT),
            nn.Linear(2 * _ATTENTION, _ATTENTION),
        )
        self.drop = nn.Dropout(_DROPOUT)

    def forward(self, asking: Tensor, sequence: Tensor, there: Tensor) -> Tensor:
        """What `asking` (n, q, width) becomes by what it gathers of `sequence` (n, k, width), of
        which it is a part; `there`: (n, k)."""
        query = self._by_head(self.ask(self.before(asking)))
        key, value = map(self._by_head, self.offer(self.before(sequence)).chunk(2, -1))
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        scores = scores.masked_fill(~there[:, None, None, :], -1e4)
        mixed = (torch.softmax(scores, -1) @ value).transpose(1, 2).flatten(2)
        asking = asking + self.drop(self.join(mixed))
        out: Tensor = asking + self.drop(self.feed(asking))
        return out

    def _by_head(self, tokens: Tensor) -> Tensor:
        """(n, k, width) → (n, heads, k, width / heads)"""
        heads: Tensor = tokens.unflatten(-1, (self.heads, -1))
        return heads.transpose(1, 2)


class Late(Fusion):
    """A view for each modality; the gate says how much each is believed. A missing one is not."""

    cosine = True

    def __init__(self, ways: Sequence[Modality], text_width: int) -> None:
        super().__init__()
        self.width = text_width
        self.views = len(ways)
        self.pools = nn.ModuleDict({way.name: Pool(way.width, text_width) for way in ways})
        self.gates = nn.ModuleDict({way.name: nn.Linear(text_width, 1) for way in ways})
        self.drop = nn.Dropout(_DROPOUT)
        text = self.pools["text"]
        assert isinstance(text, Pool)
        _start_as_identity(text.project)
        for gate in self.gates.values():
            _start_at_zero(gate)

    def forward(
        self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        names = list(self.pools)
        views = [self.pools[name](tokens[name], present[name]) for name in names]
        scores = torch.cat(
            [self.gates[name](view) for name, view in zip(names, views, strict=True)], 1
        )
        there = torch.stack([present[name].any(1) for name in names], 1)
        gate = torch.softmax(scores.masked_fill(~there, -1e4), 1)
        return self.drop(torch.stack(views, 1)), gate


class Linear(Fusion):
    """Every modality's mean token side by side, as it is."""

    views = 1
    cosine = False

    def __init__(self, ways: Sequence[Modality], text_width: int) -> None:
        super().__init__()
        self.names = [way.name for way in ways]
        self.width = sum(way.width for way in ways)

    def forward(
        self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        means = [
            tokens[name].sum(1) / present[name].sum(1, keepdim=True).clamp(min=1)
            for name in self.names
        ]
        return _one_view(torch.cat(means, 1))


FUSIONS: dict[str, type[Concatenation] | type[CrossAttention] | type[Late] | type[Linear]] = {
    "attention": CrossAttention,
    "concatenation": Concatenation,
    "late": Late,
    "linear": Linear,
}


def _one_view(vectors: Tensor) -> tuple[Tensor, Tensor]:
    return vectors.unsqueeze(1), torch.ones_like(vectors[:, :1])


def _start_at_zero(layer: nn.Module) -> None:
    """So that training begins from the words' own vector, with nothing added yet."""
    assert isinstance(layer, nn.Linear)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


def _start_as_identity(layer: nn.Module) -> None:
    assert isinstance(layer, nn.Linear)
    with torch.no_grad():
        nn.init.eye_(layer.weight)
        layer.weight += torch.randn_like(layer.weight) * 0.01
    nn.init.zeros_(layer.bias)


def directions(vectors: Tensor) -> Tensor:
    """Each row to length 1."""
    return functional.normalize(vectors, dim=-1)
