"""What is read out letter by letter: order numbers, telephone numbers, addresses."""

import re

from bot.spoken.numbers import LETTER, digits_in_words
from bot.spoken.words import Words

_URL = re.compile(r"(?:https?://|www\.)[^\s<>()\[\]]+", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CODE = re.compile(
    rf"(?<!{LETTER})(?<![.,])(?=[\w-]*\d)(?:[A-Z]{{1,4}}-?\d[\dA-Z-]*|\d{{6,}})(?!{LETTER}|%)"
)
"""Order numbers and error codes: `VT-482137`, `E-104`, or a run of six digits and more."""
_PHONE = re.compile(
    r"(?<![\w+.,-])(?:"
    r"\+\d[\d\u00a0 ()/.-]{6,20}\d"
    r"|\(0?\d{2,5}\)[ /-]?\d[\d /-]{4,14}\d"
    r"|0\d{1,5}[ /-]\d[\d /-]{4,14}\d"
    r"|(?:1-)?(?:\d{3}-)?\d{3}-\d{4}"
    r")(?![\w]|[.,-]\d)"
)
_FEWEST, _MOST = 7, 15
"""Digits of a telephone number; E.164 allows no more."""


def addresses_in_words(line: str, words: Words) -> str:
    """Web and mail addresses. Of a link only its site: the rest is in the text."""
    line = _URL.sub(lambda found: _address(_host(found.group()), words), line)
    return _EMAIL.sub(lambda found: _address(found.group(), words), line)


def phones_in_words(line: str, words: Words, language: str) -> str:
    return _PHONE.sub(lambda found: _phone(found.group(), words, language), line)


def codes_in_words(line: str, words: Words, language: str) -> str:
    """Letters and digits one by one, with a breath where the code has a hyphen. A number counts as
    a code where it is long, or called one: `order 4711`, `#4711`."""
    if words.codes_after:
        named = re.compile(
            rf"((?<!{LETTER})(?:{words.codes_after})[ :#]{{0,3}}|#)(\d{{4,}})(?![\w])", re.I
        )
        line = named.sub(lambda found: f"{found[1]}{_spelled(found[2], language)}", line)
    return _CODE.sub(lambda found: _spelled(found.group(), language), line)


def _host(url: str) -> str:
    """`voltaro.example` of `https://www.voltaro.example/returns?x=1`."""
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", url, flags=re.IGNORECASE).split("/")[0]


def _address(address: str, words: Words) -> str:
    names = {".": words.dot, "@": words.at, "-": words.dash, "_": words.underscore}
    spelled = re.sub(r"[.@_-]", lambda mark: f" {names[mark.group()]} ", address.strip(".,;:!?"))
    return re.sub(r"[^\w\s]", " ", spelled)


def _phone(number: str, words: Words, language: str) -> str:
    """Digit by digit, with a breath where it has a space."""
    if not _FEWEST <= sum(letter.isdecimal() for letter in number) <= _MOST:
        return number
    plus = f"{words.plus} " if number.startswith("+") else ""
    groups = re.findall(r"\d+", number)
    return plus + ", ".join(digits_in_words(group, language) for group in groups)


def _spelled(code: str, language: str) -> str:
    return ", ".join(_letters(part, language) for part in code.split("-") if part)


def _letters(part: str, language: str) -> str:
    return " ".join(
        digits_in_words(letter, language) if letter.isdecimal() else letter for letter in part
    )
