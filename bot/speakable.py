"""Markdown to words that can be spoken: no marks, no addresses, codes letter by letter.

A pure function. Plain numbers are left to the synthesizer, which knows each language's; what it
would read wrongly is spelled out here: order numbers, codes, prices, units, web and mail addresses.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

_markdown = MarkdownIt("commonmark").enable("table")


class _Words(NamedTuple):
    """What marks are called in one language."""

    dot: str
    at: str
    slash: str
    dash: str
    underscore: str
    percent: str
    units: Mapping[str, str]
    abbreviations: Mapping[str, str]


_WORDS: Mapping[str, _Words] = {
    "en": _Words(
        "dot", "at", "slash", "dash", "underscore", "percent",
        {"€": "euros", "£": "pounds", "$": "dollars", "CHF": "Swiss francs",
         "NOK": "Norwegian kroner", "kg": "kilograms", "g": "grams", "km": "kilometres",
         "cm": "centimetres", "mm": "millimetres", "GB": "gigabytes", "MB": "megabytes",
         "kB": "kilobytes", "W": "watts", "Wh": "watt hours", "mAh": "milliampere hours",
         "V": "volts", "GHz": "gigahertz", "°C": "degrees Celsius", "min": "minutes", "h": "hours"},
        {"e.g.": "for example", "i.e.": "that is", "etc.": "and so on", "approx.": "about",
         "no.": "number", "incl.": "including", "excl.": "excluding", "vs.": "versus"},
    ),
    "de": _Words(
        "Punkt", "ät", "Schrägstrich", "Bindestrich", "Unterstrich", "Prozent",
        {"€": "Euro", "£": "Pfund", "$": "Dollar", "CHF": "Schweizer Franken",
         "NOK": "norwegische Kronen", "kg": "Kilogramm", "g": "Gramm", "km": "Kilometer",
         "cm": "Zentimeter", "mm": "Millimeter", "GB": "Gigabyte", "MB": "Megabyte",
         "kB": "Kilobyte", "W": "Watt", "Wh": "Wattstunden", "mAh": "Milliamperestunden",
         "V": "Volt", "GHz": "Gigahertz", "°C": "Grad Celsius", "min": "Minuten", "h": "Stunden"},
        {"z. B.": "zum Beispiel", "z.B.": "zum Beispiel", "d. h.": "das heißt",
         "usw.": "und so weiter", "ca.": "etwa", "Nr.": "Nummer",
         "inkl.": "inklusive", "bzw.": "beziehungsweise"},
    ),
    "es": _Words(
        "punto", "arroba", "barra", "guion", "guion bajo", "por ciento",
        {"€": "euros", "£": "libras", "$": "dólares", "CHF": "francos suizos",
         "NOK": "coronas noruegas", "kg": "kilos", "g": "gramos", "km": "kilómetros",
         "cm": "centímetros", "mm": "milímetros", "GB": "gigabytes", "MB": "megabytes",
         "kB": "kilobytes", "W": "vatios", "Wh": "vatios hora", "mAh": "miliamperios hora",
         "V": "voltios", "GHz": "gigahercios", "°C": "grados Celsius", "min": "minutos",
         "h": "horas"},
        {"p. ej.": "por ejemplo", "etc.": "etcétera", "aprox.": "aproximadamente", "n.º": "número",
         "Sr.": "señor", "Sra.": "señora"},
    ),
    "zh": _Words(
        "点", "艾特", "斜杠", "杠", "下划线", "百分之",
        {"€": "欧元", "£": "英镑", "$": "美元", "CHF": "瑞士法郎", "NOK": "挪威克朗", "kg": "公斤",
         "g": "克", "km": "公里", "cm": "厘米", "mm": "毫米", "GB": "吉字节", "MB": "兆字节",
         "W": "瓦", "V": "伏", "min": "分钟", "h": "小时"},
        {},
    ),
    "ar": _Words(
        "نقطة", "آت", "شرطة مائلة", "شرطة", "شرطة سفلية", "بالمئة",
        {"€": "يورو", "£": "جنيه", "$": "دولار", "kg": "كيلوغرام", "g": "غرام", "km": "كيلومتر",
         "cm": "سنتيمتر", "mm": "مليمتر", "GB": "غيغابايت", "MB": "ميغابايت", "W": "واط",
         "V": "فولت", "min": "دقيقة", "h": "ساعة"},
        {},
    ),
}  # fmt: skip

_URL = re.compile(r"(?:https?://|www\.)[^\s<>()\[\]]+", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CODE = re.compile(r"(?<![\w.,])(?=[\w-]*\d)(?:[A-Z]{1,4}-?\d[\dA-Z-]*|\d{6,})(?![\w%])")
"""Order numbers and error codes: `VT-482137`, `E-104`, or a run of six digits and more."""
_PRICE = re.compile(r"([€£$])\s?(\d[\d.,]*\d|\d)")
_PERCENT = re.compile(r"(\d[\d.,]*)\s?%")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d\U0001f1e6-\U0001f1ff\u2190-\u21ff]+"
)
_MARKS = re.compile(r"[*_`#~|<>\[\]{}\\^=]+")
_PAUSED_LINE = re.compile(r"[.!?…:;,。！？؟،]$")
_RANGE = re.compile(r"(?<=\d)\s?[–—]\s?(?=\d)")
_TO = {"en": " to ", "de": " bis ", "es": " a ", "zh": "到", "ar": " إلى "}


def speakable(markdown: str, language: str) -> str:
    """The words of a Markdown text, a line for each paragraph, list item or table row.

    `language`: a BCP 47 tag; marks are named in English where their names are not known.
    """
    primary = language.replace("_", "-").partition("-")[0].lower()
    words = _WORDS.get(primary, _WORDS["en"])
    lines = (_spoken(line, words, primary) for line in _lines(_markdown.parse(markdown)))
    return "\n".join(_with_pause(line) for line in lines if re.search(r"\w", line))


def _lines(tokens: list[Token]) -> Iterator[str]:
    """The text of each block; a table's cells joined by commas, row by row."""
    cells: list[str] = []
    in_table = False
    for token in tokens:
        match token.type:
            case "table_open" | "table_close":
                in_table = token.type == "table_open"
            case "tr_close":
                yield ", ".join(cell for cell in cells if cell)
                cells = []
            case "inline" if in_table:
                cells.append(_inline(token))
            case "inline":
                yield from _inline(token).split("\n")
            case "fence" | "code_block":
                yield from token.content.split("\n")


