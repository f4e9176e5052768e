"""Prices, percents and units as words."""

import pytest

from bot.spoken.amounts import amounts_in_words


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "€129.50", "one hundred twenty-nine euros and fifty cents"),
        ("en", "$1, £0.50 and £2.01", "one dollar, fifty pence and two pounds and one penny"),
        ("en", "CHF 20.50", "twenty Swiss francs fifty"),
        ("en", "1,234.56 EUR", "one thousand two hundred thirty-four euros and fifty-six cents"),
        ("en", "$5 million", "five million dollars"),
        ("en", "$0.125", "zero point one two five dollars"),
        ("en", "TOP 5 and PEUR5", "TOP 5 and PEUR5"),
        ("de", "129,50 € oder 1 €", "einhundertneunundzwanzig Euro und fünfzig Cent oder ein Euro"),
        ("de", "1 NOK", "eine Norwegische Krone"),
        ("es", "129,50 €", "ciento veintinueve euros con cincuenta céntimos"),
        ("es", "21 € y £21", "veintiún euros y veintiuna libras"),
        ("zh", "价格129.50元，€20", "价格一百二十九点五元，二十欧元"),
        ("ar", "129.50 €", "مائة وتسعة وعشرون يورو وخمسون سنت"),
        ("fr", "129,50 €", "cent vingt-neuf euros cinquante"),
        ("ru", "129,50 €", "сто двадцать девять евро пятьдесят"),
        ("ja", "1,500円と¥20", "1,500円と二十円"),
    ],
)
def test_prices(language: str, written: str, spoken: str) -> None:
    assert amounts_in_words(written, language) == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "20% or 2.5 %", "twenty percent or two point five percent"),
        ("en", "-5 °C, 65 W, 2 kg, 5 mAh",
         "minus five degrees Celsius, sixty-five watts, two kilograms, five milliampere hours"),
        ("en", "90 km/h for 3 min", "ninety kilometers per hour for three minutes"),
        ("en", "3 more, 2mm2", "3 more, 2mm2"),
        ("de", "20 %, 1 h, 1,5 kg", "zwanzig Prozent, eine Stunde, eins Komma fünf Kilogramm"),
        ("es", "1 h y 21 h", "una hora y veintiuna horas"),
        ("zh", "优惠20%，10kg，-5°C", "优惠百分之二十，十千克，负五摄氏度"),
        ("ar", "20% و 2 h", "عشرون بالمئة و ساعتان"),
        ("fr", "5 kg", "cinq kilogrammes"),
        ("xx", "5 kg, 20%", "5 kilograms, 20 percent"),
    ],
)  # fmt: skip
def test_percents_and_units(language: str, written: str, spoken: str) -> None:
    assert amounts_in_words(written, language) == spoken
