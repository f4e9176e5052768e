"""Which numbers the desk may call or text of its own accord, and how numbers are read. Pure.

Whoever gets a desk to call an expensive number earns by it. So a number must exist by its country's
rules, be an ordinary one (no premium rate, no shared cost, no personal number), and begin with one
of the prefixes that the operator has allowed; without prefixes there is none.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from bot.spoken.numbers import ascii_digits, in_words

_ORDINARY = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
    }
)
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_FEWEST_DIGITS = 6
_MOST_DIGITS = 17
_PLUS = "+"
_REPEATS = {"double": 2, "doppel": 2, "doble": 2, "triple": 3}
_WORDS = {
    "en": {"oh": "0", "o": "0", "plus": _PLUS},
    "de": {"zwo": "2", "eins": "1", "plus": _PLUS},
    "es": {"una": "1", "más": _PLUS, "mas": _PLUS},
    "zh": {"幺": "1", "两": "2", "〇": "0", "加": _PLUS},
    "ar": {"زائد": _PLUS, "إثنان": "2", "اثنين": "2", "ثمانية": "8"},
}
"""What numbers are called beside CLDR's words."""
_TOKEN = re.compile(r"\d+|\+|[^\W\d_]+(?:-[^\W\d_]+)*")


class Dialling:
    """The numbers that may be called."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        """`prefixes`: what an international number must begin with: `+47`, `+4930`."""
        self._prefixes = tuple(prefixes)
        code = _country_code(prefixes[0]) if prefixes else 0
        self._region = phonenumbers.region_code_for_country_code(code)

    def allows(self, number: str) -> bool:
        """`number`: international, `+4722334455`."""
        parsed = _parsed(number, None)
        return parsed is not None and self._allows(parsed)

    def takes_texts(self, number: str) -> bool:
        """Whether a text message may be sent there, and can be read."""
        parsed = _parsed(number, None)
        return (
            parsed is not None
            and self._allows(parsed)
            and phonenumbers.number_type(parsed) in _MOBILE
        )

    def read(self, text: str, language: str) -> str:
        """The number that may be called in what somebody says or types, as `+4722334455`; one
        without its country's code is taken for one of the first prefix's country. Empty where
        there is none; `looks_like_number` tells whether there was another."""
        for candidate in _candidates(text, language):
            parsed = _parsed(candidate, self._region)
            if parsed and self._allows(parsed):
                return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
        return ""

    def _allows(self, number: PhoneNumber) -> bool:
        whole = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        return (
            number.extension is None
            # No satellites, and nobody's in particular: they cost the most.
            and phonenumbers.region_code_for_number(number) not in (None, "001")
            and whole.startswith(self._prefixes or "-")
            and phonenumbers.is_valid_number(number)
            and phonenumbers.number_type(number) in _ORDINARY
        )


def looks_like_number(text: str, language: str) -> bool:
    """Whether somebody has tried to give a telephone number."""
    return any(True for _ in _candidates(text, language))


def written(number: str) -> str:
    """As people read it: `+47 22 33 44 55`."""
    parsed = _parsed(number, None)
    if parsed is None:
        return number
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)


def _candidates(text: str, language: str) -> Iterator[str]:
    """Runs of digits, whether written or said, the longest first."""
    runs: list[str] = []
    run, times = "", 1
    for token in [*_TOKEN.findall(ascii_digits(text.casefold())), "."]:
        digits = token if token.isdecimal() or token == _PLUS else _said(token, language[:2])
        if token in _REPEATS:
            times = _REPEATS[token]
        elif digits:
            run += digits * times
            times = 1
        elif run:
            runs.append(run)
            run, times = "", 1
    fitting = (run for run in runs if _FEWEST_DIGITS <= len(run.strip(_PLUS)) <= _MOST_DIGITS)
    for found in sorted(fitting, key=len, reverse=True):
        yield _PLUS + found[2:] if found.startswith("00") else found


def _said(word: str, language: str) -> str:
    """The digits of a word: `4` of "four", `42` of "forty-two"; of a Chinese one, each character's.
    Empty where it is no number."""
    words = _number_words(language)
    if word in words:
        return words[word]
    return "".join(words[sign] for sign in word) if all(sign in words for sign in word) else ""


@cache
def _number_words(language: str) -> dict[str, str]:
    said = {in_words(number, language): str(number) for number in range(100)}
    return {word: digits for word, digits in said.items() if word} | _WORDS.get(language, {})


def _country_code(prefix: str) -> int:
    """`49` of `+4930`: the shortest beginning that is a country's code; 0 where there is none."""
    digits = prefix.lstrip(_PLUS)
    for length in (1, 2, 3):
        code = int(digits[:length] or 0)
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return code
    return 0


def _parsed(number: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region)
    except NumberParseException:
        return None
