"""The network: fused modalities through one trunk to all tasks, and its loss.

Tasks share what the fusion makes of a turn. How much each counts is learned with the rest, by the
uncertainty of each (Kendall, Gal & Cipolla, 2018).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.understanding.calibration import SCALE
from models.understanding.features import Modality
from models.understanding.fusion import FUSIONS, directions

SMOOTHING = 0.1
"""Of the intents' labels (Szegedy et al., 2016)."""
CONTRAST_TEMPERATURE = 0.07
TASKS = ("intent", "several", "urgency", "sentiment", "wants_person")


class Outputs(NamedTuple):
    """What the network says of n turns with c intents."""

    intent: Tensor
    """(n, c), logits."""
    several: Tensor
    """(n, c), a logit for each intent by itself."""
    urgency: Tensor
    """(n,), 0 to 1."""
    sentiment: Tensor
    """(n,), -1 to 1."""
    wants_person: Tensor
    """(n,), logits."""
    vector: Tensor
    """(n, width), of length 1: near one another for turns that mean the same."""


class Targets(NamedTuple):
    """What n turns are labelled with; nan where a label is missing."""

    intent: Tensor
    """(n,), the number of the main intent; -1: none of them."""
    several: Tensor
    """(n, c), 0 or 1."""
    urgency: Tensor
    sentiment: Tensor
    wants_person: Tensor
    weight: Tensor
    """(n,), how much each counts for the intents; 0 where the intent is not known."""


@dataclass(frozen=True)
class Shape:
    """All that a network is built from, beside the modalities."""

    fusion: str
    intents: int
    text_width: int


class Head(nn.Module):
    """A linear reading of each view with weights of its own, joined by the gate."""

    def __init__(self, views: int, width: int, out: int, *, cosine: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(views, width, out) * 0.02)
        self.bias = nn.Parameter(torch.zeros(out))
        self.cosine = cosine

    def forward(self, views: Tensor, gate: Tensor) -> Tensor:
        weight: Tensor = self.weight
        if self.cosine:
            views = directions(views)
            weight = functional.normalize(weight, dim=1)
        return SCALE * torch.einsum("nvw,vwo,nv->no", views, weight, gate) + self.bias


class Network(nn.Module):
    """Tokens of the modalities → `Outputs`."""

    def __init__(self, ways: Sequence[Modality], shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.fusion = FUSIONS[shape.fusion](ways, shape.text_width)
        views, width = self.fusion.views, self.fusion.width
        self.intent = Head(views, width, shape.intents, cosine=self.fusion.cosine)
        self.several = Head(views, width, shape.intents, cosine=False)
        self.manner = Head(views, width, 3, cosine=False)
        self.log_variance = nn.Parameter(torch.zeros(len(TASKS)))

    def forward(self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Outputs:
        views, gate = self.fusion(tokens, present)
        manner = self.manner(views, gate)
        return Outputs(
            intent=self.intent(views, gate),
            several=self.several(views, gate),
            urgency=torch.sigmoid(manner[:, 0]),
            sentiment=torch.tanh(manner[:, 1]),
            wants_person=manner[:, 2],
            vector=directions((views * gate.unsqueeze(-1)).sum(1)),
        )

    @torch.no_grad()
    def begin_at(self, vectors: Tensor, intent: Tensor) -> None:
        """Let the intents' head begin at the mean of each intent's vectors (n, width), as in
        nearest-centroid classification: right from the start with few examples."""
        if not self.fusion.cosine or self.fusion.views > 1:
            return
        for number in range(self.shape.intents):
            rows = vectors[intent == number]
            if len(rows) and float(rows.abs().sum()):
                self.intent.weight[0, :, number] = rows.mean(0)


def contrast(vector: Tensor, want: Targets) -> Tensor:
    """Supervised contrastive loss over the rows of one process (Khosla et al., 2020): each turn
    nearer to those of its intent than to any other."""
    scores = vector @ vector.T / CONTRAST_TEMPERATURE
    scores = scores - 1e9 * torch.eye(len(vector), device=vector.device)
    same = (want.intent[:, None] == want.intent[None]) & (want.intent >= 0)[:, None]
    same &= ~torch.eye(len(vector), dtype=torch.bool, device=vector.device)
    count = same.sum(1)
    logs = torch.log_softmax(scores, 1)
    each = -(logs * same).sum(1) / count.clamp(min=1)
    return each[count > 0].mean() if bool((count > 0).any()) else vector.sum() * 0


def losses(out: Outputs, want: Targets, whole: Targets, focus: float) -> dict[str, Tensor]:
    """Each task's loss, summed over the rows of `want` that have its label and divided by how many
    of `whole` have it; tasks that none has are absent.

    `whole`: the batch that `want` is a share of, when several processes share one; else `want`.
    `focus`: gamma of the focal loss (Lin et al., 2017); 0 is plain cross-entropy.
    """
    found: dict[str, Tensor] = {}
    total = whole.weight.sum()
    if total > 0:
        found["intent"] = (_intent_losses(out.intent, want, focus) * want.weight).sum() / total
        each = functional.binary_cross_entropy_with_logits(
            out.several, want.several, reduction="none", pos_weight=out.several.new_tensor(4.0)
        )
        found["several"] = (each.mean(1) * want.weight).sum() / total
    for name in ("urgency", "sentiment", "wants_person"):
        label, predicted = getattr(want, name), getattr(out, name)
        count = (~getattr(whole, name).isnan()).sum()
        if count:
            there = ~label.isnan()
            each = _manner_losses(name, predicted[there], label[there])
            found[name] = each.sum() / count
    return found


def _manner_losses(name: str, predicted: Tensor, label: Tensor) -> Tensor:
    if name == "wants_person":
        return functional.binary_cross_entropy_with_logits(predicted, label, reduction="none")
    return (predicted - label).square()


def joined(found: Mapping[str, Tensor], log_variance: Tensor, share: float = 1.0) -> Tensor:
    """The tasks' losses as one, each weighed by what is learned of its uncertainty.

    `share`: of the batch that the losses are of, when several processes share one.
    """
    return torch.stack(
        [
            torch.exp(-log_variance[at]) * found[name] + share * log_variance[at] / 2
            for at, name in enumerate(TASKS)
            if name in found
        ]
    ).sum()


def _intent_losses(logits: Tensor, want: Targets, focus: float) -> Tensor:
    """Cross-entropy with smoothed labels. A turn of no intent teaches an even distribution
    (outlier exposure; Hendrycks et al., 2019)."""
    logs = torch.log_softmax(logits, 1)
    even = -logs.mean(1)
    own = -logs.gather(1, want.intent.clamp(min=0).unsqueeze(1)).squeeze(1)
    if focus:
        own = own * (1 - torch.exp(-own)) ** focus
    return torch.where(want.intent < 0, even, (1 - SMOOTHING) * own + SMOOTHING * even)
