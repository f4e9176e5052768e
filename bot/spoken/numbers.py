"""Numbers in words, by the rules of Unicode's CLDR (RBNF), and numbers as people write them."""

import re
import unicodedata
from decimal import Decimal
from functools import cache
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol, get_group_symbol
from unicode_rbnf import FormatPurpose, RbnfEngine
from unicode_rbnf.engine import NoRuleForNumberError, RulesetNotFoundError

from bot.spoken.words import words_of

Kind = Literal["cardinal", "feminine", "masculine", "ordinal", "feminine ordinal", "year"]

LETTER = r"[^\W\u2e80-\u9fff\u3040-\u30ff\uac00-\ud7af]"
"""What a number does not stand in the middle of: Chinese, Japanese and Korean write no spaces."""
NUMBER = r"(?:\d{1,3}(?:[.,'’\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?)"
"""A number with its separators, as a piece of a regular expression."""
_PURPOSES = {"ordinal": FormatPurpose.ORDINAL, "year": FormatPurpose.YEAR}
_LONGEST_DIGITS = 15
_PLAIN = re.compile(
    rf"(?<!{LETTER})(?<![.,])(?P<sign>[-−]?)(?P<number>{NUMBER})(?!{LETTER}|[.,]\d)"
    r"(?=(?:\s(?P<noun>[^\W\d_]+))?)"
)
_DOTTED = re.compile(rf"(?<!{LETTER})(?<!\.)\d+(?:\.\d+){{2,}}(?!{LETTER})")
_ORDINAL = {
    "en": re.compile(r"(?<![\w.,])(\d{1,4})(?:st|nd|rd|th)(?!\w)"),
    "es": re.compile(r"(?<![\w.,])(\d{1,3})\.?(?:º|ª|er|ra|ro|da|do)(?!\w)"),
    "fr": re.compile(r"(?<![\w.,])(\d{1,3})(?:er|ère|e|ème)(?!\w)"),
}
_FEMININE_ORDINALS = ("ª", "ra", "da", "ère")
_FEMININE = {
    "de": re.compile(r"(?:e|ung|heit|keit|ion|tät|schaft)$"),
    "es": re.compile(r"^(?!día)\w+(?:as?|d|dades|ción|ciones|sión|siones)$"),
    "fr": re.compile(r"^(?:heure|minute|\w*seconde|livre|couronne|roupie|semaine|année|fois)s?$"),
    "it": re.compile(r"^(?:sterlin|coron|or|rupi|settiman)[ae]$"),
    "pt": re.compile(r"^(?:libra|coroa|hora|rupia|semana)s?$"),
}
"""Endings of nouns, and nouns, that are feminine: where one and one-and-twenty depend on it."""
_FOLLOWS_A_NUMBER = {
    "es": re.compile(r"(?:de|del|y|o|u|a|al|en|por|para|con|sin|que|es|son)$"),
}
"""Words after a number that it does not count."""


@cache
def locale_of(language: str) -> Locale:
    """CLDR's, for a BCP 47 tag; English for a language that it does not know."""
    for tag in (language, language.partition("-")[0]):
        try:
            return Locale.parse(tag.replace("_", "-"), sep="-")
        except (ValueError, UnknownLocaleError):
            continue
    return Locale("en")


def in_words(number: int | Decimal, language: str, kind: Kind = "cardinal") -> str | None:
    """`zweiundvierzig`; None where CLDR has no rules to say it in this language. `language`: its
    ISO 639-1 code. A decimal's digits are said as they stand: `1.50` is `one point five zero`."""
    engine = _engine(language)
    if engine is None or len(str(number)) > _LONGEST_DIGITS:
        return None
    fraction = isinstance(number, Decimal)
    wanted = _fractions(language) if fraction else _rulesets(language).get(kind)
    if wanted:
        said = engine.format_number(str(number), ruleset_names=[wanted])
    elif fraction:
        return None
    else:
        said = engine.format_number(str(number), _PURPOSES.get(kind, FormatPurpose.CARDINAL))
    return _tidy(said.text, language)


def digits_in_words(digits: str, language: str) -> str:
    """One by one: `four eight two`."""
    return " ".join(in_words(int(digit), language) or digit for digit in digits)


def year_of(digits: str, language: str) -> str:
    """A Chinese year, digit by digit without pauses."""
    return digits_in_words(digits, language).replace(" ", "")


