"""Dates and times of day in words."""

import datetime
import re
from functools import cache

from babel.dates import format_date, get_month_names

from bot.spoken.numbers import LETTER, in_words, locale_of, year_of

_ISO = re.compile(r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?![\w-])")
_POINTED = re.compile(r"(?<![\w.])(\d{1,2})\.(\d{1,2})\.(\d{4}|\d\d)?(?![\w])")
_SLASHED = re.compile(r"(?<![\w/])(\d{1,2})/(\d{1,2})/(\d{4})(?![\w/])")
_CHINESE_YEAR = re.compile(r"(\d{4})年")
_TIME = re.compile(
    rf"(?<!{LETTER})(?<![:.])([01]?\d|2[0-4]):([0-5]\d)(?::[0-5]\d)?"
    rf"(?:\s?(?P<half>[ap])\.?m\b\.?)?(?:\s?(?:Uhr|h|hrs|horas)(?!\w))?(?!{LETTER}|:)",
    re.IGNORECASE,
)
_HOUR = re.compile(r"(?<![\w:.])(1[0-2]|[1-9])\s?(?P<half>[ap])\.?m\b\.?", re.IGNORECASE)
_FRENCH = re.compile(r"(?<![\w:.])([01]?\d|2[0-4])\s?h\s?([0-5]\d)(?!\w)")
_HALVES = {"a": "A M", "p": "P M"}
_DATIVE = re.compile(r"\b(?:am|vom|zum|bis|dem|den|ab|seit|nach|beim|im)\s+$", re.IGNORECASE)
_NOMINATIVE = re.compile(r"\b(?:der|die|das)\s+$", re.IGNORECASE)
_MONTH_FIRST = ("en-us", "en-ph")


def moments_in_words(line: str, tag: str, language: str) -> str:
    """All dates and times of a line. `tag`: BCP 47; `language`: its ISO 639-1 code."""
    line = _ISO.sub(lambda found: _written_out(found, (3, 2, 1), tag), line)
    if language != "en":
        line = _POINTED.sub(lambda found: _written_out(found, (1, 2, 3), tag), line)
    line = _SLASHED.sub(lambda found: _slashed(found, tag, language), line)
    if language == "zh":
        line = _CHINESE_YEAR.sub(lambda found: f"{year_of(found[1], 'zh')}年", line)
    for pattern in _textual(language):
        line = pattern.sub(lambda found: _textual_date(found, language), line)
    if language in ("fr", "pt"):
        line = _FRENCH.sub(lambda found: f"{found[1]}:{found[2]}", line)
    line = _TIME.sub(lambda found: _time(found, language), line)
    if language == "en":
        line = _HOUR.sub(lambda found: f"{in_words(int(found[1]), 'en')} {_half(found)}", line)
    return line


def _written_out(found: re.Match[str], places: tuple[int, int, int], tag: str) -> str:
    """`3. März 2026`, as CLDR writes a long date; day, month and year stand at `places`."""
    day, month, year = (found[place] for place in places)
    if day is None or month is None:
        return found.group()
    try:
        date = datetime.date(_century(year), int(month), int(day))
    except ValueError:
        return found.group()
    if year is None:
        return format_date(date, _without_year(tag), locale=locale_of(tag))
    return format_date(date, "long", locale=locale_of(tag))


def _century(year: str | None) -> int:
    """Of a date without a year, a leap year: it may be the 29th of February."""
    if year is None:
        return 2000
    return int(year) + 2000 if len(year) == 2 else int(year)


def _without_year(tag: str) -> str:
    patterns = {"de": "d. MMMM", "es": "d 'de' MMMM", "pt": "d 'de' MMMM", "zh": "M月d日"}
    return patterns.get(tag.partition("-")[0].lower(), "d MMMM")


def _slashed(found: re.Match[str], tag: str, language: str) -> str:
    """Day and month change places between countries; where it is open, nobody is misled by a name:
    the numbers are said as they stand."""
    first, second = int(found[1]), int(found[2])
    month_first = second > 12 or tag.lower() in _MONTH_FIRST
    if language != "en" or first > 12 or tag.lower() in ("en-gb", "en-ie", "en-au", "en-nz"):
        month_first = False
    elif not month_first and first != second:
        return f"{first}, {second}, {in_words(int(found[3]), 'en', 'year')}"
    places = (2, 1, 3) if month_first else (1, 2, 3)
    return _written_out(found, places, tag)


