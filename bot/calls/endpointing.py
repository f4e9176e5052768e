"""How long a pause may be before it is the end of what the caller says. Pure.

From the words so far and from how the voice ends: a whole question ends soon, "my order number is"
does not, and who reads out a number or spells a name is given time to look it up. In English a
trained estimate weighs words and voice (`models.turn_end`); in other languages rules do, with the
words of `words.yaml`. Where Smart Turn listens too, its opinion counts as well.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.language import primary
from bot.texts import FALLBACK
from models import turn_end
from models.melody import Melody

_FILE = Path(__file__).parent / "words.yaml"

AT_ONCE_S = 0.25
"""Where words and voice agree that it is the end. Eight pieces of 32 ms, in which voice is told
from silence; any more are nine."""
SOON_S = 0.4
"""Where one of them does, and the other says nothing against it."""
UNSURE_S = 0.95
"""Where nothing tells."""
OPEN_S = 1.4
"""After words that want more, a voice that stays up, and while something is read out."""
LIKELY_MORE_S = 1.25
"""Where the estimate does not say that it is the end."""
LOOKED_UP_S = 2.2
"""After the desk asked for a number or something spelled, and it has only begun."""

LIKELY, MAYBE = 0.65, 0.4
"""The estimate from which on it is taken for the end, and from which on it may be one. Chosen on
other sentences and voices than any figure is measured on (`benchmarks/turn_ends`), a caller who is
cut off counting as much as four seconds of waiting. Up to 0.75 cost no more there, but fewer than
half would be answered at once."""

BRIEF_S = 0.8
"""A voice shorter than this may be a murmur, whatever was understood. Of espeak's the longest,
"mhm", lasts 0.7 s."""

COMPLETE, INCOMPLETE = 0.8, 0.25
"""Smart Turn's probability of a complete turn, from and down to which it is believed."""
FALLEN = -2.7
"""Semitones below the speaker's median at which a voice has fallen to its end. Of espeak's voices
nine of ten statements end below it, and 95 of 100 pauses above."""
LOWERED = -1.5
"""Semitones at which it may have."""
HIGH = 0.7
"""Semitones above the median at which a question ends."""

