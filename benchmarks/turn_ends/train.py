"""Trains the estimate of `models/turn_end.py` on written-down pauses, and writes its weights.

    python -m benchmarks.turn_ends.train FILE…

The words' table learns from text alone. What the network sees of it in training comes from a table
that has not seen the sentence's data set, as the desk's callers' sentences are new too. Each half
of the callers is judged by a network that was trained on the other; from that, the table of what
is waited and who is cut off is printed, by which the constants in `bot/calls/endpointing.py` were
chosen. The weights are those of all together.
"""

import random
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.turn_ends.measure import read
from benchmarks.turn_ends.pauses import Pause
from benchmarks.turn_ends.sentences import SHORT, assistant, banking, places, shop, spoken
from bot.calls.endpointing import AT_ONCE_S, words_of
from models import turn_end

Floats = NDArray[np.float64]
_loss = torch.nn.functional.binary_cross_entropy_with_logits

_DROPPED = 0.3
"""Of the content words, which are made unknown: the desk's callers use others."""
_PREFIXES = 4
"""Of each sentence."""
_HIDDEN, _NETWORKS = 12, 3
"""Several networks are averaged: beside each other, they are one that is wider."""
_LONG = 12
"""Words from which on a sentence is long."""
_MOST_COUNTED = 4.0
_EVENED = 0.5
_PEOPLE = 8
"""How much more a person counts than a synthetic voice."""


class WordTable(msgspec.Struct):
    """A logistic regression on hashed features."""

    weights: Floats
    bias: float

    def odds(self, words: Sequence[str]) -> float:
        return float(self.weights[turn_end.word_features(words)].sum() + self.bias)


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    texts = {"banking": banking(), "assistant": assistant()}
    # The other half of the shop's sentences is what it is compared on.
    alike = [*spoken(), *SHORT * 12, *shop()[::2] * 3]
    tables = {
        "banking": _learn_words([*texts["assistant"], *alike]),
        "assistant": _learn_words([*texts["banking"], *alike]),
        "people": _learn_words([*texts["banking"], *texts["assistant"], *alike]),
    }
    found = [pause for file in sys.argv[1:] for pause in read(Path(file)) if words_of(pause.text)]
    tables["shop"] = tables["people"]
    trained = [p for p in found if p.group != "shop" and (p.group != "people" or p.part == 0)]
    kept = [p for p in found if p not in trained]
    table = tables["people"]
    scale = float(np.abs(table.weights).max()) / 127
    out: dict[str, NDArray[np.generic]] = {
        "words": np.round(table.weights / scale).astype(np.int8),
        "words_scale": np.array([scale, table.bias]),
    }
    for kind, sound in (("voice", False), ("sound", True)):
        network = _Network(trained, tables, sound=sound)
        odds = np.zeros(len(trained))
        for part in (0, 1):
            here = np.array([pause.part == part for pause in trained])
            people = np.array([pause.group == "people" for pause in trained])
            learnt = [
                p for p, h, person in zip(trained, here, people, strict=True) if not h or person
            ]
            other = _Network(learnt, tables, sound=sound)
            odds[here] = other.odds([p for p, h in zip(trained, here, strict=True) if h])
        synthetic = [n for n, p in enumerate(trained) if p.group != "people"]
        title = f"{kind}: synthetic voices, each half by a network of the other"
        _tell(title, [trained[n] for n in synthetic], odds[synthetic])
        for name in ("orders", "readings", "shop"):
            if chosen := [p for p in kept if name in (p.line, p.group)]:
                _tell(f"{kind}: {name}, not trained on", chosen, network.odds(chosen))
        out |= {f"{kind}_{name}": value for name, value in network.weights().items()}
    np.savez_compressed(turn_end.WEIGHTS, allow_pickle=False, **out)


def _learn_words(texts: Sequence[str]) -> WordTable:
    rng = random.Random(1)
    rows: list[list[int]] = []
    wholes: list[float] = []
    lengths: list[int] = []
    for text in texts:
        raw = text.split()
        words = words_of(text)
        if len(words) < 2 or len(raw) < 2:
            continue
        at = sorted({place for _ in range(3) for place in places(raw, rng)})[:_PREFIXES]
        for said, whole in [(words, 1.0), *((words_of(" ".join(raw[:n])), 0.0) for n in at)]:
            if said:
                rows.append(turn_end.word_features(_partly_unknown(said, rng)))
                wholes.append(whole)
                lengths.append(len(said))
    most = max(map(len, rows))
    nothing = turn_end.BUCKETS
    seen = torch.tensor([row + [nothing] * (most - len(row)) for row in rows])
    ends = torch.tensor(wholes)
    counted = torch.tensor(_evened(lengths, np.array(wholes, bool)), dtype=torch.float32)
    bag = torch.nn.EmbeddingBag(nothing + 1, 1, mode="sum", padding_idx=nothing)
    torch.nn.init.zeros_(bag.weight)
    bias = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([bag.weight, bias], lr=0.02)
    for _ in range(4):
        for batch in torch.randperm(len(rows)).split(1024):
            odds = bag(seen[batch])[:, 0] + bias
            loss = _loss(odds, ends[batch], weight=counted[batch])
            (loss + 1e-5 * bag.weight.square().sum()).backward()
            optimiser.step()
            optimiser.zero_grad()
        for group in optimiser.param_groups:
            group["lr"] *= 0.75
    weights = bag.weight.detach().numpy()[:nothing, 0].astype(np.float64)
    return WordTable(weights, bias.item())


