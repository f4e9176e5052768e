"""The example shop's intents are as good as we ask others' to be."""

from pathlib import Path

import pytest

from bot.intents.folder import read_intents
from bot.intents.intent import Intent, missing_articles
from bot.knowledge.article import article_id

PROJECT = Path(__file__).parents[3] / "examples" / "voltaro"
INTENTS = read_intents(PROJECT / "intents")


def test_nothing_is_left_to_mend() -> None:
    assert INTENTS.warnings == ()
    assert len(INTENTS.intents) >= 24
    assert len(INTENTS.out_of_scope) >= 30


def test_every_article_is_there() -> None:
    knowledge = PROJECT / "knowledge"
    known = {
        article_id(path.relative_to(knowledge).with_suffix("").as_posix())
        for path in knowledge.rglob("*")
        if path.is_file()
    }
    assert missing_articles(INTENTS, known) == ()


@pytest.mark.parametrize("intent", INTENTS.intents, ids=lambda intent: intent.name)
def test_each_intent_can_be_named_and_answered(intent: Intent) -> None:
    assert intent.title["en"]
    assert intent.title["de"]
    assert bool(intent.answer) + bool(intent.article) + intent.handoff == 1
    typed = [each for each in intent.examples if not (each.image or each.recording)]
    assert len(typed) >= 10


def test_every_kind_of_label_is_shown() -> None:
    labels = [example.labels for example in INTENTS.examples]
    assert sum(len(each.intents) > 1 for each in labels) >= 5
    assert any(each.wants_person for each in labels)
    assert sum(intent.handoff for intent in INTENTS.intents) == 1
    assert sum(bool(example.history) for example in INTENTS.examples) >= 10