def _inline(token: Token) -> str:
    parts: list[str] = []
    for child in token.children or ():
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" " if child.type == "softbreak" else "\n")
    return "".join(parts)


def _spoken(line: str, words: _Words, language: str) -> str:
    line = _URL.sub(lambda found: _address(_host(found.group()), words), line)
    line = _EMAIL.sub(lambda found: _address(found.group(), words), line)
    for short, whole in words.abbreviations.items():
        line = re.sub(rf"(?<!\w){re.escape(short)}", whole, line)
    line = _PRICE.sub(lambda found: f"{found[2]} {words.units.get(found[1], found[1])}", line)
    line = _units(line, words)
    line = _CODE.sub(lambda found: _spelled(found.group()), line)
    line = _RANGE.sub(_TO.get(language, " – "), line)
    percent = rf"{words.percent}\1" if language == "zh" else rf"\1 {words.percent}"
    line = _PERCENT.sub(percent, line)
    line = _MARKS.sub(" ", _EMOJI.sub(" ", line))
    return " ".join(line.split())


def _host(url: str) -> str:
    """`voltaro.example` of `https://www.voltaro.example/returns?x=1`: the rest is in the text."""
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", url, flags=re.IGNORECASE).split("/")[0]


def _address(address: str, words: _Words) -> str:
    names = {".": words.dot, "@": words.at, "-": words.dash, "_": words.underscore}
    spelled = re.sub(r"[.@_-]", lambda mark: f" {names[mark.group()]} ", address.strip(".,;:!?"))
    return re.sub(r"[^\w\s]", " ", spelled)


def _units(line: str, words: _Words) -> str:
    for unit, name in words.units.items():
        line = re.sub(rf"(\d)\s?{re.escape(unit)}(?!\w)", rf"\1 {name}", line)
    return line


def _spelled(code: str) -> str:
    """Letters and digits one by one, with a breath where the code has a hyphen."""
    return ", ".join(" ".join(part) for part in code.split("-") if part)


def _with_pause(line: str) -> str:
    """A line ends like a sentence, so that the voice falls and pauses."""
    return line if _PAUSED_LINE.search(line) else f"{line}."
