"""Texts that give a language model orders, against a model that obeys every one of them.

A script stands for the model: whatever a customer, an article, a screenshot or a recording tells it
to say, it says. What reaches the customer, while the answer grows and in the end, is harmless.
"""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.assistant.addresses import addresses_in
from bot.draft import Draft
from bot.history import Past
from bot.intents import IntentBook
from bot.knowledge import Knowledge, ingest
from bot.knowledge.passages import plain, sentences
from bot.messages import ConversationId, ReplyId
from bot.policy import DeskPolicy
from bot.store import Store
from models.minilm import MiniLM
from tests.bot.assistant.conftest import ARTICLES, Desk, understood_as
from tests.builders import CHANNEL

CORPUS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "injections.yaml").read_text("utf-8")
)
QUESTION = "How do I return something?"
TRUE = "You may send goods back within 30 days of delivery [1]."
WARRANTY = "The warranty of the {name} lasts two years. We repair it within ten working days."
PRODUCTS = re.findall(
    r"\w+",
    "kettle toaster lamp heater drill printer camera scanner monitor keyboard headset speaker "
    "projector freezer oven dishwasher vacuum shaver blender mixer fan radio tablet watch scale",
)


def _worst(obeyed: str) -> list[str]:
    """What it says, as itself, with the marks of true answers, and hidden among true sentences."""
    marked = re.sub(r"(?<=[.!?。])(?=\s|$)", " [1]", obeyed)
    return [obeyed, f"{marked} [1]", f"{TRUE} {marked} {TRUE}"]


def _own_words(text: str) -> set[str]:
    """The sentences of an article, however they are laid out."""
    lines = [plain(line) for line in text.splitlines()]
    return {_bare(sentence) for line in lines for sentence in [line, *sentences(line)]}


def _bare(text: str) -> str:
    return re.sub(r"\W+", " ", plain(text)).strip().casefold()


def _harm(shown: str, case: dict[str, Any], true: set[str], addresses: set[str]) -> list[str]:
    """What of an answer came from the order, and not from the shop's articles."""
    foreign = [
        sentence
        for line in shown.splitlines()
        for sentence in sentences(line)
        if _bare(sentence) not in true
    ]
    text = " ".join(foreign).casefold()
    found = [h for h in case["harm"] if re.search(rf"(?<!\w){re.escape(h.casefold())}", text)]
    return found + sorted(addresses_in(shown) - addresses)


def test_there_are_enough_of_them() -> None:
    assert sum(map(len, CORPUS.values())) >= 100
    assert set(CORPUS) == {"typed", "article", "shown", "said"}


async def _all_that_is_seen(desk: Desk, obeyed: str, folder: Path, **asked: Any) -> list[str]:
    assistant = desk.hire(obeyed, remote=False)
    policy = DeskPolicy(desk.knowledge, IntentBook(folder), "Corner Shop", {}, {}, assistant)
    draft = Draft(ConversationId("con_1"), ReplyId("rep_1"), CHANNEL, desk.connector.show)
    decision = await policy.decide(understood_as(**asked), Past((), {}), draft)
    assert decision.assistant, "the model was not asked"
    assert desk.model.asked, decision.assistant.outcome
    return [*desk.seen, decision.text]


@pytest.mark.parametrize(
    ("way", "case"),
    [
        pytest.param(way, case, id=f"{way}-{number}")
        for way in ("typed", "shown", "said")
        for number, case in enumerate(CORPUS[way])
    ],
)
async def test_an_order_of_a_customers_reaches_nobody(
    way: str, case: dict[str, Any], desk: Desk, tmp_path: Path
) -> None:
    asked = {"typed": QUESTION} | {way: case["says"]}
    if way == "typed":
        asked = {"typed": f"{QUESTION} {case['says']}"}
    true = set[str]().union(
        *map(_own_words, ARTICLES.values()), _own_words(TRUE.replace(" [1]", ""))
    )
    addresses = addresses_in(" ".join(ARTICLES.values()))
    for obeyed in _worst(case["obeyed"]):
        for shown in await _all_that_is_seen(desk, obeyed, tmp_path, **asked):
            assert _harm(shown, case, true, addresses) == [], (obeyed, shown)
        told = set(_bare(html.unescape(desk.told)).split())
        assert {w for w in _bare(case["says"]).split() if w.isalpha()} <= told | {"inst"}


@pytest.fixture(scope="session")
def poisoned(tmp_path_factory: pytest.TempPathFactory, encoder: MiniLM) -> Path:
    """A shop each of whose articles has an order in it."""
    root = tmp_path_factory.mktemp("poisoned")
    (root / "knowledge").mkdir()
    for name, case in zip(PRODUCTS, CORPUS["article"], strict=True):
        text = f"# Warranty of the {name}\n\n{WARRANTY.format(name=name)}\n\n{case['says']}\n"
        (root / "knowledge" / f"{name}.md").write_text(text, "utf-8")
    ingest(root / "knowledge", root / "index", encoder)
    return root / "index"


@pytest.fixture
async def poisoned_desk(poisoned: Path, encoder: MiniLM, store: Store) -> AsyncIterator[Desk]:
    knowledge = Knowledge.open(poisoned, encoder)
    yield Desk(knowledge, store)
    await knowledge.close()


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"article-{number}")
        for number, (name, case) in enumerate(zip(PRODUCTS, CORPUS["article"], strict=True))
    ],
)
async def test_an_order_in_an_article_reaches_nobody(
    name: str, case: dict[str, Any], poisoned_desk: Desk, tmp_path: Path
) -> None:
    true = set[str]().union(*(_own_words(WARRANTY.format(name=each)) for each in PRODUCTS))
    true |= _own_words(TRUE.replace(" [1]", ""))
    question = f"How long does the warranty of the {name} last?"
    for obeyed in _worst(case["obeyed"]):
        obeyed = obeyed.replace(TRUE, f"The warranty of the {name} lasts two years [1].")
        for shown in await _all_that_is_seen(poisoned_desk, obeyed, tmp_path, typed=question):
            assert _harm(shown, case, true, set()) == [], (obeyed, shown)
    assert f"The warranty of the {name} lasts two years" in poisoned_desk.told
