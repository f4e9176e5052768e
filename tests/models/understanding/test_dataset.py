"""Which examples come together in a step."""

from collections import Counter

import numpy as np
import pytest

from models.minilm import MiniLM
from models.understanding.dataset import Dataset, batches, targets_of
from models.understanding.features import extract, modalities
from models.understanding.settings import Balance
from tests.models.understanding import shop


@pytest.fixture(scope="module")
def data(minilm: MiniLM) -> Dataset:
    examples = shop.said()
    seen = [example.observation for example in examples]
    intents = sorted({example.labels.intents[0] for example in examples})
    ways = modalities(minilm.dimensions, 8)
    return Dataset(
        tuple(each.text for each in seen),
        extract(ways, seen, minilm.encode),
        targets_of(examples, intents, Balance.NONE),
    )


@pytest.mark.parametrize("together", [1, 4])
def test_an_epoch_draws_each_example_once(data: Dataset, together: int) -> None:
    drawn = list(batches(data, None, 16, 1, 0, together))
    assert sorted(np.concatenate(drawn).tolist()) == list(range(len(data)))
    assert max(map(len, drawn)) == 16


def test_another_epoch_draws_in_another_order(data: Dataset) -> None:
    one, same, other = (
        np.concatenate(list(batches(data, None, 16, 1, epoch, 4))) for epoch in (0, 0, 1)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_examples_of_an_intent_come_together_for_the_contrastive_loss(data: Dataset) -> None:
    intent = data.targets.intent.numpy()
    for rows in list(batches(data, None, 16, 1, 0, 4))[:-1]:
        counts = Counter(intent[rows].tolist())
        alone = sum(count for count in counts.values() if count == 1)
        assert alone <= 2


def test_what_is_likelier_is_drawn_more_often(data: Dataset) -> None:
    likely = np.ones(len(data), np.float32)
    likely[0] = 50
    drawn = np.concatenate(list(batches(data, likely, 16, 1, 0)))
    assert (drawn == 0).sum() > len(data) / 10
