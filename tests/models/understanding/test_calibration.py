import numpy as np
import pytest

from models.understanding.calibration import Calibration, Scores
from models.understanding.fit_calibration import calibrate
from models.understanding.memory import Near

RNG = np.random.default_rng(5)


def _scores(rows: int, sharpness: float) -> tuple[Scores, np.ndarray]:
    """The network is right in 70 % of the turns and the wide head knows nothing; `sharpness` is
    how sure the network claims to be."""
    intent = RNG.integers(0, 5, rows)
    shown = np.where(RNG.random(rows) < 0.7, intent, RNG.integers(0, 5, rows))
    network = (np.eye(5)[shown] * sharpness).astype(np.float32)
    wide = RNG.normal(size=(rows, 5)).astype(np.float32)
    return Scores(wide, network, _near(np.full((rows, 2), 0.8, np.float32))), intent


def _near(likeness: np.ndarray) -> Near:
    """Neighbours that vote for nobody."""
    return Near(likeness, np.full((len(likeness), 5), -np.log(5), np.float32))


@pytest.mark.parametrize("sharpness", [1.0, 4.0, 20.0])
def test_confidence_becomes_what_it_claims_to_be(sharpness: float) -> None:
    scores, intent = _scores(2000, sharpness)
    found = calibrate(scores, intent)
    inside, _ = found.probabilities(scores)
    right = (inside.argmax(1) == intent).mean()
    assert inside.max(1).mean() == pytest.approx(right, abs=0.03)


def test_the_head_that_knows_nothing_is_not_listened_to() -> None:
    scores, intent = _scores(2000, 4.0)
    found = calibrate(scores, intent)
    assert found.wide < 0.2 < found.network


def test_without_held_out_turns_both_heads_count_alike() -> None:
    scores, _ = _scores(3, 4.0)
    found = calibrate(scores, np.full(3, -1))
    assert found == Calibration()
    assert found.wide == found.network


def test_foreign_turns_are_told_from_others() -> None:
    scores, intent = _scores(400, 4.0)
    foreign = np.arange(400) % 4 == 0
    near = np.where(foreign[:, None], 0.3, 0.9).astype(np.float32) * np.ones((1, 2), np.float32)
    scores = Scores(scores.wide, scores.network, _near(near))
    found = calibrate(scores, np.where(foreign, -1, intent))
    _, outside = found.probabilities(scores)
    assert outside[foreign].min() > outside[~foreign].max()
    assert outside[~foreign].mean() < 0.2


def test_without_foreign_turns_few_are_refused() -> None:
    scores, intent = _scores(1000, 4.0)
    _, outside = calibrate(scores, intent).probabilities(scores)
    assert (outside > 0.5).mean() <= 0.03


def test_neighbours_that_know_are_listened_to() -> None:
    scores, intent = _scores(2000, 4.0)
    votes = np.log(np.where(np.eye(5)[intent] > 0, 0.96, 0.01)).astype(np.float32)
    knowing = Scores(scores.wide, scores.network, Near(scores.near.likeness, votes))
    found = calibrate(knowing, intent)
    inside, _ = found.probabilities(knowing)
    assert (inside.argmax(1) == intent).mean() > 0.99
    assert found.votes > found.network
