"""Predictions beside labels: what an evaluation is made of."""

import math
from collections.abc import Sequence

from models.understanding.evaluation import Evaluation, Judged
from models.understanding.observation import OUT_OF_SCOPE, Example, Labels
from models.understanding.prediction import Prediction

FOREIGN = 0.5
"""From this probability on, a turn is taken to be about nothing that the intents cover."""
_SHOWN_TEXT = 400


def judge(
    version: str,
    data: str,
    intents: Sequence[str],
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
) -> Evaluation:
    """Examples without a labelled intent are left out."""
    judged = tuple(
        _judged(example, prediction)
        for example, prediction in zip(examples, predictions, strict=True)
        if example.labels.intents
    )
    return Evaluation(version, data, tuple(sorted(intents)), judged)


def _judged(example: Example, found: Prediction) -> Judged:
    labels, guess = example.labels, found.best.name
    foreign = found.out_of_scope >= FOREIGN
    return Judged(
        place=example.place,
        text=example.observation.text[:_SHOWN_TEXT],
        modalities=modalities_of(example),
        expected=labels.intents[0],
        predicted=OUT_OF_SCOPE if foreign else guess,
        guess=guess,
        probability=found.out_of_scope if foreign else found.best.probability,
        out_of_scope=found.out_of_scope,
        urgency=_pair(labels.urgency, found.urgency),
        sentiment=_pair(labels.sentiment, found.sentiment),
        wants_person=(
            None if labels.wants_person is None else (labels.wants_person, found.wants_person)
        ),
        several=_several(labels, found),
    )


def modalities_of(example: Example) -> tuple[str, ...]:
    seen = example.observation
    parts = {
        "text": seen.text,
        "screen": seen.lines,
        "image": seen.image,
        "prosody": seen.prosody,
        "history": seen.history,
    }
    return tuple(name for name, part in parts.items() if part)


def _pair(label: float, predicted: float) -> tuple[float, float] | None:
    return None if math.isnan(label) else (label, predicted)


def _several(labels: Labels, found: Prediction) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    if len(labels.intents) < 2:
        return None
    return labels.intents, tuple(each.name for each in found.several)