_TOKEN = re.compile(r"[^\W_]+(?:['’:.-][^\W_]+)*|\d+", re.UNICODE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_QUESTION = re.compile(r"[?？؟][\"'”’)]*\s*$")
_SENTENCE = re.compile(r"[.!。！][\"'”’)]*\s*$")
_OPEN_MARK = re.compile(r"(?:[,;:–—-]|\.{2,}|…)\s*$")
_LEAST_WORDS = 3
_NEVER_BRIEF = 4
"""Words that no murmur is taken for."""
_LAST_SENTENCE = re.compile(r"[.!?。！？؟]\s*(?=\S)")


class Expected(StrEnum):
    """What the caller has been asked for."""

    ANYTHING = "anything"
    NUMBER = "number"
    SPELLED = "spelled"
    """An address, an e-mail address, a name letter by letter."""


@dataclass(frozen=True)
class _Words:
    unfinished: frozenset[str]
    endings: frozenset[str]
    interjections: frozenset[str]
    interrupting: frozenset[str]
    answers: frozenset[str]
    numbers: frozenset[str]
    wh: frozenset[str]
    asks: Mapping[str, re.Pattern[str]]


def expected_after(said: str, locale: str) -> Expected:
    """What the desk's last words ask for."""
    question = _LAST_SENTENCE.split(said.strip())[-1]
    if not _QUESTION.search(question) and "please" not in question.lower():
        return Expected.ANYTHING
    asks = _words(locale).asks
    for kind in (Expected.NUMBER, Expected.SPELLED):
        if asks[kind].search(question.lower()):
            return kind
    return Expected.ANYTHING


def patience_s(
    text: str,
    locale: str,
    expected: Expected = Expected.ANYTHING,
    melody: Melody | None = None,
    complete: float | None = None,
) -> float:
    """Seconds of silence after `text` that end the turn.

    `text`: what has been heard in the turn so far, with the transcriber's punctuation, for what it
    is worth. `melody`: how the voice ends. `complete`: probability that the turn is complete by its
    sound. None where it is not known.
    """
    words = _words(locale)
    tokens = words_of(text)
    fallen = melody is not None and melody.above <= FALLEN
    if not tokens:
        return UNSURE_S if fallen else OPEN_S
    if _in_numbers(tokens, words) or _spelling(tokens):
        # It has only begun, or may go on: whoever reads out looks up again and again.
        few = _characters_read(tokens, words) < 4
        if few and expected is not Expected.ANYTHING:
            return LOOKED_UP_S
        return UNSURE_S if fallen and not few else OPEN_S
    if _is_answer(tokens, words):
        return SOON_S
    asked = expected is not Expected.ANYTHING
    estimated = primary(locale) in turn_end.LANGUAGES
    open_end = (asked or not estimated) and _made_of(tokens[-4:], words.unfinished, last=True)
    if open_end and fallen and tokens[-1] in words.endings:
        return UNSURE_S if asked else SOON_S
    if open_end or _OPEN_MARK.search(text):
        return LOOKED_UP_S if asked else OPEN_S
    if expected is Expected.SPELLED and "@" not in text:
        return OPEN_S
    if estimated:
        if fallen and tokens[0] in words.wh and _QUESTION.search(text):
            # The voices that the estimate learnt from raise all questions; people do not.
            return AT_ONCE_S
        return _by_estimate(tokens, text, melody, complete)
    return _by_voice(text, len(tokens), melody, complete, wh=tokens[0] in words.wh)


def _by_estimate(
    tokens: list[str], text: str, melody: Melody | None, complete: float | None
) -> float:
    chance = turn_end.probability(tokens, text.rstrip()[-1:], melody, complete)
    return AT_ONCE_S if chance >= LIKELY else UNSURE_S if chance >= MAYBE else LIKELY_MORE_S


def _by_voice(
    text: str, words: int, melody: Melody | None, complete: float | None, *, wh: bool
) -> float:
    """After words that may be all of it. `wh`: they begin as a question that needs no rise."""
    if complete is not None and complete >= COMPLETE:
        return AT_ONCE_S
    asks = bool(_QUESTION.search(text))
    ends = asks or (bool(_SENTENCE.search(text)) and words >= _LEAST_WORDS)
    if melody is None:
        against = complete is not None and complete <= INCOMPLETE
        return OPEN_S if against else SOON_S if asks else UNSURE_S
    if melody.above <= FALLEN:
        return AT_ONCE_S if ends else SOON_S
    if asks:
        return SOON_S if melody.above >= HIGH or wh else UNSURE_S
    return UNSURE_S if ends and melody.above <= LOWERED else OPEN_S


def wants_turn(text: str, locale: str, voice_s: float) -> bool:
    """Whether words that came while the desk spoke interrupt it: "mhm" and "okay" do not.

    A murmur is often heard as some other word, so of a brief voice (`voice_s`, in seconds) only
    words that ask for the turn count.
    """
    words = _words(locale)
    tokens = words_of(text)
    if not tokens or _made_of(tokens, words.interjections):
        return False
    if voice_s >= BRIEF_S or len(tokens) >= _NEVER_BRIEF:
        return True
    asking = words.interrupting | (words.numbers - words.unfinished - words.interjections)
    return any(
        token.isdigit() or _made_of(tokens[at:end], asking)
        for at, token in enumerate(tokens)
        for end in range(at + 1, len(tokens) + 1)
    )


def _in_numbers(tokens: list[str], words: _Words) -> bool:
    """The last thing said is part of something read out: several digits, or words for them. One
    small number at the end of a sentence, as in `for two`, is none."""
    last = tokens[-1]
    if sum(c.isdigit() for c in last) >= 3 and not _YEAR.fullmatch(last):
        return True
    if not (last in words.numbers - words.unfinished or last.isdigit()):
        return False
    before = tokens[-2] if len(tokens) > 1 else ""
    return not before or before.isdigit() or before in words.numbers


def _spelling(tokens: list[str]) -> bool:
    """Letters one by one: `B R A U`."""
    return len(tokens) >= 2 and all(len(token) == 1 and token.isalpha() for token in tokens[-2:])


def _characters_read(tokens: list[str], words: _Words) -> int:
    return sum(
        len(token) if token.isdigit() else 1
        for token in tokens
        if token.isdigit() or token in words.numbers or len(token) == 1
    )


def _is_answer(tokens: list[str], words: _Words) -> bool:
    return _made_of(tokens, words.answers)


def _made_of(tokens: list[str], phrases: frozenset[str], *, last: bool = False) -> bool:
    """Whether the tokens are these words and phrases (`i-see`) and nothing else; of the `last`
    ones, whether they end in one."""
    if last:
        return any("-".join(tokens[at:]) in phrases for at in range(len(tokens)))
    at = 0
    while at < len(tokens):
        for length in (4, 3, 2, 1):
            if "-".join(tokens[at : at + length]) in phrases and at + length <= len(tokens):
                at += length
                break
        else:
            return False
    return True


def words_of(text: str) -> list[str]:
    """In lower case, without what stands between them."""
    return [token.lower().replace("’", "'") for token in _TOKEN.findall(text)]


def _words(locale: str) -> _Words:
    language = primary(locale)
    return _by_language()[language if language in _by_language() else FALLBACK]


@cache
def _by_language() -> dict[str, _Words]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(_FILE.read_text("utf-8"))
    return {
        language: _Words(
            unfinished=frozenset(words["unfinished"].split()),
            endings=frozenset(words["endings"].split()),
            interjections=frozenset(words["interjections"].split()),
            interrupting=frozenset(words["interrupting"].split()),
            answers=frozenset(words["answers"].split()),
            numbers=frozenset(words["numbers"].split()),
            wh=frozenset(words["wh"].split()),
            asks={kind: re.compile(pattern) for kind, pattern in words["asks"].items()},
        )
        for language, words in found.items()
    }
