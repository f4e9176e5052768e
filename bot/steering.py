"""From a recognised intent and what the knowledge found to what the desk does. Pure.

The knowledge is asked first, always, and what it answers is said: it knows the whole of the
business, and the intents only the topics that they were trained on. Where it does not answer, a
sure intent does: in its own words, or by the article that it names if the knowledge finds that one
first as well. Doubt is asked back; and where nothing helps, or the customer asks for it, a person
is offered.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from bot.intents import Intent
from bot.knowledge import Answered, Competing, Finding
from bot.knowledge.article import article_named
from bot.recognition import Recognised

SURE = 0.75
"""From this probability on, an intent is answered."""
LIKELY = 0.5
"""From here on, it is asked about even if there is no other."""
POSSIBLE = 0.12
"""From here on, it is asked about beside others."""
OPTIONS = 3
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
    asks_for_person: bool = False,
) -> Steer:
    """`finding`: None where the knowledge was not asked. `unknown_before`: the desk could not
    answer this customer's last question either. `asks_for_person`: in so many words."""
    if recognised is None:
        # What the business says about reaching somebody is better than the desk's own words.
        if asks_for_person and not isinstance(finding, Answered):
            return Steer(Step.PERSON, "the customer asks for a person")
        return Steer(Step.KNOWLEDGE, "no intents were trained")
    best = recognised.best
    pressing = recognised.urgency >= URGENT or recognised.sentiment <= UPSET
    for_person = _for_person(recognised, intents)
    if for_person:
        return Steer(Step.PERSON, for_person)
    sure = _surely_meant(recognised, intents)
    found_first = any(_found_first(intent, finding) for intent in sure)
    if isinstance(finding, Answered) and not (found_first and len(sure) > 1):
        return Steer(Step.KNOWLEDGE, "an article answers", (), pressing)
    if found_first or any(intent.answer for intent in sure):
        names = tuple(intent.name for intent in sure)
        return Steer(Step.INTENT, f"surely {' and '.join(names)}", names, pressing)
    if isinstance(finding, Competing):
        return Steer(Step.KNOWLEDGE, "articles compete, no intent decides", (), pressing)
    possible = [each for each in recognised.intents[:OPTIONS] if each.name in intents]
    possible = [each for each in possible if each.probability >= POSSIBLE]
    if len(possible) > 1 or (possible and possible[0].probability >= LIKELY):
        names = tuple(each.name for each in possible)
        return Steer(Step.ASK, f"perhaps {' or '.join(names)}", names)
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


def _surely_meant(recognised: Recognised, intents: Mapping[str, Intent]) -> Sequence[Intent]:
    """The best intent, if it is sure, and the sure ones beside it; of them, those that say how they
    are answered."""
    if recognised.best.probability < SURE:
        return ()
    beside = [each.name for each in recognised.several if each.probability >= SURE]
    meant = dict.fromkeys([recognised.best.name, *beside])
    known = [intents[name] for name in meant if name in intents]
    return [intent for intent in known if intent.answer or intent.article]


def _found_first(intent: Intent, finding: Finding | None) -> bool:
    """Whether the knowledge ranks the article that the intent names before all others."""
    if not intent.article or finding is None or not finding.hits:
        return False
    return article_named(intent.article, {finding.hits[0].passage.article}) is not None
