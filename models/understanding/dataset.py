"""Labelled examples as arrays, and the batches that a training draws from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.understanding.features import Features, Floats
from models.understanding.network import Targets
from models.understanding.observation import OUT_OF_SCOPE, Example
from models.understanding.settings import Balance

_BUCKETS = 20
"""Batches that are drawn together and sorted by size, so that little is padded."""
_MOST_WEIGHT = 5.0
TOKEN_DROPOUT = 0.4
"""How likely a line of a screen, or a turn before, is left out where there are others: a screen is
to be known by more than the one line that gave it away in the examples."""


@dataclass(frozen=True)
class Dataset:
    """n examples."""

    texts: tuple[str, ...]
    features: Features
    targets: Targets
    taught: Tensor | None = None
    """(n, width): the vectors that a teacher gives the texts, for a student to imitate."""

    def __len__(self) -> int:
        return len(self.texts)


def targets_of(examples: Sequence[Example], intents: Sequence[str], balance: Balance) -> Targets:
    """`intents`: all that the model knows, in the order of its outputs."""
    number = {name: at for at, name in enumerate(intents)} | {OUT_OF_SCOPE: -1}
    several = torch.zeros(len(examples), len(intents))
    main = torch.full((len(examples),), -1)
    for row, example in enumerate(examples):
        for name in example.labels.intents:
            if number[name] >= 0:
                several[row, number[name]] = 1
        if example.labels.intents:
            main[row] = number[example.labels.intents[0]]
    labels = [example.labels for example in examples]
    return Targets(
        intent=main,
        several=several,
        urgency=torch.tensor([label.urgency for label in labels]),
        sentiment=torch.tensor([label.sentiment for label in labels]),
        wants_person=torch.tensor(
            [float("nan") if x.wants_person is None else float(x.wants_person) for x in labels]
        ),
        weight=torch.from_numpy(weights_of(examples, balance)),
    )


def weights_of(examples: Sequence[Example], balance: Balance) -> Floats:
    """How much each counts for the intents: nothing where the intent is not labelled; more where
    its intent is rare, by the square root, if that is how they are balanced."""
    known = np.array([bool(e.labels.intents) for e in examples])
    weights: Floats = np.array([e.weight for e in examples], np.float32) * known
    if balance is Balance.WEIGHT:
        weights *= np.sqrt(_rarity(examples))
    return np.asarray(weights, np.float32)


def _rarity(examples: Sequence[Example]) -> Floats:
    """The usual number of an intent's examples over that of the example's own."""
    names, of = np.unique([(*e.labels.intents, "")[0] for e in examples], return_inverse=True)
    counts = np.bincount(of, minlength=len(names))
    usual = float(np.median(counts))
    rarity: Floats = np.clip(usual / counts[of], 1 / _MOST_WEIGHT, _MOST_WEIGHT)
    return np.asarray(rarity, np.float32)


def batches(
    data: Dataset,
    drawn: Floats | None,
    size: int,
    seed: int,
    epoch: int,
    together: int = 1,
) -> Iterator[NDArray[np.int64]]:
    """Row numbers of one epoch, in batches of `size`, the same for the same seed and epoch.

    `drawn`: how likely each row is drawn; None: each exactly once. `together`: how many rows of an
    intent stand side by side, so that a contrastive loss has some to draw together in each batch;
    with 1, those with as many tokens and texts of similar length do, so that little is padded.
    """
    rng = np.random.default_rng((seed, epoch))
    count = len(data)
    if drawn is None:
        order = rng.permutation(count)
    else:
        order = rng.choice(count, count, p=drawn / drawn.sum())
    if together > 1:
        order = _grouped(order, data.targets.intent.numpy()[order], together, rng)
        yield from (order[at : at + size] for at in range(0, count, size))
        return
    lengths = np.array([len(text) for text in data.texts])
    tokens = np.sum([np.diff(starts) for starts in data.features.starts.values()], axis=0)
    found = []
    for at in range(0, count, size * _BUCKETS):
        pool = order[at : at + size * _BUCKETS]
        pool = pool[np.lexsort((lengths[pool], tokens[pool]))]
        found += [pool[start : start + size] for start in range(0, len(pool), size)]
    yield from (found[at] for at in rng.permutation(len(found)))


def _grouped(
    order: NDArray[np.int64],
    intent: NDArray[np.int64],
    together: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The rows in groups of one intent each, the groups in any order."""
    groups = []
    for number in np.unique(intent):
        own = order[intent == number]
        groups += [own[at : at + together] for at in range(0, len(own), together)]
    return np.concatenate([groups[at] for at in rng.permutation(len(groups))])


def drawing(examples: Sequence[Example], balance: Balance) -> Floats | None:
    """How likely each example is drawn, for `batches`."""
    return _rarity(examples) if balance is Balance.RESAMPLE else None


def kept(data: Dataset, dropout: float, seed: int, epoch: int) -> dict[str, NDArray[np.bool_]]:
    """Which tokens are kept in this epoch, by modality, for `Features.batch`: each modality of a
    row is left out as a whole with the probability `dropout`, and each of several tokens with
    `TOKEN_DROPOUT`. A row never loses all it has, nor a modality all its tokens."""
    rng = np.random.default_rng((seed, epoch, 1))
    starts = data.features.starts
    counts = np.stack([np.diff(starts[name]) for name in starts], 1)
    has = counts > 0
    whole = has & (rng.random(has.shape) >= dropout)
    lost = ~whole.any(1)
    whole[lost] = has[lost]
    keep = {}
    for at, name in enumerate(starts):
        row = np.repeat(np.arange(len(data)), counts[:, at])
        each = rng.random(len(row)) >= TOKEN_DROPOUT
        none_left = np.bincount(row[each], minlength=len(data)) == 0
        keep[name] = whole[row, at] & (each | none_left[row])
    return keep
