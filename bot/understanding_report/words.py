"""How the page calls things."""

import re

from bot.understanding_report.markup import Markup, join
from models.understanding.observation import OUT_OF_SCOPE

_JOINT = re.compile(r"(?<=[_./-])(?=.)")


def named(intent: str) -> str:
    """An intent by its name, and what is none by words."""
    return "out of scope" if intent == OUT_OF_SCOPE else intent


def breakable(name: str) -> Markup:
    """A name that may go on in the next line after each of its parts."""
    first, *others = _JOINT.split(name)
    return join([first, *(part for other in others for part in (Markup("<wbr>"), other))])
