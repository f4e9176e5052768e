"""When people are there."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.office_hours import OfficeHours

WEEK = OfficeHours("Mo-Fr 09:00-12:00,13:00-17:00; Sa 10:00-13:00")


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-27 09:00", "2026-11-27 09:00"),
        ("2026-11-27 12:30", "2026-11-27 13:00"),
        ("2026-11-27 17:00", "2026-11-28 10:00"),
        ("2026-11-28 20:00", "2026-11-30 09:00"),
        ("2026-11-29 00:00", "2026-11-30 09:00"),
    ],
)
def test_the_next_time_that_somebody_is_there(at: str, opens: str) -> None:
    assert WEEK.next_open(datetime.fromisoformat(at)) == datetime.fromisoformat(opens)


def test_hours_are_of_their_time_zone() -> None:
    oslo = ZoneInfo("Europe/Oslo")
    opens = WEEK.next_open(datetime(2026, 10, 24, 22, 0, tzinfo=oslo))  # the clock goes back
    assert opens.isoformat() == "2026-10-26T09:00:00+01:00"


def test_none_written_is_always_open() -> None:
    for written in ("", " ", ";"):
        assert OfficeHours(written).open_at(datetime(2026, 11, 29, 3, 0))


@pytest.mark.parametrize(
    "written", ["9-17", "Mo 09:00", "Mo 17:00-09:00", "Xx 09:00-10:00", "24/7"]
)
def test_what_is_written_otherwise_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"written like|times of day|ends before"):
        OfficeHours(written)
