"""The sentences that are part of every training."""

import math

from bot.intents.intent import squeezed
from bot.intents.manner import FILE, general_examples
from models.understanding.observation import OUT_OF_SCOPE

EXAMPLES = general_examples()
MANNERS = [each.labels for each in EXAMPLES if not each.labels.intents]


def test_there_are_enough_of_each_kind() -> None:
    assert len(MANNERS) >= 300
    assert sum(each.labels.intents == (OUT_OF_SCOPE,) for each in EXAMPLES) >= 60
    assert len(MANNERS) + 70 > len(EXAMPLES)


def test_every_label_is_there_and_within_its_bounds() -> None:
    for labels in MANNERS:
        assert 0 <= labels.urgency <= 1
        assert -1 <= labels.sentiment <= 1
        assert labels.wants_person is not None


def test_what_is_out_of_scope_says_nothing_of_manner() -> None:
    for example in EXAMPLES:
        if example.labels.intents:
            assert math.isnan(example.labels.urgency)
            assert example.labels.wants_person is None


def test_no_sentence_is_there_twice() -> None:
    texts = [squeezed(example.observation.text) for example in EXAMPLES]
    assert len(set(texts)) == len(texts)


def test_the_kinds_are_balanced() -> None:
    count = len(MANNERS)
    assert 0.15 < sum(bool(x.wants_person) for x in MANNERS) / count < 0.35
    assert 0.12 < sum(x.urgency >= 0.7 for x in MANNERS) / count < 0.35
    assert 0.25 < sum(x.urgency <= 0.2 for x in MANNERS) / count < 0.5
    assert 0.08 < sum(x.sentiment >= 0.3 for x in MANNERS) / count < 0.3
    assert 0.2 < sum(x.sentiment <= -0.5 for x in MANNERS) / count < 0.5


def test_asking_for_a_person_goes_with_every_mood_and_haste() -> None:
    wanting = [x for x in MANNERS if x.wants_person]
    others = [x for x in MANNERS if not x.wants_person]
    for kind in (wanting, others):
        assert sum(x.sentiment <= -0.5 for x in kind) >= 15
        assert sum(x.sentiment >= 0 for x in kind) >= 15
        assert sum(x.urgency >= 0.8 for x in kind) >= 8


def test_a_sentence_is_at_its_place() -> None:
    lines = FILE.read_text("utf-8").splitlines()
    for example in EXAMPLES:
        line = int(example.place.removeprefix("manner.yaml:"))
        assert f'"{example.observation.text}"' in lines[line - 1]
