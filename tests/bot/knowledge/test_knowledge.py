"""What customers write, say and show finds its article; what is outside is not answered."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from bot.knowledge import Answered, Competing, Knowledge, Nothing, Query, Said, ingest
from bot.knowledge.query import Views, views
from models.minilm import MiniLM

ASKED_GERMANY = (
    Said("customer", "how long does a parcel to Germany take"),
    Said("desk", "A parcel to Germany takes 1 to 2 working days.", "delivery.germany"),
)


@pytest.mark.parametrize(
    ("query", "article"),
    [
        (Query(typed="How long until my parcel gets to Norway?"), "delivery.norway"),
        (Query(typed="can i send the goods bakc?"), "returns"),
        (Query(said="um it says code fifty four when i pay"), "payments.declined-54"),
        (
            Query(shown="10:42 84%\nMenu\nHome\nBasket\nPayment declined, code 51\nTry again"),
            "payments.declined-51",
        ),
        (Query(typed="and in Norway?", history=ASKED_GERMANY), "delivery.norway"),
        (Query(typed="do you gift wrap presents"), "questions.do-you-wrap-presents"),
    ],
)
async def test_right_article_comes_first(knowledge: Knowledge, query: Query, article: str) -> None:
    hits = await knowledge.search(query)
    assert hits[0].passage.article == article


async def test_answer_quotes_and_cites(knowledge: Knowledge) -> None:
    found = await knowledge.consult(Query(typed="How long does a parcel to Norway take?"))
    assert isinstance(found, Answered)
    assert "4 to 6 working days" in found.text
    assert found.citations[0].article == "delivery.norway"
    assert found.citations[0].quote in found.text


async def test_question_about_something_else_is_not_answered(knowledge: Knowledge) -> None:
    found = await knowledge.consult(Query(typed="Who won the world cup in 1990?"))
    assert isinstance(found, Nothing)
    empty = await knowledge.consult(Query())
    assert isinstance(empty, Nothing)


async def test_offered_title_taken_up_is_answered(knowledge: Knowledge) -> None:
    history = (
        Said("customer", "my payment was declined"),
        Said("desk", "Which of these is it?"),
    )
    found = await knowledge.consult(Query(typed="Payment declined: code 51", history=history))
    assert isinstance(found, Answered)
    assert found.citations[0].article == "payments.declined-51"


async def test_competing_articles_are_offered_not_guessed(knowledge: Knowledge) -> None:
    found = await knowledge.consult(Query(typed="my payment was declined"))
    assert isinstance(found, Answered | Competing)
    if isinstance(found, Competing):
        assert {o.article for o in found.options} >= {
            "payments.declined-51",
            "payments.declined-54",
        }
        assert len(found.options) <= 3


async def test_article_is_shown_whole(knowledge: Knowledge) -> None:
    page = knowledge.article("returns")
    assert page is not None
    assert page.title == "Returning goods"
    assert "## Refund" in page.markdown
    assert "30 days" in page.markdown
    assert knowledge.article("nothing") is None


async def test_running_desk_follows_what_is_ingested(
    folder: Path, tmp_path: Path, encoder: MiniLM, caplog: pytest.LogCaptureFixture
) -> None:
    index = tmp_path / "index"
    ingest(folder, index, encoder)
    knowledge = Knowledge.open(index, encoder)
    following = asyncio.create_task(knowledge.follow(index))
    before = knowledge.index
    asked = Query(typed="How long does a parcel to Iceland take?")
    try:
        (folder / "delivery" / "iceland.md").write_text(
            "# Delivery to Iceland\n\nIt takes a week.\n"
        )
        await asyncio.to_thread(ingest, folder, index, encoder)
        async with asyncio.timeout(30):
            while knowledge.index is before:
                await knowledge.search(asked)
        assert (await knowledge.search(asked))[0].passage.article == "delivery.iceland"

        (index / "current").write_text("generation-99")
        async with asyncio.timeout(30):
            while "knowledge.not_renewed" not in caplog.messages:
                await knowledge.search(asked)
        assert (await knowledge.search(asked))[0].passage.article == "delivery.iceland"
    finally:
        following.cancel()
        await knowledge.close()


async def test_what_several_titles_name_is_asked_back(knowledge: Knowledge) -> None:
    found = await knowledge.consult(Query(typed="my payment was declined"))
    assert isinstance(found, Competing)
    assert {option.article for option in found.options} == {
        "payments.declined-51",
        "payments.declined-54",
    }


async def test_who_names_a_subject_and_no_more_is_told_how_its_article_begins(
    knowledge: Knowledge,
) -> None:
    found = await knowledge.consult(Query(typed="code 51"))
    assert isinstance(found, Answered)
    assert found.text.startswith("Code 51 means that the account does not cover the amount.")
    assert "**What helps**\n\n1. Look" in found.text


async def test_customers_own_words_find_the_article(
    folder: Path, tmp_path: Path, encoder: MiniLM
) -> None:
    asked = Query(typed="will the fjord post man ring twice")
    ingest(folder, tmp_path / "index", encoder)
    knowledge = Knowledge.open(tmp_path / "index", encoder)
    assert isinstance(await knowledge.consult(asked), Nothing)
    await knowledge.close()

    (folder / "asked.csv").write_text(
        "article,question\ndelivery/norway.md,does the fjord postman ring two times\n"
    )
    ingest(folder, tmp_path / "index", encoder)
    knowledge = Knowledge.open(tmp_path / "index", encoder)
    hits = await knowledge.search(asked)
    await knowledge.close()
    assert hits[0].passage.article == "delivery.norway"


async def test_what_the_business_wrote_down_is_answered_in_any_language(
    folder: Path, tmp_path: Path, encoder: MiniLM
) -> None:
    (folder / "asked.csv").write_text(
        "article,question\n"
        "delivery/norway.md,多久送到挪威？\n"
        "payments/declined-51.md,Zahlung abgelehnt\n"
        "payments/declined-54.md,Zahlung abgelehnt\n"
    )
    ingest(folder, tmp_path / "index", encoder)
    knowledge = Knowledge.open(tmp_path / "index", encoder)

    chinese = await knowledge.consult(Query(typed="多久送到挪威", language="zh"))
    german = await knowledge.consult(Query(typed="zahlung  abgelehnt!", language="de"))
    await knowledge.close()

    assert isinstance(chinese, Answered)
    assert chinese.citations[0].article == "delivery.norway"
    assert isinstance(german, Competing)
    assert len(german.options) == 2


@pytest.mark.parametrize(
    ("text", "article"),
    [
        ("and how long does it take?", "delivery.norway"),
        ("and to Germany?", "delivery.germany"),
        ("do you wrap presents?", "questions.do-you-wrap-presents"),
    ],
)
async def test_what_was_cited_is_the_subject_until_something_else_is_named(
    knowledge: Knowledge, text: str, article: str
) -> None:
    history = (
        Said("customer", "what does a parcel to Norway cost"),
        Said("desk", "It costs €14.90.", "delivery.norway"),
    )
    hits = await knowledge.search(Query(typed=text, history=history))
    assert hits[0].passage.article == article


async def test_another_place_is_not_answered_for(
    folder: Path, tmp_path: Path, encoder: MiniLM
) -> None:
    (folder / "delivery" / "germany.md").unlink()
    (folder / "delivery" / "eu.md").write_text(
        "# Delivery within the EU\n\nA parcel takes a week and costs €7.\n"
    )
    ingest(folder, tmp_path / "index", encoder)
    knowledge = Knowledge.open(tmp_path / "index", encoder)
    hits = await knowledge.search(
        Query(typed="What does a parcel to Sweden cost, and does the shop pay customs?")
    )
    await knowledge.close()
    assert hits[0].passage.article == "delivery.eu"


async def test_the_first_question_in_a_language_keeps_no_other_waiting(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All words of the index are stemmed for it, which takes a while."""
    on_the_loop: list[bool] = []

    def noted(*given: Any, **named: Any) -> Views:
        on_the_loop.append(threading.current_thread() is threading.main_thread())
        return views(*given, **named)

    monkeypatch.setattr("bot.knowledge.knowledge.views", noted)
    for _ in range(2):
        await knowledge.consult(Query(typed="Wo ist mein Paket?", language="de"))
    assert on_the_loop == [False, True]
