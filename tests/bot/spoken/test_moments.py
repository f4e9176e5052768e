"""Dates and times as words."""

import pytest

from bot.speakable import speakable
from bot.spoken.moments import moments_in_words


@pytest.mark.parametrize(
    ("tag", "written", "spoken"),
    [
        ("en", "on 2026-03-03", "on March third, twenty twenty-six"),
        ("en", "by March 3, 2026 or Mar. 4", "by March third, twenty twenty-six or March fourth"),
        ("en", "the 3rd of May 2027, 4 June",
         "the third of May twenty twenty-seven, the fourth of June"),
        ("en", "25/12/2026", "December twenty-fifth, twenty twenty-six"),
        ("en", "12/25/2026", "December twenty-fifth, twenty twenty-six"),
        ("en", "03/04/2026", "3, 4, twenty twenty-six"),
        ("en-US", "03/04/2026", "March fourth, twenty twenty-six"),
        ("en-GB", "03/04/2026", "the third of April twenty twenty-six"),
        ("en", "31/02/2026 and 2026-13-01", "31/02/2026 and 2026-13-01"),
        ("de", "am 3. März 2026", "am dritten März zweitausendsechsundzwanzig"),
        ("de", "der 1.5., bis zum 24.12.2026, 3. Mai",
         "der erste Mai, bis zum vierundzwanzigsten Dezember zweitausendsechsundzwanzig, "
         "dritter Mai"),
        ("de", "31.02.2026", "31.02.2026"),
        ("es", "03/04/2026", "3 de abril de 2026"),
        ("zh", "2026年3月", "二零二六年3月"),
        ("zh", "2026-03-03", "二零二六年3月3日"),
        ("ar", "2026-03-03", "3 مارس 2026"),
        ("fr", "03/04/2026", "3 avril 2026"),
    ],
)  # fmt: skip
def test_dates(tag: str, written: str, spoken: str) -> None:
    assert moments_in_words(written, tag, tag.partition("-")[0]) == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "14:30, 9:00, 9:05", "two thirty P M, nine A M, nine oh five A M"),
        ("en", "2:30 pm, 9 a.m. and 11 PM", "two thirty P M, nine A M and eleven P M"),
        ("en", "12:00, 0:00, 12:30 am", "noon, midnight, twelve thirty A M"),
        ("en", "12:60, 25:00, 1:2, a:30", "12:60, 25:00, 1:2, a:30"),
        ("de", "14:30 Uhr, 1:00, 9:05", "vierzehn Uhr dreißig, ein Uhr, neun Uhr fünf"),
        ("es", "a las 14:30, la 1:00", "a las catorce y treinta, la una"),
        ("zh", "14:30，9:00，14:05", "十四点三十分，九点，十四点零五分"),
        ("ar", "14:30", "أربعة عشر وثلاثون دقيقة"),
        ("fr", "14h30, 1:00", "quatorze heures trente, une heure"),
        ("xx", "14:30", "14:30"),
    ],
)
def test_times(language: str, written: str, spoken: str) -> None:
    assert moments_in_words(written, language, language) == spoken


def test_opening_hours_are_a_range() -> None:
    assert speakable("Open 9:00-17:00.", "en") == "Open nine A M to five P M."
    assert speakable("9:00–17:00 Uhr", "de") == "neun Uhr bis siebzehn Uhr."
