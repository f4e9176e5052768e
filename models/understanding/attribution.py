"""Why a turn was taken for what it was: what each modality, word and line of a screen did for it.

A modality's share is its exact Shapley value (Shapley, 1953): what it adds to the probability of
the chosen intent, averaged over all orders in which the modalities could have arrived. There are
at most five, so all 2⁵ combinations are computed. Words and lines are taken out one at a time.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial

from models.understanding.features import Floats
from models.understanding.judging import FOREIGN
from models.understanding.observation import OUT_OF_SCOPE, Line, Observation
from models.understanding.prediction import Prediction
from models.understanding.predictor import Predictor

MODALITIES = ("text", "screen", "image", "prosody", "history")
WORDS = 40
"""Words of a text that are looked at; those after them are left out."""
_WORD = re.compile(r"\w+(?:['’]\w+)*", re.UNICODE)


@dataclass(frozen=True)
class Share:
    """What a part did for the probability; negative where it spoke against."""

    name: str
    value: float


@dataclass(frozen=True)
class LineShare:
    """What a line of a screen did, and where it stands."""

    line: Line
    value: float


@dataclass(frozen=True)
class Attribution:
    """An explanation of one prediction."""

    intent: str
    """What is explained; `OUT_OF_SCOPE` where the turn was taken to be of none."""
    probability: float
    nothing: float
    """Its probability where nothing is known; with all `modalities` it adds up to `probability`."""
    modalities: tuple[Share, ...]
    """Those that the turn has."""
    words: tuple[Share, ...]
    """Of the typed and spoken words, in their order."""
    lines: tuple[LineShare, ...]


def modality_shares(
    predictor: Predictor, seen: Observation, vectors: Mapping[str, Floats]
) -> Attribution:
    """Shapley values alone. Takes 2ⁿ evaluations of the network for n modalities, in one batch.

    `vectors`: for each of `predictor.texts([seen])`.
    """
    there = [name for name in MODALITIES if _without(seen, [name]) != seen]
    subsets = [frozenset(s) for n in range(len(there) + 1) for s in combinations(there, n)]
    parts = [_without(seen, set(there) - kept) for kept in subsets]
    found = predictor.predict(predictor.inputs(parts, vectors))
    intent = _chosen(found[-1])  # of all modalities together
    worth = {kept: probability_of(each, intent) for kept, each in zip(subsets, found, strict=True)}
    return Attribution(
        intent=intent,
        probability=worth[frozenset(there)],
        nothing=worth[frozenset()],
        modalities=tuple(Share(name, _shapley(name, there, worth)) for name in there),
        words=(),
        lines=(),
    )


def attribute(predictor: Predictor, seen: Observation) -> Attribution:
    """Everything. Encodes the text once for each of its words."""
    words = list(_WORD.finditer(seen.text))[:WORDS]
    without_word = [
        replace(seen, text=seen.text[: at.start()] + seen.text[at.end() :]) for at in words
    ]
    without_line = [
        replace(seen, lines=seen.lines[:at] + seen.lines[at + 1 :]) for at in range(len(seen.lines))
    ]
    changed = [*without_word, *without_line]
    vectors = predictor.vectors([seen, *changed])
    found = modality_shares(predictor, seen, vectors)
    if not changed:
        return found
    predictions = predictor.predict(predictor.inputs(changed, vectors))
    lost = [found.probability - probability_of(each, found.intent) for each in predictions]
    return replace(
        found,
        words=tuple(
            Share(at.group(), value) for at, value in zip(words, lost[: len(words)], strict=True)
        ),
        lines=tuple(
            LineShare(line, value)
            for line, value in zip(seen.lines, lost[len(words) :], strict=True)
        ),
    )


def _chosen(found: Prediction) -> str:
    return OUT_OF_SCOPE if found.out_of_scope >= FOREIGN else found.best.name


def probability_of(found: Prediction, intent: str) -> float:
    """What a prediction gives an intent, or `OUT_OF_SCOPE`."""
    if intent == OUT_OF_SCOPE:
        return found.out_of_scope
    return next((each.probability for each in found.intents if each.name == intent), 0.0)


def _shapley(name: str, there: Sequence[str], worth: dict[frozenset[str], float]) -> float:
    others = [other for other in there if other != name]
    total = 0.0
    for size in range(len(others) + 1):
        weight = factorial(size) * factorial(len(others) - size) / factorial(len(there))
        for some in combinations(others, size):
            total += weight * (worth[frozenset({*some, name})] - worth[frozenset(some)])
    return total


def _without(seen: Observation, names: Iterable[str]) -> Observation:
    for name in names:
        if name == "text":
            seen = replace(seen, text="")
        elif name == "screen":
            seen = replace(seen, lines=())
        elif name == "image":
            seen = replace(seen, image=())
        elif name == "prosody":
            seen = replace(seen, prosody=None)
        else:
            seen = replace(seen, history=())
    return seen
