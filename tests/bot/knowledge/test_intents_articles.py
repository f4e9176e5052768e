"""Intents that name an article of the knowledge: by its path in the folder, or by its id."""

from pathlib import Path

import pytest

from bot.history import Past
from bot.intents import IntentBook
from bot.intents.intent import missing_articles
from bot.knowledge import Knowledge
from bot.messages import ReplyKind
from bot.policy import DeskPolicy
from bot.recognition import Recognised
from bot.understanding import Understanding
from models.understanding.observation import Observation
from models.understanding.prediction import Ranked
from tests.builders import silent_draft


def _book(folder: Path, article: str) -> IntentBook:
    folder.mkdir()
    (folder / "parcel.yaml").write_text(f"article: {article}\nexamples: [one, two]\n", "utf-8")
    return IntentBook(folder)


def _surely_a_parcel() -> Understanding:
    sure = (Ranked("parcel", 0.95),)
    seen = Observation(text="I am up in Norway")
    return Understanding(
        typed="I am up in Norway",
        said="",
        shown="",
        language="en",
        problems=(),
        social=None,
        by_voice=False,
        recognised=Recognised("1", sure, 0.0, sure, 0.2, 0.0, 0.0, {}, seen),
    )


@pytest.mark.parametrize("article", ["delivery/norway", "delivery.norway"])
async def test_the_article_of_a_sure_intent_is_quoted(
    article: str, knowledge: Knowledge, tmp_path: Path
) -> None:
    book = _book(tmp_path / "intents", article)
    policy = DeskPolicy(knowledge, book, "Corner Shop", {}, {})
    decision = await policy.decide(_surely_a_parcel(), Past((), {}), silent_draft())
    assert (decision.kind, decision.why) == (ReplyKind.ANSWER, "surely parcel")
    assert "Norway" in decision.text
    assert [each.article for each in decision.citations] == ["delivery.norway"]
    assert missing_articles(book.intents, knowledge.index.articles) == ()


async def test_an_article_that_is_not_there_is_told_with_a_near_one(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    book = _book(tmp_path / "intents", "delivery/norwey")
    (problem,) = missing_articles(book.intents, knowledge.index.articles)
    assert problem == (
        "parcel.yaml:1: there is no article `delivery/norwey` in the knowledge folder; did you "
        "mean `delivery.norway`?"
    )
