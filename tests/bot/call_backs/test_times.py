"""Times as people name them, in the five languages."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call_backs.times import moment_in_words, wish_in

FRIDAY = datetime(2026, 11, 27, 9, 30)

WISHES = [
    ("en", "tomorrow at ten", "Sat 10:00"),
    ("en", "call me at 3 pm please", "Fri 15:00"),
    ("en", "in two hours", "Fri 11:30"),
    ("en", "in half an hour", "Fri 10:00"),
    ("en", "Monday morning", "Mon 09:00"),
    ("en", "next monday at 9:30", "Mon 09:30"),
    ("en", "at half past four", "Fri 16:30"),
    ("en", "on Tuesday at quarter past two in the afternoon", "Tue 14:15"),
    ("en", "at a quarter to nine", "Sat 08:45"),
    ("en", "day after tomorrow at eleven thirty", "Sun 11:30"),
    ("en", "today at 5", "Fri 17:00"),
    ("en", "this afternoon at four", "Fri 16:00"),
    ("en", "this evening", "Fri 18:00"),
    ("en", "today at 8", "Fri 20:00"),
    ("en", "tomorrow", "Sat 09:00"),
    ("en", "four", "Fri 16:00"),
    ("de", "morgen um zehn", "Sat 10:00"),
    ("de", "Montag um halb neun", "Mon 08:30"),
    ("de", "heute Nachmittag", "Fri 14:00"),
    ("de", "übermorgen um 14 Uhr 30", "Sun 14:30"),
    ("de", "in einer halben Stunde", "Fri 10:00"),
    ("es", "mañana por la mañana", "Sat 09:00"),
    ("es", "el martes a las diez de la mañana", "Tue 10:00"),
    ("es", "a las cuatro y media", "Fri 16:30"),
    ("es", "en dos horas", "Fri 11:30"),
    ("zh", "明天上午十点", "Sat 10:00"),
    ("zh", "星期一上午9点半", "Mon 09:30"),
    ("zh", "两小时后", "Fri 11:30"),
    ("zh", "下午三点", "Fri 15:00"),
    ("ar", "غدا الساعة العاشرة", "Sat 10:00"),
    ("ar", "يوم الاثنين الساعة 9", "Mon 09:00"),
    ("ar", "بعد ساعتين", "Fri 11:30"),
    ("ar", "الساعة الرابعة والنصف", "Fri 16:30"),
]


@pytest.mark.parametrize(("language", "text", "when"), WISHES)
def test_a_time_is_understood(language: str, text: str, when: str) -> None:
    wish = wish_in(text, language, FRIDAY)
    assert wish
    assert f"{wish.at:%a %H:%M}" == when
    assert not wish.soon


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "as soon as possible"),
        ("en", "right now please"),
        ("de", "so bald wie möglich"),
        ("es", "lo antes posible"),
        ("zh", "尽快"),
        ("ar", "في أقرب وقت"),
    ],
)
def test_as_soon_as_possible_leaves_time_to_hang_up(language: str, text: str) -> None:
    wish = wish_in(text, language, FRIDAY)
    assert wish
    assert wish.soon
    assert timedelta(0) < wish.at - FRIDAY < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "no"),
        ("en", "where is my parcel?"),
        ("en", "this is my number"),
        ("de", "ja gern"),
        ("es", "sí"),
        ("zh", "是"),
    ],
)
def test_what_names_no_time_gives_none(language: str, text: str) -> None:
    assert wish_in(text, language, FRIDAY) is None


@given(st.text(max_size=60), st.sampled_from(["en", "de", "es", "zh", "ar", "nb"]))
def test_whatever_is_said_the_time_is_none_or_near(text: str, language: str) -> None:
    wish = wish_in(text, language, FRIDAY)
    assert wish is None or abs(wish.at - FRIDAY) < timedelta(days=60)


@pytest.mark.parametrize("language", ["en", "de", "es", "zh", "ar"])
def test_a_moment_is_read_back_with_its_hour(language: str) -> None:
    assert "15:30" in moment_in_words(datetime(2026, 11, 30, 15, 30), language)
