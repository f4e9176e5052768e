import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.speakable import speakable


@pytest.mark.parametrize(
    ("markdown", "language", "spoken"),
    [
        ("You can **return** it within `30` days.", "en", "You can return it within 30 days."),
        ("# Returns\n\nSend it back", "en", "Returns.\nSend it back."),
        ("- open the app\n- tap *Orders*", "en", "open the app.\ntap Orders."),
        ("1. one\n2. two", "en", "one.\ntwo."),
        ("Your order VT-482137 is on its way", "en",
         "Your order V T, 4 8 2 1 3 7 is on its way."),
        ("Error E-104 means", "en", "Error E, 1 0 4 means."),
        ("It costs €129.50", "en", "It costs 129.50 euros."),
        ("Es kostet 129,50 €", "de", "Es kostet 129,50 Euro."),
        ("[our page](https://voltaro.example/returns)", "en", "our page."),
        ("See https://www.voltaro.example/returns?x=1 now", "en", "See voltaro dot example now."),
        ("Schreiben Sie an hilfe@voltaro.example.", "de",
         "Schreiben Sie an hilfe ät voltaro Punkt example."),
        ("ahorra 20 %", "es", "ahorra 20 por ciento."),
        ("优惠20%", "zh", "优惠百分之20."),
        ("takes 3–5 days", "en", "takes 3 to 5 days."),
        ("| Country | Days |\n|---|---|\n| Norway | 4 |", "en", "Country, Days.\nNorway, 4."),
        ("Great 🎉 news", "en", "Great news."),
        ("e.g. a 65 W charger, 2 kg", "en", "for example a 65 watts charger, 2 kilograms."),
        ("3 items in 2026", "en", "3 items in 2026."),
        ("", "en", ""),
        ("---", "en", ""),
    ],
)  # fmt: skip
def test_markdown_is_spoken_as_a_person_would_read_it(
    markdown: str, language: str, spoken: str
) -> None:
    assert speakable(markdown, language) == spoken


@given(st.text(max_size=400), st.sampled_from(["en", "de-AT", "es", "zh", "ar", "xx", ""]))
def test_no_text_leaves_marks_or_addresses(text: str, language: str) -> None:
    spoken = speakable(text, language)
    assert not re.search(r"[*_`#~|<>\[\]{}\\]|https?://", spoken)


@given(st.from_regex(r"[A-Za-z]{2,8}( [A-Za-z]{2,8}){0,8}\.", fullmatch=True))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert speakable(text, "en") == text
    assert speakable(speakable(text, "en"), "en") == text