def parsed(written: str, language: str) -> int | Decimal:
    """What a number means that is written as `NUMBER`. Where a single separator could be of
    thousands or of decimals, the language decides: `1.500` is much in German, little in English."""
    locale = locale_of(language)
    text = re.sub(r"['’\u00a0\u202f]", "", written)
    marks = re.findall(r"[.,]", text)
    if not marks:
        return int(text)
    last = marks[-1]
    grouped = len(text) - text.rindex(last) - 1 == 3
    decimal = len(set(marks)) > 1 or (
        len(marks) == 1 and (not grouped or last == get_decimal_symbol(locale))
    )
    # Spain groups by a space; a point before three digits is one of thousands there too.
    if len(marks) == 1 and grouped and get_group_symbol(locale) not in (".", ","):
        decimal = last == get_decimal_symbol(locale)
    whole, _, part = text.rpartition(last) if decimal else (text, "", "")
    whole = re.sub(r"[.,]", "", whole)
    return Decimal(f"{whole}.{part}") if part else int(whole)


def numbers_in_words(line: str, language: str) -> str:
    """All numbers that are still written in digits."""
    words = words_of(language)
    line = _DOTTED.sub(lambda found: _dotted(found.group(), words.dot, language), line)
    if pattern := _ORDINAL.get(language):
        line = pattern.sub(lambda found: _ordinal(found, language), line)
    if words.years_after and _engine(language):
        year = re.compile(rf"\b({words.years_after}) (1[1-9]\d\d|20\d\d)(?!\w|[.,]\d)", re.I)
        line = year.sub(
            lambda found: f"{found[1]} {in_words(int(found[2]), language, 'year')}", line
        )
    return _PLAIN.sub(lambda found: _plain(found, language), line)


def ascii_digits(line: str) -> str:
    """`٣` and `３` as `3`."""
    return "".join(
        str(unicodedata.digit(letter)) if letter.isdecimal() else letter for letter in line
    )


def gender_of(noun: str, language: str) -> Kind:
    """What a number takes before a noun; `cardinal` where the language does not mind."""
    pattern = _FEMININE.get(language)
    if pattern is None:
        return "cardinal"
    return "feminine" if pattern.search(noun) else "masculine"


def _plain(found: re.Match[str], language: str) -> str:
    sign, written, noun = found["sign"], found["number"], found["noun"]
    if written.startswith("0") and written.isdecimal() and len(written) > 1:
        return sign + digits_in_words(written, language)
    number = parsed(written, language)
    said = in_words(-number if sign else number, language, _counting(noun, language))
    return said if said is not None else found.group()


def _counting(noun: str | None, language: str) -> Kind:
    """German nouns show themselves by a capital; Spanish ones are what is no small word."""
    if noun is None or language not in ("de", "es"):
        return "cardinal"
    if language == "de" and not noun[0].isupper():
        return "cardinal"
    small = _FOLLOWS_A_NUMBER.get(language)
    return "cardinal" if small and small.match(noun) else gender_of(noun, language)


def _dotted(written: str, dot: str, language: str) -> str:
    """A version or an address of the network: `2.10.3`. Thousands are none of these."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+", written) and language != "en":
        return written
    parts = [in_words(int(part), language) or part for part in written.split(".")]
    return f" {dot} ".join(parts)


def _ordinal(found: re.Match[str], language: str) -> str:
    feminine = found.group().endswith(_FEMININE_ORDINALS)
    kind: Kind = "ordinal" if language == "en" or not feminine else "feminine ordinal"
    return in_words(int(found[1]), language, kind) or found.group()


@cache
def _engine(language: str) -> RbnfEngine | None:
    if language not in RbnfEngine.get_supported_languages():
        return None
    return RbnfEngine.for_language(language)


@cache
def _rulesets(language: str) -> dict[str, str]:
    """CLDR's rules for the kinds that not every language has. Counting, Chinese days and German
    cases stand beside those that are meant."""
    engine = _engine(language)
    assert engine
    named = {
        "cardinal": "spellout-numbering",
        "masculine": "spellout-cardinal-masculine",
        "feminine": "spellout-cardinal-feminine",
        "ordinal": "spellout-ordinal-masculine",
        "feminine ordinal": "spellout-ordinal-feminine",
    }
    return {kind: name for kind, name in named.items() if name in engine.rulesets}


@cache
def _fractions(language: str) -> str | None:
    """The rules that it says decimals by, as it says other numbers. None where there are none, or
    where they are not understood in full, as those of Russian and Polish."""
    engine = _engine(language)
    assert engine
    for name in ("spellout-numbering", "spellout-cardinal", "spellout-cardinal-masculine"):
        try:
            five, half = (
                engine.format_number(number, ruleset_names=[name]).text for number in ("5", "0.5")
            )
        except (NoRuleForNumberError, RulesetNotFoundError):
            continue
        if five in half:
            return name
    return None


def _tidy(said: str, language: str) -> str:
    said = " ".join(said.replace("\xad", "").split())
    # The round zero is a sign for the eye; voices know the other.
    return said.replace("〇", "零") if language == "zh" else said