@cache
def _textual(language: str) -> tuple[re.Pattern[str], ...]:
    """Dates with the month's name, where their numbers are not said like any others."""
    months = "|".join(sorted(_months(language), key=len, reverse=True))
    year = r"(?P<year>1[1-9]\d\d|20\d\d)(?!\w)"
    match language:
        case "en":
            day = r"(?P<day>[12]?\d|3[01])(?:st|nd|rd|th)?"
            return (
                re.compile(rf"\b(?P<month>{months})\.? {day}(?:(?:,? )?{year}|(?![\w:]))", re.I),
                re.compile(rf"(?P<the>\bthe )?\b{day}(?: of)? (?P<month>{months})\b\.?"
                           rf"(?:,? {year})?", re.I),
            )  # fmt: skip
        case "de":
            return (re.compile(rf"\b(?P<day>[12]?\d|3[01])\. (?P<month>{months})\b(?: {year})?"),)
        case _:
            return ()


@cache
def _months(language: str) -> dict[str, str]:
    """Long and short names → the long one. `May` without its day is not looked for."""
    locale = locale_of(language)
    long, short = (get_month_names(width, locale=locale) for width in ("wide", "abbreviated"))
    found = {name: name for name in long.values()}
    found |= {short[number].rstrip("."): long[number] for number in long}
    return {name: whole for name, whole in found.items() if len(name) > 2}


def _textual_date(found: re.Match[str], language: str) -> str:
    months = {name.lower(): whole for name, whole in _months(language).items()}
    month = months[found["month"].lower()]
    year = f" {in_words(int(found['year']), language, 'year')}" if found["year"] else ""
    day = int(found["day"])
    if language == "de":
        return f"{_german_day(day, found.string[: found.start()])} {month}{year}"
    said = in_words(day, "en", "ordinal")
    if found.re.groupindex.get("the"):
        return f"the {said} of {month}{year}"
    return f"{month} {said}{',' if year else ''}{year}"


def _german_day(day: int, before: str) -> str:
    """`am dritten`, `der dritte`, `dritter`."""
    said = in_words(day, "de", "ordinal") or f"{day}."
    if _DATIVE.search(before):
        return f"{said}n"
    return said if _NOMINATIVE.search(before) else f"{said}r"


def _time(found: re.Match[str], language: str) -> str:
    hour, minute = int(found[1]), int(found[2])
    if found["half"] and not 1 <= hour <= 12:
        return found.group()
    if language == "en":
        if not minute and hour % 12 == 0 and not found["half"]:
            return "noon" if hour == 12 else "midnight"
        half = _half(found) or _HALVES["a" if hour % 24 < 12 else "p"]
        return f"{in_words((hour - 1) % 12 + 1, 'en')} {_english_minutes(minute)}{half}"
    said = in_words(hour, language, "feminine" if language in ("es", "pt") else "cardinal")
    minutes = in_words(minute, language)
    if said is None or minutes is None:
        return found.group()
    match language:
        case "de":
            said = "ein" if hour == 1 else said
            return f"{said} Uhr {minutes}" if minute else f"{said} Uhr"
        case "es" | "pt":
            joined = f"{said} y {minutes}" if language == "es" else f"{said} e {minutes}"
            return joined if minute else said
        case "zh":
            zero = "零" if 0 < minute < 10 else ""
            return f"{said}点{zero}{minutes}分" if minute else f"{said}点"
        case "ar":
            return f"{said} و{minutes} دقيقة" if minute else f"{said} تماما"
        case "fr":
            one = hour in (0, 1)
            said = "une" if hour == 1 else said
            return f"{said} heure{'' if one else 's'}{f' {minutes}' if minute else ''}"
        case _:
            return f"{said} {minutes}" if minute else said


def _english_minutes(minute: int) -> str:
    if not minute:
        return ""
    said = in_words(minute, "en")
    return f"oh {said} " if minute < 10 else f"{said} "


def _half(found: re.Match[str]) -> str:
    return _HALVES.get((found["half"] or "").lower(), "")
