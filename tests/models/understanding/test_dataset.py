"""Which examples come together in a step."""

from collections import Counter

import numpy as np
import pytest

from models.minilm import MiniLM
from models.understanding.dataset import TOKEN_DROPOUT, Dataset, batches, kept, targets_of
from models.understanding.features import extract, modalities
from models.understanding.observation import Example, Labels, Line, Observation
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


@pytest.fixture(scope="module")
def shown(minilm: MiniLM) -> Dataset:
    """Turns with a sentence and a screen of ten lines, turns with one alone, and empty ones."""
    lines = tuple(Line(text) for text in "abcdefghij")
    seen = [Observation("what is this", lines), Observation("hello"), Observation(lines=lines[:1])]
    examples = [Example(each, Labels(("one",))) for each in [*seen, Observation()] * 50]
    return Dataset(
        tuple(each.observation.text for each in examples),
        extract(modalities(minilm.dimensions, 8), [e.observation for e in examples], minilm.encode),
        targets_of(examples, ["one"], Balance.NONE),
    )


def test_lines_of_a_screen_are_left_out_but_never_all(shown: Dataset) -> None:
    keep = kept(shown, 0.0, 1, 0)
    there = shown.features.batch(range(len(shown)), keep).present
    assert there["text"].sum() == 100
    lines = there["screen"][::4].sum(1)
    assert lines.min() >= 1
    assert lines.mean() == pytest.approx(10 * (1 - TOKEN_DROPOUT), abs=0.7)
    assert there["screen"][2::4].sum() == 50


def test_a_modality_is_left_out_but_never_all_that_a_turn_has(shown: Dataset) -> None:
    keep = kept(shown, 0.5, 1, 0)
    there = shown.features.batch(range(len(shown)), keep).present
    text, screen = there["text"].any(1), there["screen"].any(1)
    assert (text | screen).tolist() == [True, True, True, False] * 50
    assert 0 < (~text[::4]).sum() < 50
    assert 0 < (~screen[::4]).sum() < 50


def test_what_is_left_out_depends_on_seed_and_epoch_alone(shown: Dataset) -> None:
    one, same, later = (kept(shown, 0.2, 1, epoch)["screen"] for epoch in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, later)


def test_turns_with_as_many_tokens_come_together(shown: Dataset) -> None:
    tokens = np.diff(shown.features.starts["screen"]) + np.diff(shown.features.starts["text"])
    found = [len(set(tokens[rows].tolist())) for rows in batches(shown, None, 50, 1, 0)]
    assert found == [1] * 4
