"""Text to sentences: the one place where it is split, for all engines that speak.

A sentence is what is spoken in one breath of an engine: the first is heard while the next is made.
"""

import re
import unicodedata
from collections.abc import Iterator

LONGEST = 240
"""Letters in one piece. A longer sentence is split at a comma or a space: models have limits, and
its listener would wait. A Chinese, Japanese or Korean letter counts as three."""
_WIDE = 3

_CLOSING = r"[\"'”’»›)\]」』）】]*"
_END = re.compile(
    rf"(?P<dot>[.!?…]+{_CLOSING})(?=\s)|[。！？।۔؟։።။។]+{_CLOSING}|\n+",
)
_ABBREVIATED = re.compile(
    r"(?:^|[\s(])(?:\w|mr|mrs|ms|dr|prof|st|jr|no|nr|sr|sra|dra|ing|art|tel|str|max|min|ca|bzw|inkl"
    r"|approx|incl|vs|fig|[a-zäöü]\.\s?[a-zäöü])\.$",
    re.IGNORECASE,
)
_OF_A_MONTH = re.compile(
    r"\d\.\s+(?:jan|feb|märz|apr|mai|juni|juli|aug|sep|okt|nov|dez)", re.IGNORECASE
)
_BREATHS = (
    re.compile(r"(?<=[;:；：])\s*|\s[–—]\s"),
    re.compile(r"(?<=[,，、،])\s*"),
    re.compile(r"\s+"),
)
_SPOKEN = re.compile(r"\w")


def sentences(text: str) -> Iterator[str]:
    """The sentences of a plain text, in order, none longer than `LONGEST`; what holds no letter
    and no digit is left out. Lines are sentences too."""
    for whole in whole_sentences(text):
        for piece in _in_breaths(whole):
            if _SPOKEN.search(piece):
                yield piece


def whole_sentences(text: str) -> Iterator[str]:
    """The sentences of a plain text, however long."""
    start = 0
    for end in _END.finditer(text):
        if end["dot"] and _goes_on(text[start : end.end()], text[end.end() :]):
            continue
        if sentence := text[start : end.end()].strip():
            yield sentence
        start = end.end()
    if rest := text[start:].strip():
        yield rest


def _goes_on(before: str, after: str) -> bool:
    """Whether a full stop ends an abbreviation, or a German date's day, and not the sentence."""
    if after.lstrip()[:1].islower() or _ABBREVIATED.search(before):
        return True
    return bool(_OF_A_MONTH.match(before[-2:] + after[:6]))


def _in_breaths(sentence: str, level: int = 0) -> Iterator[str]:
    """The sentence, or parts of it that are not too long, as long as they may be."""
    if length(sentence) <= LONGEST:
        yield sentence
        return
    if level == len(_BREATHS):
        # One word without a space: an address, or a language that writes none.
        at = LONGEST // _WIDE
        yield from (sentence[i : i + at] for i in range(0, len(sentence), at))
        return
    breath = ""
    start = 0
    for part in [*(match.end() for match in _BREATHS[level].finditer(sentence)), len(sentence)]:
        piece = sentence[start:part]
        start = part
        if breath and length(breath + piece) > LONGEST:
            yield from _in_breaths(breath.strip(), level + 1)
            breath = ""
        breath += piece
    yield from _in_breaths(breath.strip(), level + 1)


def length(text: str) -> int:
    """Letters, wide ones three times: about how long it takes to say."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + (_WIDE - 1) * wide
