"""Which goes first: what an intent says, what the knowledge found, a question back, a person."""

import pytest
from msgspec.structs import replace

from bot.intents import Intent
from bot.knowledge import Answered, Competing, Finding
from bot.knowledge.article import Passage
from bot.knowledge.finding import Nothing
from bot.knowledge.search import Hit
from bot.messages import ArticleId
from bot.recognition import Recognised
from bot.steering import Step, steer
from models.understanding.observation import Observation
from models.understanding.prediction import Ranked

INTENTS = {
    "refund": Intent("refund", (), "r.yaml:1", article="returns/refund"),
    "invoice": Intent("invoice", (), "i.yaml:1", answer={"": "Here it is."}),
    "complaint": Intent("complaint", (), "c.yaml:1", handoff=True),
    "silent": Intent("silent", (), "s.yaml:1"),
}


def _hits(*articles: str) -> tuple[Hit, ...]:
    return tuple(Hit(Passage(f"{a}#1", ArticleId(a), a, (), "…"), 1.0, {}) for a in articles)


OF_IT = _hits("returns.refund", "returns.label")
OF_ANOTHER = _hits("returns.label", "returns.refund")
ANSWERED = Answered("text", (), OF_IT, 0.8)
COMPETING = Competing((), OF_IT, 0.5)
NOTHING = Nothing(OF_IT, 0.1)


def _recognised(*ranked: tuple[str, float], **facts: float | tuple[str, ...]) -> Recognised:
    intents = tuple(Ranked(name, probability) for name, probability in ranked)
    several = tuple(Ranked(name, 0.9) for name in facts.get("several", (intents[0].name,)))
    return Recognised(
        version="1",
        intents=intents,
        out_of_scope=0.0,
        several=several,
        urgency=facts.get("urgency", 0.3),
        sentiment=facts.get("sentiment", 0.0),
        wants_person=facts.get("wants_person", 0.0),
        shares={},
        observation=Observation(text="…"),
    )


def _step(recognised: Recognised | None, finding: Finding, *, unknown_before: bool = False) -> Step:
    return steer(recognised, finding, INTENTS, unknown_before=unknown_before).step


@pytest.mark.parametrize("finding", [ANSWERED, COMPETING, NOTHING])
def test_without_a_model_the_knowledge_decides_alone(finding: Finding) -> None:
    assert _step(None, finding, unknown_before=True) is Step.KNOWLEDGE


@pytest.mark.parametrize("intent", ["refund", "invoice", "silent", "gone"])
def test_what_the_knowledge_answers_is_said(intent: str) -> None:
    assert _step(_recognised((intent, 0.99)), ANSWERED) is Step.KNOWLEDGE


@pytest.mark.parametrize(
    ("probability", "finding", "step"),
    [
        (0.9, COMPETING, Step.INTENT),
        (0.9, NOTHING, Step.INTENT),
        (0.6, COMPETING, Step.KNOWLEDGE),
        (0.6, NOTHING, Step.ASK),
        (0.2, COMPETING, Step.KNOWLEDGE),
        (0.2, NOTHING, Step.KNOWLEDGE),
    ],
)
@pytest.mark.parametrize("intent", ["refund", "invoice"])
def test_where_the_knowledge_does_not_answer_confidence_decides(
    intent: str, probability: float, finding: Finding, step: Step
) -> None:
    assert _step(_recognised((intent, probability)), finding) is step


def test_an_article_is_quoted_only_if_it_is_the_one_found_first() -> None:
    seen = _recognised(("refund", 0.99))
    assert _step(seen, Competing((), OF_ANOTHER, 0.5)) is Step.KNOWLEDGE
    assert _step(seen, Nothing(OF_ANOTHER, 0.1)) is Step.ASK
    assert _step(seen, Nothing((), 0.0)) is Step.ASK


def test_between_two_possible_intents_the_customer_is_asked() -> None:
    found = steer(
        _recognised(("refund", 0.4), ("invoice", 0.3), ("silent", 0.05)),
        NOTHING,
        INTENTS,
        unknown_before=False,
    )
    assert (found.step, found.intents) == (Step.ASK, ("refund", "invoice"))


def test_two_wishes_are_both_answered() -> None:
    seen = _recognised(("refund", 0.9), several=("refund", "invoice"))
    for finding in (NOTHING, ANSWERED):
        found = steer(seen, finding, INTENTS, unknown_before=False)
        assert (found.step, found.intents) == (Step.INTENT, ("refund", "invoice"))


def test_two_wishes_do_not_go_before_an_answer_from_elsewhere() -> None:
    seen = _recognised(("refund", 0.9), several=("refund", "invoice"))
    assert _step(seen, Answered("text", (), OF_ANOTHER, 0.8)) is Step.KNOWLEDGE


def test_a_second_wish_that_is_not_sure_is_left_out() -> None:
    seen = replace(_recognised(("refund", 0.9)), several=(Ranked("invoice", 0.6),))
    assert steer(seen, NOTHING, INTENTS, unknown_before=False).intents == ("refund",)


@pytest.mark.parametrize(
    "seen",
    [_recognised(("refund", 0.9), wants_person=0.95), _recognised(("complaint", 0.9))],
    ids=["asked for", "for a person"],
)
def test_a_person_is_offered_before_any_answer(seen: Recognised) -> None:
    assert _step(seen, ANSWERED) is Step.PERSON


@pytest.mark.parametrize("pressing", [{"urgency": 0.95}, {"sentiment": -0.9}])
def test_who_is_in_trouble_gets_a_person_beside_the_answer(pressing: dict[str, float]) -> None:
    found = steer(_recognised(("refund", 0.9), **pressing), ANSWERED, INTENTS, unknown_before=False)
    assert (found.step, found.person_too) == (Step.KNOWLEDGE, True)


@pytest.mark.parametrize("pressing", [{"urgency": 0.95}, {"sentiment": -0.9}])
def test_who_is_in_trouble_and_cannot_be_answered_gets_a_person(
    pressing: dict[str, float],
) -> None:
    assert _step(_recognised(("refund", 0.1), **pressing), NOTHING) is Step.PERSON


def test_who_is_not_understood_twice_gets_a_person() -> None:
    seen = _recognised(("refund", 0.05))
    assert _step(seen, NOTHING) is Step.KNOWLEDGE
    assert _step(seen, NOTHING, unknown_before=True) is Step.PERSON
