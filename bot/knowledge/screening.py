"""What in an article speaks to a language model instead of to customers. Pure.

Articles are the business's own, but are also copied from elsewhere: from reviews, mails, partners.
Paragraphs that give a model orders are not shown to it; the rest of their article is.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import yaml

from bot.knowledge.article import Passage

_PATTERNS: Mapping[str, Sequence[str]] = yaml.safe_load(
    (Path(__file__).parent / "orders.yaml").read_text("utf-8")
)
_ORDERS = re.compile(
    "|".join(
        "(?:" + pattern.replace(" ", r"\s") + ")"
        for patterns in _PATTERNS.values()
        for pattern in patterns
    ),
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_INVISIBLE = re.compile(
    r"[\U000E0000-\U000E007F\u200b\u200c\u2060-\u2064\ufeff\u202a-\u202e\u2066-\u2069]"
)
_HIDDEN = re.compile(r"[\U000E0000-\U000E007F]")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def orders_a_model(text: str) -> bool:
    """Whether a text reads as if it was meant for a language model."""
    return bool(_HIDDEN.search(text) or _ORDERS.search(plainly(text)))


def plainly(text: str) -> str:
    """A text without what readers do not see and models do."""
    return _INVISIBLE.sub("", text)


def screened(passage: Passage) -> Passage | None:
    """The passage without the paragraphs that give orders; None if its headings do, or nothing is
    left of it."""
    if orders_a_model(passage.context):
        return None
    kept = without_orders(passage.text)
    return msgspec.structs.replace(passage, text=kept) if kept else None


def without_orders(markdown: str) -> str:
    """A text without the paragraphs that give orders."""
    blocks = _COMMENT.sub("", markdown).split("\n\n")
    kept = [plainly(block) for block in blocks if block.strip() and not orders_a_model(block)]
    return "\n\n".join(kept)