def _evened(lengths: Sequence[int], ends: NDArray[np.bool_]) -> Floats:
    """What each example counts, so that among those of one length there are as many ends as there
    are none: callers' sentences are shorter than a data set's, and what is short is not for that
    reason a beginning."""
    capped = np.minimum(np.array(lengths), _LONG)
    counted = np.zeros(len(capped))
    for length in range(1, _LONG + 1):
        for end in (False, True):
            here = (capped == length) & (ends == end)
            if here.any():
                counted[here] = max(1, (capped == length).sum()) / (2 * here.sum())
    return np.minimum(counted, _MOST_COUNTED) ** _EVENED


def _partly_unknown(words: Sequence[str], rng: random.Random) -> list[str]:
    return [
        turn_end.UNKNOWN if turn_end.is_content(word) and rng.random() < _DROPPED else word
        for word in words
    ]


class _Network:
    """Several small networks, averaged."""

    def __init__(
        self, learnt: Sequence[Pause], tables: dict[str, WordTable], *, sound: bool
    ) -> None:
        self._tables, self._sound = tables, sound
        seen = self._seen(learnt)
        self._mean, self._spread = seen.mean(0), seen.std(0) + 1e-6
        inputs = torch.tensor((seen - self._mean) / self._spread, dtype=torch.float32)
        ends = torch.tensor([float(pause.lasts_s is None) for pause in learnt])
        evened = _evened([len(words_of(p.text)) for p in learnt], ends.numpy() > 0)
        people = np.array([_PEOPLE if p.group == "people" else 1.0 for p in learnt])
        weights = torch.tensor(evened * people, dtype=torch.float32)
        self._networks = [_learn(inputs, ends, weights, seed) for seed in range(_NETWORKS)]

    def odds(self, found: Sequence[Pause]) -> Floats:
        weights = self.weights()
        scaled = (self._seen(found) - weights["mean"]) / weights["spread"]
        hidden = np.tanh(scaled @ weights["in"] + weights["in_bias"])
        return np.asarray(hidden @ weights["out"] + weights["out_bias"], np.float64)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        into, outof = zip(*((net[0], net[2]) for net in self._networks), strict=True)
        found = {
            "mean": self._mean,
            "spread": self._spread,
            "in": np.concatenate([each.weight.detach().numpy().T for each in into], 1),
            "in_bias": np.concatenate([each.bias.detach().numpy() for each in into]),
            "out": np.concatenate([each.weight.detach().numpy()[0] for each in outof]) / _NETWORKS,
            "out_bias": np.mean([each.bias.detach().numpy()[0] for each in outof]),
        }
        return {name: np.asarray(value, np.float32) for name, value in found.items()}

    def _seen(self, found: Sequence[Pause]) -> Floats:
        rows = []
        for pause in found:
            words = words_of(pause.text)
            rows.append(
                turn_end.features(
                    self._tables[pause.group].odds(words),
                    len(words),
                    pause.text.rstrip()[-1:],
                    pause.melody,
                    pause.complete if self._sound else None,
                )
            )
        return np.array(rows)


def _learn(
    inputs: torch.Tensor, ends: torch.Tensor, weights: torch.Tensor, seed: int
) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    network = torch.nn.Sequential(
        torch.nn.Linear(inputs.shape[1], _HIDDEN), torch.nn.Tanh(), torch.nn.Linear(_HIDDEN, 1)
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.006, weight_decay=0.05)
    for _ in range(60):
        for batch in torch.randperm(len(inputs)).split(256):
            loss = _loss(network(inputs[batch])[:, 0], ends[batch], weight=weights[batch])
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
    return network


def _tell(title: str, found: Sequence[Pause], odds: Floats) -> None:
    """For some limits and waits: who is cut off, and how long the others wait."""
    ends = np.array([pause.lasts_s is None for pause in found])
    table = Table(
        *("likely", "more s", "cut off %", "p50 s", "p95 s", "mean s"),
        title=f"{title}: {len(found)} pauses, AUC {_auc(odds, ends):.3f}",
    )
    lasts = np.array([pause.lasts_s or 0.0 for pause in found])
    late = np.array([pause.late_s for pause in found])
    turns = np.array([pause.turn for pause in found])
    whole = np.array([pause.whole for pause in found])
    chance = 1 / (1 + np.exp(-odds))
    for likely, more_s in _CHOICES:
        wait = np.where(chance >= likely, AT_ONCE_S, more_s)
        cut = set(turns[~ends & ~whole & (wait <= lasts)])
        waited = (wait + late)[ends & whole]
        share = 100 * len(cut) / max(1, len(set(turns[~whole])))
        middle, most = np.percentile(waited, (50, 95))
        figures = (likely, more_s, share, middle, most, waited.mean())
        table.add_row(*(f"{figure:.2f}" for figure in figures))
    Console(width=110).print(table)


def _auc(odds: Floats, ends: NDArray[np.bool_]) -> float:
    """How often an end has more odds than a pause that is none."""
    placed, count = odds.argsort().argsort()[ends], int(ends.sum())
    return float((placed.mean() - (count - 1) / 2) / max(1, len(odds) - count))


_CHOICES = [(likely, more_s) for likely in (0.6, 0.7, 0.75, 0.8, 0.85) for more_s in (1.1, 1.25)]


if __name__ == "__main__":
    main()
