"""When people are there: `Mo-Fr 09:00-17:00; Sa 10:00-13:00`, a part of OpenStreetMap's opening
hours, which many places write theirs in. Pure.

Source: https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification
"""

import re
from datetime import datetime, time, timedelta

_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAY = "|".join(_DAYS)
_RULE = re.compile(
    rf"(?P<days>(?:{_DAY})(?:-(?:{_DAY}))?(?:,(?:{_DAY})(?:-(?:{_DAY}))?)*)\s+"
    r"(?P<times>\d\d:\d\d-\d\d:\d\d(?:,\d\d:\d\d-\d\d:\d\d)*)"
)
_AHEAD_DAYS = 8


class OfficeHours:
    """A week's hours, in local time."""

    def __init__(self, written: str) -> None:
        """`written`: empty for always. Raises `ValueError` with what is wrong."""
        self._spans: list[list[tuple[time, time]]] = [[] for _ in _DAYS]
        for rule in filter(None, (part.strip() for part in written.split(";"))):
            found = _RULE.fullmatch(rule)
            if not found:
                raise ValueError(f"{rule!r} is not written like `Mo-Fr 09:00-17:00`")
            spans = [_span(each) for each in found["times"].split(",")]
            for day in _days(found["days"]):
                self._spans[day] += spans
        self._always = not any(self._spans)

    def open_at(self, moment: datetime) -> bool:
        """`moment`: local time, as in the other questions."""
        clock = moment.timetz().replace(tzinfo=None)
        return self._always or any(
            begin <= clock < end for begin, end in self._spans[moment.weekday()]
        )

    def next_open(self, moment: datetime) -> datetime:
        """The moment itself where people are there, otherwise the next time that they come."""
        if self.open_at(moment):
            return moment
        for days in range(_AHEAD_DAYS):
            date = (moment + timedelta(days=days)).date()
            for begin, _ in sorted(self._spans[date.weekday()]):
                opens = datetime.combine(date, begin, moment.tzinfo)
                if opens >= moment:
                    return opens
        raise AssertionError("a week without an hour is refused when it is read")


def _days(written: str) -> list[int]:
    found: list[int] = []
    for part in written.split(","):
        first, _, last = part.partition("-")
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        found += [day % len(_DAYS) for day in range(start, end + 1 + 7 * (end < start))]
    return found


def _span(written: str) -> tuple[time, time]:
    begin, _, end = written.partition("-")
    try:
        span = time.fromisoformat(begin), time.max if end == "24:00" else time.fromisoformat(end)
    except ValueError:
        raise ValueError(f"{written!r} are no times of day") from None
    if span[0] >= span[1]:
        raise ValueError(f"{written!r} ends before it begins")
    return span
