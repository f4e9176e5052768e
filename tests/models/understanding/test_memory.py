from pathlib import Path

import numpy as np
import pytest

from models.understanding.memory import Memory

EXAMPLES = np.eye(6, dtype=np.float32)


def _memory(intents: list[int], classes: int = 3) -> Memory:
    return Memory.of(EXAMPLES[: len(intents)], np.array(intents), classes)


def test_likeness_is_of_the_first_and_the_fifth() -> None:
    turn = np.array([[0.9, 0.5, 0.4, 0.3, 0.2, 0.1]], np.float32)
    assert np.allclose(_memory([0] * 6).near(turn).likeness, [[0.9, 0.2]])
    assert np.allclose(_memory([0, 1]).near(turn).likeness, [[0.9, 0.5]])


def test_the_nearest_decides_whatever_the_order() -> None:
    turn = EXAMPLES[[3]] * 0.95 + EXAMPLES[[0]] * 0.3
    for intents in ([2, 0, 0, 1, 0, 2], [0, 2, 2, 1, 2, 0]):
        votes = _memory(intents).near(turn).votes[0]
        assert votes.argmax() == 1
        assert np.exp(votes).sum() == pytest.approx(1, rel=1e-4)


def test_many_near_ones_outvote_one_that_is_hardly_nearer() -> None:
    turn = np.array([[0.50, 0.49, 0.49, 0.49, 0.0, 0.0]], np.float32)
    assert _memory([0, 1, 1, 1, 2, 2]).near(turn).votes[0].argmax() == 1


def test_far_from_all_no_intent_is_preferred() -> None:
    votes = _memory([0, 1, 2, 2, 2, 2]).near(-EXAMPLES.mean(0, keepdims=True)).votes[0]
    assert np.allclose(votes, votes.mean(), atol=0.01)


def test_without_examples_nobody_votes() -> None:
    near = _memory([]).near(EXAMPLES[:2])
    assert np.allclose(near.likeness, 0)
    assert np.allclose(np.exp(near.votes), 1 / 3)


def test_it_is_kept_and_read(tmp_path: Path) -> None:
    memory = _memory([2, 0, 1, 0])
    memory.save(tmp_path / "memory.npz")
    again = Memory.load(tmp_path / "memory.npz", 3)
    turn = np.array([[0.6, 0.2, 0.7, 0.1, 0.0, 0.0]], np.float32)
    assert np.allclose(again.near(turn).votes, memory.near(turn).votes, atol=1e-3)
