"""Our own labelled sentences: how urgent, in what mood, whether a person is asked for.

They are part of every training, and what no intent of a project covers is among them.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
import yaml

from models.understanding.observation import OUT_OF_SCOPE, Example, Labels, Observation

FILE = Path(__file__).with_name("manner.yaml")


class _Manner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    manner: list[tuple[float, float, bool, str]]
    """Urgency, sentiment, wants a person, text."""
    out_of_scope: list[str]


@cache
def general_examples() -> tuple[Example, ...]:
    """Those of manner, which have no intent, and those that are out of scope, which have no manner.

    A project's own example with the same words is to take precedence.
    """
    text = FILE.read_text("utf-8")
    content = msgspec.convert(yaml.safe_load(text), _Manner)
    manners = [
        Example(
            Observation(sentence),
            Labels(urgency=urgency, sentiment=sentiment, wants_person=wants_person),
        )
        for urgency, sentiment, wants_person, sentence in content.manner
    ]
    foreign = [
        Example(Observation(sentence), Labels((OUT_OF_SCOPE,))) for sentence in content.out_of_scope
    ]
    # Each sentence has a line of its own.
    lines = [at for at, line in enumerate(text.splitlines(), 1) if line.startswith("  - ")]
    return tuple(
        replace(example, place=f"{FILE.name}:{line}")
        for example, line in zip([*manners, *foreign], lines, strict=True)
    )
