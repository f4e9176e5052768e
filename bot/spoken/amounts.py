"""Prices, percents and units in words, with the names that Unicode's CLDR has for them."""

import re
from decimal import Decimal
from functools import cache

from babel import Locale
from babel.numbers import format_decimal, get_currency_name
from babel.units import UnknownUnitError, format_unit

from bot.spoken.numbers import LETTER, NUMBER, gender_of, in_words, locale_of, parsed
from bot.spoken.words import WORDS, words_of

_SYMBOLS = {
    "€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY", "￥": "CNY", "₹": "INR", "₺": "TRY",
    "₽": "RUB", "₩": "KRW", "₴": "UAH", "zł": "PLN", "Kč": "CZK", "Fr.": "CHF", "US$": "USD",
    "A$": "AUD", "C$": "CAD", "元": "CNY",
}  # fmt: skip
_CODES = (
    "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "NOK", "SEK", "DKK", "ISK", "PLN", "CZK", "HUF",
    "RON", "BGN", "TRY", "UAH", "RUB", "CAD", "AUD", "NZD", "MXN", "BRL", "ARS", "CLP", "COP",
    "INR", "KRW", "SGD", "HKD", "ZAR", "AED", "SAR", "EGP", "MAD", "ILS",
)  # fmt: skip
"""Written beside an amount they are nothing else; `TOP` and `ALL` are currencies too."""
_DECIMAL_PRICES = ("zh", "ja", "ko")
"""Languages that say a price as one number."""
_OF_HUNDRED = "concentr-percent"
_MONEY = "|".join(re.escape(each) for each in (*sorted(_SYMBOLS, key=len, reverse=True), *_CODES))
_GAP = r"[ \u00a0\u202f]?"
_START, _END = rf"(?<!{LETTER})", rf"(?!{LETTER})"
_PRICE = re.compile(
    rf"{_START}(?:(?P<before>{_MONEY}){_GAP}(?P<first>{NUMBER}){_END}"
    r"(?P<scale> (?:m|b|tr)illion\b)?"
    rf"|(?<![.,])(?P<last>{NUMBER}){_GAP}(?P<after>{_MONEY}){_END})"
)
_SIGNED = rf"{_START}(?<![.,])(?P<sign>[-−]?)(?P<number>{NUMBER}){_GAP}"
_PERCENT = re.compile(rf"{_SIGNED}[%٪]")
_UNITS = {
    "kg": "mass-kilogram", "g": "mass-gram", "mg": "mass-milligram", "km": "length-kilometer",
    "m": "length-meter", "cm": "length-centimeter", "mm": "length-millimeter",
    "l": "volume-liter", "L": "volume-liter", "ml": "volume-milliliter", "W": "power-watt",
    "kW": "power-kilowatt", "kWh": "energy-kilowatt-hour", "V": "electric-volt",
    "mA": "electric-milliampere", "Hz": "frequency-hertz", "MHz": "frequency-megahertz",
    "GHz": "frequency-gigahertz", "kB": "digital-kilobyte", "KB": "digital-kilobyte",
    "MB": "digital-megabyte", "GB": "digital-gigabyte", "TB": "digital-terabyte",
    "°C": "temperature-celsius", "°F": "temperature-fahrenheit", "min": "duration-minute",
    "h": "duration-hour", "ms": "duration-millisecond", "km/h": "speed-kilometer-per-hour",
    "MP": "graphics-megapixel",
}  # fmt: skip


def amounts_in_words(line: str, language: str) -> str:
    """All prices, percents and units of a line. `language`: its ISO 639-1 code."""
    line = _PRICE.sub(lambda found: _price(found, language), line)
    line = _PERCENT.sub(lambda found: _measured(found, _OF_HUNDRED, language), line)
    for pattern, unit in _unit_patterns(language):
        line = _with_unit(line, pattern, unit, language)
    return line


def _price(found: re.Match[str], language: str) -> str:
    written, mark = found["first"] or found["last"], found["before"] or found["after"]
    code = _SYMBOLS.get(mark, mark)
    amount = parsed(written, language)
    if found["scale"]:
        return (
            f"{_counted(amount, '', language)}{found['scale']} {_currency(mark, code, 2, language)}"
        )
    if language in _DECIMAL_PRICES:
        # They are said without the zero at their end.
        amount = amount.normalize() if isinstance(amount, Decimal) else amount
        return _counted(amount, _currency(mark, code, 2, language), language)
    whole, cents = int(amount), int(amount % 1 * 100)
    if amount * 100 % 1:
        return _counted(amount, _currency(mark, code, 2, language), language)
    spoken = [_counted(whole, _currency(mark, code, whole, language), language)]
    if not cents:
        return spoken[0]
    words = words_of(language)
    names = words.cents.get(code) if language in WORDS else None
    if names is None:
        return f"{spoken[0]} {_counted(cents, '', language)}"
    if not whole:
        spoken.clear()
    spoken.append(_counted(cents, names[cents != 1], language))
    return words.and_cents.join(spoken)


def _currency(mark: str, code: str, count: int, language: str) -> str:
    """What it is called: shortly by its symbol, in full by its code."""
    short = words_of(language).currencies.get(mark) if language in WORDS else None
    if short is None:
        return get_currency_name(code, count, locale_of(language))
    return short[count == 1]


def _counted(number: int | Decimal, noun: str, language: str) -> str:
    """A number and what it counts, in the gender that this has."""
    # German puts the noun last, Romance languages first: `Norwegische Krone`, `corona noruega`.
    counted = (noun.split() or [""])[-1 if language == "de" else 0]
    said = in_words(number, language, gender_of(counted, language) if noun else "cardinal")
    if said is None:
        said = format_decimal(number, locale=locale_of(language))
    return f"{said}{noun}" if language in ("zh", "ja") else f"{said} {noun}".strip()


def _with_unit(line: str, pattern: re.Pattern[str], unit: str, language: str) -> str:
    return pattern.sub(lambda found: _measured(found, unit, language), line)


def _measured(found: re.Match[str], unit: str, language: str) -> str:
    number = parsed(found["number"], language)
    number = -number if found["sign"] else number
    if unit in words_of(language).units.values():
        return _counted(number, unit, language)
    if unit == _OF_HUNDRED and language in ("zh", "ar"):
        said = in_words(number, language)
        return f"百分之{said}" if language == "zh" else f"{said} بالمئة"
    written = format_decimal(number, locale=locale_of(language))
    phrase = format_unit(number, unit, "long", locale=locale_of(language)).replace("\u00a0", " ")
    if written not in phrase:
        return phrase  # `ساعتان`: two hours are one word
    noun = phrase.replace(written, "").strip().split()[0]
    said = in_words(number, language, gender_of(noun, language))
    return phrase if said is None else phrase.replace(written, said)


@cache
def _unit_patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The longest first: `km/h` before `km`. Each with CLDR's unit, or with its name."""
    locale = locale_of(language)
    named = {mark: unit for mark, unit in _UNITS.items() if _knows(locale, unit)}
    named |= words_of(language).units
    found = sorted(named.items(), key=lambda item: -len(item[0]))
    return tuple((re.compile(rf"{_SIGNED}{re.escape(mark)}{_END}"), unit) for mark, unit in found)


def _knows(locale: Locale, unit: str) -> bool:
    try:
        format_unit(1, unit, "long", locale=locale)
    except UnknownUnitError:
        return False
    return True
