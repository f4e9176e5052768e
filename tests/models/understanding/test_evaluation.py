import math
from itertools import product

import numpy as np
import pytest

from models.understanding.evaluation import Evaluation, Judged, auroc, flips
from models.understanding.observation import OUT_OF_SCOPE


def _judged(expected: str, predicted: str, probability: float = 0.9) -> Judged:
    guess = predicted if predicted != OUT_OF_SCOPE else "a"
    return Judged("x:1", "words", ("text",), expected, predicted, guess, probability, 0.1)


def _evaluation(*judged: Judged) -> Evaluation:
    return Evaluation("v", "test", ("a", "b"), judged)


def test_auroc_is_how_often_a_positive_is_ahead_of_a_negative() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 6, 60).astype(float)
    positive = rng.random(60) < 0.4
    pairs = [
        1.0 if p > n else 0.5 if p == n else 0.0
        for p, n in product(scores[positive], scores[~positive])
    ]
    assert auroc(scores, positive) == pytest.approx(np.mean(pairs))


def test_auroc_of_one_kind_alone_is_unknown() -> None:
    assert math.isnan(auroc(np.array([0.1, 0.2]), np.array([True, True])))


def test_precision_recall_and_confusion() -> None:
    found = _evaluation(
        _judged("a", "a"), _judged("a", "b"), _judged("b", "b"), _judged(OUT_OF_SCOPE, "b")
    )
    assert found.classes == ("a", "b", OUT_OF_SCOPE)
    assert found.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    a, b, outside = found.by_intent
    assert (a.precision, a.recall, a.examples) == (1.0, 0.5, 2)
    assert (b.precision, b.recall) == (pytest.approx(1 / 3), 1.0)
    assert math.isnan(outside.precision)
    assert outside.recall == 0.0
    assert (found.accuracy, found.right) == (pytest.approx(2 / 3), 0.5)


def test_calibration_error_is_the_distance_of_claim_and_truth() -> None:
    found = _evaluation(*[_judged("a", "a" if n < 6 else "b", 0.85) for n in range(10)])
    assert found.calibration_error == pytest.approx(0.25)
    (one,) = found.calibration
    assert (one.examples, one.accuracy) == (10, 0.6)


def test_the_surest_mistake_comes_first() -> None:
    found = _evaluation(_judged("a", "b", 0.6), _judged("a", "b", 0.99), _judged("a", "a", 1.0))
    assert [each.probability for each in found.worst] == [0.99, 0.6]


def test_flips_are_where_two_versions_differ() -> None:
    before = _evaluation(_judged("a", "a"), _judged("a", "b"), _judged("b", "a"))
    after = _evaluation(_judged("a", "b"), _judged("a", "a"), _judged("b", "a"))
    assert [flip.better for flip in flips(before, after)] == [False, True]


def test_nothing_judged_gives_no_figures_and_no_error() -> None:
    found = _evaluation()
    assert math.isnan(found.accuracy)
    assert math.isnan(found.calibration_error)
    assert found.confusion.shape == (2, 2)
    assert found.worst == ()
