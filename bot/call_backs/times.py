"""When somebody wants to be called: "tomorrow at ten", "in zwei Stunden", "明天下午三点". Pure.

dateparser, which reads dates of two hundred languages, drops the hour of "tomorrow at ten" and does
not know half past; what is read here is a day, an hour and a part of the day, and is read back
before it counts.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from babel.dates import format_datetime, get_day_names

from bot.call_backs.phrases import plain, understood, words_of
from bot.spoken.numbers import ascii_digits, in_words, locale_of

SOON = timedelta(minutes=2)
"""Who calls and wants to be called back has to hang up first."""
_HOURS = 24
_HALF_DAY = 12
_MORNING, _AFTERNOON = 9, 14
"""Hours that are meant where none is named."""
_EARLIEST = 7
"""An hour below it, without a part of the day, is one after noon."""


class Wish(msgspec.Struct, frozen=True):
    at: datetime
    soon: bool = False
    """As soon as possible, rather than at a certain time."""


def wish_in(text: str, language: str, now: datetime) -> Wish | None:
    """The time that is wished for; None where none is named. `now`: local time, and so is the wish.
    A day without an hour gives the beginning of its office hours, or of the part of the day."""
    words, code = words_of(language), understood(language)
    said, day = _day(plain(ascii_digits(text)), words["days"], code, now)
    said = _in_digits(said, code)
    if span := _span(said, words["in"], now):
        return span
    part = _part(said, words["parts"])
    said, half = _half_of_day(said, words)
    clock = _clock(said, words)
    if clock is None and part is None and half is None:
        if day:
            return Wish(_at(now, day, _MORNING))
        soon = day == 0 or _named(said, words["soon"])
        return Wish(now + SOON, soon=True) if soon else None
    if clock is None:
        alone = part if part is not None else _AFTERNOON if half else _MORNING
        return Wish(_ahead(_at(now, day or 0, alone), day, now))
    hour, minute = clock
    if hour <= _HALF_DAY:
        hour = _on_the_clock(hour, half, part)
    moment = _at(now, day or 0, hour % _HOURS, minute)
    if day == 0 and moment <= now and hour < _HALF_DAY and half is None:
        moment += timedelta(hours=_HALF_DAY)
    return Wish(_ahead(moment, day, now))


def _at(now: datetime, days: int, hour: int, minute: int = 0) -> datetime:
    moment = now + timedelta(days=days)
    return moment.replace(hour=hour, minute=minute, second=0, microsecond=0)


def _ahead(moment: datetime, day: int | None, now: datetime) -> datetime:
    """Without a day, the next time that it is so late."""
    return moment + timedelta(days=1) if day is None and moment <= now else moment


def moment_in_words(moment: datetime, language: str) -> str:
    """`Monday, 30 November, 10:00`, as the language writes it."""
    locale = locale_of(language)
    pattern = {
        "en": "EEEE d MMMM 'at' HH:mm",
        "de": "EEEE, d. MMMM 'um' HH:mm 'Uhr'",
        "es": "EEEE d 'de' MMMM 'a las' HH:mm",
        "zh": "M月d日EEEE HH:mm",
        "ar": "EEEE d MMMM HH:mm",
    }.get(locale.language, "EEEE d MMMM HH:mm")
    return format_datetime(moment, pattern, locale=locale)


def _on_the_clock(hour: int, half: int | None, part: int | None) -> int:
    """The hour of the day of an hour up to twelve. `half`: 0 before noon, 12 after it."""
    if half is None and part is not None:
        half = 0 if part < _HALF_DAY else _HALF_DAY
    if half is None:
        return hour + _HALF_DAY if hour < _EARLIEST else hour
    return hour % _HALF_DAY + half


def _span(said: str, pattern: str, now: datetime) -> Wish | None:
    found = re.search(pattern.replace("{number}", r"\d{1,3}"), said)
    if not found:
        return None
    named = found.groupdict()
    written = named.get("n") or ""
    count = float(written) if written.isdigit() else 2.0 if named.get("two") else 1.0
    if re.search(r"half|halb|media|半|نصف", written):
        count = 0.5
    elif re.search(r"couple|paar", written):
        count = 2.0
    minutes = count * (1 if named.get("m") else 60)
    return Wish((now + timedelta(minutes=minutes)).replace(second=0, microsecond=0))


def _day(said: str, days: dict[str, int], language: str, now: datetime) -> tuple[str, int | None]:
    """How many days from today, and what else is said."""
    for word in sorted(days, key=len, reverse=True):
        # Spanish and German tell the morning by the word for tomorrow.
        found = re.search(rf"(?<!la )(?<!\w){word}(?!\w)" if word.isascii() or len(word) > 2
                          else word, said)  # fmt: skip
        if found:
            return said.replace(found[0], " ", 1), days[word]
    for weekday, names in _weekdays(language).items():
        found = re.search(names, said)
        if found:
            ahead = (weekday - now.weekday()) % 7
            return said.replace(found[0], " ", 1), ahead or 7
    return said, None


def _half_of_day(said: str, words: Mapping[str, Any]) -> tuple[str, int | None]:
    for kind, half in (("pm", _HALF_DAY), ("am", 0)):
        found = re.search(rf"(?<![^\W\d])(?:{words[kind]})(?!\w)", said) or (
            re.search(words[kind], said) if re.search(r"[\u4e00-\u9fff]", words[kind]) else None
        )
        if found:
            return said.replace(found[0], " ", 1), half
    return said, None


def _clock(said: str, words: Mapping[str, Any]) -> tuple[int, int] | None:
    """Hour and minute, as they are named."""
    if found := re.search(r"(?<!\d)([01]?\d|2[0-4])\s?[:.h点時时]\s?([0-5]\d)", said):
        return int(found[1]), int(found[2])
    hour = r"([01]?\d|2[0-4])(?!\d)"
    quarter, half, past, to = (words[name] for name in ("quarter", "half", "past", "to"))
    if found := re.search(rf"(?:{half}) {hour}", said):
        # German counts the half on the way to the hour.
        back = words is words_of("de")
        return (int(found[1]) - back) % _HOURS, 30
    if found := re.search(rf"{hour}\s?[点點]?\s?(?:{half})(?!\w)", said):
        return int(found[1]), 30
    minutes = rf"({quarter}|[0-5]?\d)"
    for between, sign in ((past, 1), (to, -1)):
        if not between:
            continue
        if found := re.search(rf"{minutes} (?:minutes? |minuten? )?(?:{between}) {hour}", said):
            return _shifted(int(found[2]), found[1], sign)
        if found := re.search(rf"{hour} (?:{between})\s?{minutes}(?!\d)", said):
            return _shifted(int(found[1]), found[2], sign)
    if found := re.search(rf"{hour}\s?[点點]\s?一刻", said):
        return int(found[1]), 15
    if found := re.search(rf"{hour} (?:uhr )?([0-5]\d)(?!\d)", said):
        return int(found[1]), int(found[2])
    at = f"(?:{words['at']}) " if words["at"] else ""
    for pattern in (rf"{at}{hour}", rf"{hour}\s?(?:o'?clock|uhr|点|點|h\b)", rf"(?<!\d){hour}$",
                    rf"^{hour}"):  # fmt: skip
        if found := re.search(pattern, said.strip(" .?!,")):
            return int(found[1]), 0
    return None


def _shifted(hour: int, minutes: str, sign: int) -> tuple[int, int]:
    count = int(minutes) if minutes.isdigit() else 15
    whole = (hour * 60 + sign * count) % (_HOURS * 60)
    return whole // 60, whole % 60


def _part(said: str, parts: dict[str, int]) -> int | None:
    found = [word for word in parts if word in said]
    return parts[max(found, key=len)] if found else None


def _named(said: str, pattern: str) -> bool:
    joined = bool(re.search(r"[\u4e00-\u9fff]", pattern))
    return bool(re.search(pattern if joined else rf"(?<!\w)(?:{pattern})(?!\w)", said))


def _in_digits(said: str, language: str) -> str:
    """Numbers up to sixty in digits."""
    words = _numbers(language)
    if language == "zh":
        pattern = "|".join(sorted(words, key=len, reverse=True))
        return re.sub(pattern, lambda found: words[found[0]], said)
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", lambda found: words[found[0]], said)


@cache
def _numbers(language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number in range(59, -1, -1):
        if said := in_words(number, language):
            found[said.casefold()] = str(number)
            found[said.casefold().replace("-", " ")] = str(number)
    found |= _HOUR_WORDS.get(language, {})
    found.pop("零" if language == "zh" else "", None)
    return found


_HOUR_WORDS = {
    "de": {"ein": "1", "eins": "1"},
    "es": {"la una": "la 1"},
    "zh": {"两": "2"},
    # Arabic hours are ordinals.
    "ar": {
        "الواحدة": "1", "الثانية": "2", "الثالثة": "3", "الرابعة": "4", "الخامسة": "5",
        "السادسة": "6", "السابعة": "7", "الثامنة": "8", "التاسعة": "9", "العاشرة": "10",
        "الحادية عشرة": "11", "الثانية عشرة": "12",
    },
}  # fmt: skip


@cache
def _weekdays(language: str) -> dict[int, str]:
    """Patterns of the days' names: Monday is 0."""
    names = get_day_names("wide", locale=locale_of(language))
    found = {}
    for number, name in names.items():
        name = name.casefold()
        if language == "zh":
            found[number] = f"(?:星期|周|礼拜){'[日天]' if number == 6 else name[-1]}"
        else:
            found[number] = rf"(?<!\w){re.escape(name)}s?(?!\w)"
    return found
