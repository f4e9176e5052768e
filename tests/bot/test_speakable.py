import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bot.speakable import speakable
from bot.spoken.words import words_of


@pytest.mark.parametrize(
    ("markdown", "language", "spoken"),
    [
        ("You can **return** it within `30` days.", "en", "You can return it within thirty days."),
        ("# Returns\n\nSend it back", "en", "Returns.\nSend it back."),
        ("- open the app\n- tap *Orders*", "en", "open the app.\ntap Orders."),
        ("1. one\n2. two", "en", "one.\ntwo."),
        ("Your order VT-482137 is on its way", "en",
         "Your order V T, four eight two one three seven is on its way."),
        ("Error E-104 means", "en", "Error E, one zero four means."),
        ("It costs €129.50", "en", "It costs one hundred twenty-nine euros and fifty cents."),
        ("Es kostet 129,50 €", "de", "Es kostet einhundertneunundzwanzig Euro und fünfzig Cent."),
        ("[our page](https://voltaro.example/returns)", "en", "our page."),
        ("See https://www.voltaro.example/returns?x=1 now", "en", "See voltaro dot example now."),
        ("Schreiben Sie an hilfe@voltaro.example.", "de",
         "Schreiben Sie an hilfe ät voltaro Punkt example."),
        ("ahorra 20 %", "es", "ahorra veinte por ciento."),
        ("优惠20%", "zh", "优惠百分之二十."),
        ("takes 3–5 days", "en", "takes three to five days."),
        ("| Country | Days |\n|---|---|\n| Norway | 4 |", "en", "Country, Days.\nNorway, four."),
        ("Great 🎉 news", "en", "Great news."),
        ("e.g. a 65 W charger, 2 kg", "en",
         "for example a sixty-five watts charger, two kilograms."),
        ("3 items in 2026", "en", "three items in twenty twenty-six."),
        ("I said no. See no. 5, Dr. Who", "en", "I said no. See number five, doctor Who."),
        ("Das gilt z. B. bzw. ca. 24/7", "de",
         "Das gilt zum Beispiel beziehungsweise etwa rund um die Uhr."),
        ("El Sr. Ruiz, p. ej., EE. UU.", "es",
         "El señor Ruiz, por ejemplo, Estados Unidos."),
        ("1280×720, 3-5, R & D", "en",
         "one thousand two hundred eighty by seven hundred twenty, three to five, R and D."),
        ("٣ أيام", "ar", "ثلاثة أيام."),
        ("３天内，3-5天", "zh", "三天内，三到五天."),
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
    short = {each.casefold() for each in words_of("en").abbreviations}
    assume(text.split()[-1].casefold() not in short)
    assert speakable(text, "en") == text
    assert speakable(speakable(text, "en"), "en") == text


@example("0.", "en")
@given(
    st.text(alphabet="0123456789.,:/-+()€$% kgW#年月日aVTnoMr\u00a0٣", max_size=40),
    st.sampled_from(["en", "en-GB", "de-AT", "es", "zh", "ar", "fr", "pl", "ja", "xx", ""]),
)
def test_whatever_numbers_are_written_like_something_is_said(text: str, language: str) -> None:
    spoken = speakable(text, language)
    assert bool(re.search(r"\w", spoken)) or not re.search(r"\w", text)
