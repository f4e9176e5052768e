"""What fits into an SMS: the GSM alphabet, and how long a text is in it.

A text of this alphabet alone has 160 characters in one SMS, or 153 in each of several; one sign
from elsewhere, and all of it is sent in UTF-16: 70, or 67.
Source: 3GPP TS 23.038, 6.2.1; TS 23.040, 9.2.3.24.1.
"""

import math

SEGMENT = 153
"""Characters in one of several segments."""
_WIDE_SEGMENT = 67
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
"""Each takes two places."""
_PLAINER = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‘’‚‛`´′", "'"),
        **dict.fromkeys("‐‑‒–—―−•·", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2009\u200a\u202f\t", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", ""),
        "…": "...",
        "→": ">",
    }
)


def length(text: str) -> int:
    """Characters of the GSM alphabet; where the text needs another, as many as fill the same
    segments."""
    if _BASIC.issuperset(text):
        return len(text)
    if all(sign in _BASIC or sign in _EXTENDED for sign in text):
        return len(text) + sum(sign in _EXTENDED for sign in text)
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return math.ceil(units * SEGMENT / _WIDE_SEGMENT)


def plain(text: str) -> str:
    """The text with the alphabet's own signs for typographic ones: a single long dash would
    halve what a segment holds. A text of another script stays in it, joiners included."""
    simpler = text.translate(_PLAINER)
    return simpler if all(sign in _BASIC or sign in _EXTENDED for sign in simpler) else text
