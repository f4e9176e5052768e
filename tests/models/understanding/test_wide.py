import numpy as np

from models.understanding.fit_wide import fit_wide
from models.understanding.observation import Observation
from models.understanding.wide import Wide
from models.understanding.words import WordFeatures

TEXTS = ["refund me", "money back", "reset password", "cannot log in", "invoice please", "a bill"]
SEEN = [Observation(text=text) for text in TEXTS]
NOTHING = np.zeros((6, 5), np.float32)
INTENTS = np.array([0, 0, 1, 1, 2, 2])


def _fit(targets: np.ndarray, weights: np.ndarray) -> tuple[Wide, WordFeatures]:
    words = WordFeatures.learn(SEEN)
    return fit_wide(NOTHING, words.of(SEEN), targets, weights), words


def _spread(targets: np.ndarray) -> float:
    """How different the fifth text's logits are."""
    head, words = _fit(targets, ONES)
    return float(np.ptp(head.logits(NOTHING[:1], words.of([SEEN[4]]))))


ONE_HOT = np.eye(3, dtype=np.float32)[INTENTS]
ONES = np.ones(6, np.float32)


def test_it_learns_what_words_tell() -> None:
    head, words = _fit(ONE_HOT, ONES)
    logits = head.logits(NOTHING, words.of(SEEN))
    assert logits.argmax(1).tolist() == INTENTS.tolist()


def test_the_same_data_gives_the_same_weights() -> None:
    one, other = _fit(ONE_HOT, ONES)[0], _fit(ONE_HOT, ONES)[0]
    assert np.array_equal(one.dense, other.dense)
    assert np.array_equal(one.sparse, other.sparse)


def test_a_row_that_counts_for_nothing_teaches_nothing() -> None:
    wrong = ONE_HOT.copy()
    wrong[5] = ONE_HOT[0]
    weights = ONES.copy()
    weights[5] = 0
    ignored = _fit(wrong, weights)[0]
    right = _fit(ONE_HOT, weights)[0]
    assert np.allclose(ignored.dense, right.dense, atol=1e-3)


def test_an_even_row_makes_no_intent_likelier() -> None:
    even = ONE_HOT.copy()
    even[4:] = 1 / 3
    assert _spread(even) < 0.5 * _spread(ONE_HOT)
