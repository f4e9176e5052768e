"""How well a model does on labelled examples: the figures a report is made of. No model here."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.understanding.observation import OUT_OF_SCOPE

CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Judged:
    """One example with what the model said of it."""

    place: str
    """`returns.yaml:12`."""
    text: str
    modalities: tuple[str, ...]
    """Of `text`, `screen`, `image`, `prosody`, `history`: what the example has."""
    expected: str
    """The labelled main intent; `OUT_OF_SCOPE` for none."""
    predicted: str
    """The answered intent, or `OUT_OF_SCOPE` where the model took it for none."""
    guess: str
    """The most likely intent, whether or not it was taken for out of scope."""
    probability: float
    """Of `predicted`, calibrated."""
    out_of_scope: float
    urgency: tuple[float, float] | None = None
    """Labelled and predicted."""
    sentiment: tuple[float, float] | None = None
    wants_person: tuple[bool, float] | None = None
    several: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    """All labelled and all predicted intents, where more than one is labelled."""

    @property
    def right(self) -> bool:
        return self.expected == self.predicted


@dataclass(frozen=True)
class OfIntent:
    """How one intent fares."""

    name: str
    examples: int
    precision: float
    """Of those taken for it, the share that is it; nan where none was."""
    recall: float
    """Of those that are it, the share taken for it; nan where there is none."""

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True)
class CalibrationBin:
    """Predictions of about the same confidence."""

    confidence: float
    accuracy: float
    examples: int


@dataclass(frozen=True)
class Evaluation:
    """A model version on a set of examples."""

    version: str
    data: str
    """What the examples are, in words: a file's name, "held out of training"."""
    intents: tuple[str, ...]
    """All that the model knows, sorted; without `OUT_OF_SCOPE`."""
    judged: tuple[Judged, ...]

    @cached_property
    def in_scope(self) -> tuple[Judged, ...]:
        return tuple(each for each in self.judged if each.expected != OUT_OF_SCOPE)

    @property
    def accuracy(self) -> float:
        """Share of the in-scope examples whose most likely intent is the labelled one (whether
        they were taken for out of scope does not count, as in CLINC150); nan without any."""
        return _mean([each.guess == each.expected for each in self.in_scope])

    @property
    def right(self) -> float:
        """Share of all examples, out of scope included, that were taken for what they are."""
        return _mean([each.right for each in self.judged])

    @property
    def out_of_scope_auroc(self) -> float:
        """How well the out-of-scope score tells the two kinds apart; nan without both kinds."""
        outside = np.array([each.expected == OUT_OF_SCOPE for each in self.judged], bool)
        return auroc(np.array([each.out_of_scope for each in self.judged]), outside)

    @property
    def calibration_error(self) -> float:
        """Expected calibration error (Naeini et al., 2015)."""
        total = len(self.judged)
        return (
            sum(abs(b.accuracy - b.confidence) * b.examples for b in self.calibration) / total
            if total
            else float("nan")
        )

    @cached_property
    def calibration(self) -> tuple[CalibrationBin, ...]:
        """Bins with at least one prediction, by confidence."""
        bins = defaultdict(list)
        for each in self.judged:
            bins[min(int(each.probability * CALIBRATION_BINS), CALIBRATION_BINS - 1)].append(each)
        return tuple(
            CalibrationBin(
                _mean([each.probability for each in found]),
                _mean([each.right for each in found]),
                len(found),
            )
            for _, found in sorted(bins.items())
        )

    @cached_property
    def by_intent(self) -> tuple[OfIntent, ...]:
        """Each intent, and out of scope where the examples have it; in the order of `classes`."""
        counts = self.confusion
        return tuple(
            OfIntent(
                name,
                int(counts[row].sum()),
                _share(counts[row, row], counts[:, row].sum()),
                _share(counts[row, row], counts[row].sum()),
            )
            for row, name in enumerate(self.classes)
        )

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The intents, whatever else the examples are labelled with, and out of scope last where
        it was expected or predicted."""
        seen = {name for each in self.judged for name in (each.expected, each.predicted)}
        names = sorted({*self.intents, *seen} - {OUT_OF_SCOPE})
        return (*names, OUT_OF_SCOPE) if OUT_OF_SCOPE in seen else tuple(names)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Examples by what they are (rows) and what they were taken for (columns)."""
        number = {name: at for at, name in enumerate(self.classes)}
        counts = np.zeros((len(number), len(number)), np.int64)
        for each in self.judged:
            counts[number[each.expected], number[each.predicted]] += 1
        return counts

    @cached_property
    def worst(self) -> tuple[Judged, ...]:
        """The mistakes, the surest first."""
        wrong = [each for each in self.judged if not each.right]
        return tuple(sorted(wrong, key=lambda each: -each.probability))

    @property
    def urgency_error(self) -> float:
        """Mean absolute error; nan without labels."""
        return _mean(
            [abs(a - b) for each in self.judged if each.urgency for a, b in [each.urgency]]
        )

    @property
    def sentiment_error(self) -> float:
        """Mean absolute error; nan without labels."""
        pairs = [each.sentiment for each in self.judged if each.sentiment]
        return _mean([abs(a - b) for a, b in pairs])

    @property
    def wants_person_auroc(self) -> float:
        """nan without both kinds."""
        pairs = [each.wants_person for each in self.judged if each.wants_person]
        return auroc(np.array([b for _, b in pairs]), np.array([a for a, _ in pairs], bool))

    @property
    def several_f1(self) -> float:
        """Micro-averaged over the examples with more than one labelled intent; nan without."""
        pairs = [each.several for each in self.judged if each.several]
        hits = sum(len(set(a) & set(b)) for a, b in pairs)
        total = sum(len(a) + len(b) for a, b in pairs)
        return 2 * hits / total if total else float("nan")


@dataclass(frozen=True)
class Flip:
    """An example on which two versions differ."""

    before: Judged
    after: Judged

    @property
    def better(self) -> bool:
        return self.after.right


def flips(before: Evaluation, after: Evaluation) -> tuple[Flip, ...]:
    """The examples that one version got right and the other wrong; both judged the same examples
    in the same order."""
    pairs = zip(before.judged, after.judged, strict=True)
    return tuple(Flip(old, new) for old, new in pairs if old.right != new.right)


def auroc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Area under the receiver operating characteristic: how likely a positive scores higher than
    a negative, ties counted half. nan without both kinds."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    values, numbers = np.unique(scores, return_inverse=True)
    counts = np.bincount(numbers, minlength=len(values))
    ranks = np.cumsum(counts) - (counts - 1) / 2
    total = float(ranks[numbers[positive]].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def _mean(values: Sequence[float] | Sequence[bool]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else float("nan")
