"""From a recognised intent and what the knowledge found to what the desk does. Pure.

The knowledge is asked first, always. A sure intent goes before it, for its examples are the
business's own; a likely one goes where the knowledge has nothing; doubt is asked back; and where
neither helps, or the customer asks for it, a person is offered.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from bot.intents import Intent
from bot.knowledge import Answered, Competing, Finding
from bot.recognition import Recognised

SURE = 0.75
"""From this probability on, an intent goes before what the knowledge found."""
LIKELY = 0.5
"""From here on, it goes where the knowledge has no answer."""
POSSIBLE = 0.12
"""From here on, it is worth asking about."""
OPTIONS = 3
OUTRIGHT = 1.0
"""How sure the knowledge is of a question that the business itself has put to an article."""
WANTS_PERSON = 0.8
URGENT = 0.8
UPSET = -0.7


class Step(StrEnum):
    """What the desk does."""

    INTENT = "intent"
    """Answer what the intents say."""
    KNOWLEDGE = "knowledge"
    """Go by what the knowledge found."""
    ASK = "ask"
    """Ask which intent is meant."""
    PERSON = "person"
    """Offer a person."""


class Steer(msgspec.Struct, frozen=True):
    """What to do, and why."""

    step: Step
    why: str
    intents: tuple[str, ...] = ()
    """To answer, or to ask about."""
    person_too: bool = False
    """Whether a person is offered beside the answer."""


def steer(
    recognised: Recognised | None,
    finding: Finding | None,
    intents: Mapping[str, Intent],
    *,
    unknown_before: bool,
) -> Steer:
    """`finding`: None where the knowledge was not asked. `unknown_before`: the desk could not
    answer this customer's last question either."""
    if recognised is None:
        return Steer(Step.KNOWLEDGE, "no intents were trained")
    best = recognised.best
    pressing = recognised.urgency >= URGENT or recognised.sentiment <= UPSET
    for_person = _for_person(recognised, intents)
    if for_person:
        return Steer(Step.PERSON, for_person)
    if isinstance(finding, Answered) and finding.confidence >= OUTRIGHT:
        return Steer(Step.KNOWLEDGE, "the business put this question to an article itself")
    sure = _answerable(recognised, intents, SURE)
    if sure:
        return Steer(Step.INTENT, f"surely {' and '.join(sure)}", sure, pressing)
    if isinstance(finding, Answered):
        return Steer(Step.KNOWLEDGE, "an article answers, no intent is sure", (), pressing)
    likely = _answerable(recognised, intents, LIKELY)
    if likely:
        return Steer(Step.INTENT, f"likely {likely[0]}", likely[:1], pressing)
    possible = tuple(
        each.name
        for each in recognised.intents[:OPTIONS]
        if each.probability >= POSSIBLE and each.name in intents
    )
    if len(possible) > 1 and not isinstance(finding, Competing):
        return Steer(Step.ASK, f"between {' and '.join(possible)}", possible)
    if isinstance(finding, Competing):
        return Steer(Step.KNOWLEDGE, "articles compete, no intent is likely", (), pressing)
    if pressing or unknown_before:
        why = "urgent or upset" if pressing else "not understood twice"
        return Steer(Step.PERSON, f"nothing answers, and {why}")
    return Steer(Step.KNOWLEDGE, f"at best {best.name}, {best.probability:.2f}")


def _for_person(recognised: Recognised, intents: Mapping[str, Intent]) -> str:
    """Why a person is to be offered at once; empty if none is."""
    if recognised.wants_person >= WANTS_PERSON:
        return "the customer asks for a person"
    best = recognised.best
    if best.probability >= SURE and best.name in intents and intents[best.name].handoff:
        return f"{best.name} is for a person"
    return ""


def _answerable(
    recognised: Recognised, intents: Mapping[str, Intent], least: float
) -> tuple[str, ...]:
    """The best intent, if it is likely enough and the business says how to answer it; and those
    meant as well."""
    best = recognised.best
    if best.probability < least:
        return ()
    meant = dict.fromkeys([best.name, *(each.name for each in recognised.several)])
    known = [intents[name] for name in meant if name in intents]
    return tuple(intent.name for intent in known if intent.answer or intent.article)
