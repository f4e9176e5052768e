"""What marks, currencies and short forms are called. English where a language has no table."""

from collections.abc import Mapping
from typing import NamedTuple


class Words(NamedTuple):
    """The words of one language."""

    dot: str
    at: str
    slash: str
    dash: str
    underscore: str
    plus: str
    ampersand: str
    times: str
    """Between two measures: `1280×720`."""
    to: str
    """Between the ends of a range, with its spaces."""
    currencies: Mapping[str, tuple[str, str]]
    """Of symbols that are called shorter than the currency's whole name: several and one."""
    cents: Mapping[str, tuple[str, str]]
    """ISO 4217 code → one and several of its hundredth part."""
    and_cents: str
    """Between a price's whole part and its cents, with its spaces."""
    units: Mapping[str, str]
    """Those that CLDR has no name for."""
    abbreviations: Mapping[str, str]
    before_numbers: Mapping[str, str]
    """Short forms that are words by themselves, and mean something else before a number."""
    codes_after: str
    """Words, as an alternation of a regular expression, after which a number is a name."""
    years_after: str
    """Words, as an alternation of a regular expression, that a year follows."""


WORDS: Mapping[str, Words] = {
    "en": Words(
        dot="dot", at="at", slash="slash", dash="dash", underscore="underscore", plus="plus",
        ampersand="and", times="by", to=" to ",
        currencies={"$": ("dollars", "dollar"), "£": ("pounds", "pound"), "€": ("euros", "euro")},
        cents={"EUR": ("cent", "cents"), "USD": ("cent", "cents"), "GBP": ("penny", "pence"),
               "CAD": ("cent", "cents"), "AUD": ("cent", "cents")},
        and_cents=" and ",
        units={"Wh": "watt hours", "mAh": "milliampere hours"},
        abbreviations={
            "e.g.": "for example", "i.e.": "that is", "etc.": "and so on", "approx.": "about",
            "incl.": "including", "excl.": "excluding", "vs.": "versus", "Mr.": "mister",
            "Mrs.": "missis", "Ms.": "miz", "Dr.": "doctor", "dept.": "department",
            "tel.": "telephone", "max.": "at most", "min.": "at least", "w/o": "without",
            "24/7": "twenty-four seven",
        },
        before_numbers={"no.": "number", "p.": "page", "v.": "version"},
        codes_after=r"(?:order|invoice|ticket|case|booking|tracking|customer|article)"
        r"(?: number| no\.?| id)?|code",
        years_after="in|since|until|till|from|of|by|before|after|year|early|late|summer|winter",
    ),
    "de": Words(
        dot="Punkt", at="ät", slash="Schrägstrich", dash="Bindestrich", underscore="Unterstrich",
        plus="plus", ampersand="und", times="mal", to=" bis ",
        currencies={"$": ("Dollar", "Dollar"), "£": ("Pfund", "Pfund"), "€": ("Euro", "Euro")},
        cents={"EUR": ("Cent", "Cent"), "USD": ("Cent", "Cent"), "CHF": ("Rappen", "Rappen"),
               "GBP": ("Penny", "Pence")},
        and_cents=" und ",
        units={"Wh": "Wattstunden", "mAh": "Milliamperestunden"},
        abbreviations={
            "z. B.": "zum Beispiel", "z.B.": "zum Beispiel", "d. h.": "das heißt",
            "d.h.": "das heißt", "u. a.": "unter anderem", "u.a.": "unter anderem",
            "usw.": "und so weiter", "ca.": "etwa", "inkl.": "inklusive", "zzgl.": "zuzüglich",
            "bzw.": "beziehungsweise", "ggf.": "gegebenenfalls", "evtl.": "eventuell",
            "vgl.": "vergleiche", "Dr.": "Doktor", "Hr.": "Herr", "Tel.": "Telefon",
            "max.": "höchstens", "min.": "mindestens", "MwSt.": "Mehrwertsteuer",
            "24/7": "rund um die Uhr",
        },
        before_numbers={"Nr.": "Nummer", "S.": "Seite", "Abs.": "Absatz"},
        codes_after=r"(?:Bestell|Rechnungs|Kunden|Auftrags|Ticket|Artikel|Sendungs)nummer|Bestellung|Rechnung|Ticket|Code",
        years_after="seit|ab|bis|von|vor|nach|Jahr|Jahre|Anfang|Ende|Mitte|Sommer|Winter",
    ),
    "es": Words(
        dot="punto", at="arroba", slash="barra", dash="guion", underscore="guion bajo", plus="más",
        ampersand="y", times="por", to=" a ",
        currencies={"$": ("dólares", "dólar"), "£": ("libras", "libra"), "€": ("euros", "euro")},
        cents={"EUR": ("céntimo", "céntimos"), "USD": ("centavo", "centavos"),
               "MXN": ("centavo", "centavos"), "GBP": ("penique", "peniques")},
        and_cents=" con ",
        units={"Wh": "vatios hora", "mAh": "miliamperios hora"},
        abbreviations={
            "p. ej.": "por ejemplo", "etc.": "etcétera", "aprox.": "aproximadamente",
            "Sr.": "señor", "Sra.": "señora", "Dr.": "doctor", "Dra.": "doctora", "Ud.": "usted",
            "Uds.": "ustedes", "EE. UU.": "Estados Unidos", "tel.": "teléfono",
            "máx.": "como máximo", "mín.": "como mínimo", "24/7": "las veinticuatro horas",
        },
        before_numbers={"n.º": "número", "núm.": "número", "pág.": "página"},
        codes_after=r"(?:pedido|factura|reserva|cliente|envío)(?: número)?|código",
        years_after="en|desde|hasta|año|de|del",
    ),
    "zh": Words(
        dot="点", at="艾特", slash="斜杠", dash="杠", underscore="下划线", plus="加",
        ampersand="和", times="乘", to="到",
        currencies={"$": ("美元", "美元"), "¥": ("元", "元"), "元": ("元", "元")},
        cents={}, and_cents="",
        units={"Wh": "瓦时", "mAh": "毫安时"},
        abbreviations={"24/7": "全天候"}, before_numbers={},
        codes_after="订单号?|单号|编号|客户号|代码", years_after="",
    ),
    "ar": Words(
        dot="نقطة", at="آت", slash="شرطة مائلة", dash="شرطة", underscore="شرطة سفلية", plus="زائد",
        ampersand="و", times="في", to=" إلى ",
        currencies={"$": ("دولار", "دولار"), "£": ("جنيه", "جنيه")},
        cents={"EUR": ("سنت", "سنت"), "USD": ("سنت", "سنت"), "SAR": ("هللة", "هللة"),
               "AED": ("فلس", "فلس"), "EGP": ("قرش", "قرش")},
        and_cents=" و",
        units={"Wh": "واط ساعة", "mAh": "ملي أمبير ساعة"},
        abbreviations={"24/7": "على مدار الساعة"},
        before_numbers={}, codes_after=r"(?:الطلب|طلب|الفاتورة|فاتورة|الرمز)(?: رقم)?",
        years_after="عام|سنة",
    ),
}  # fmt: skip


def words_of(language: str) -> Words:
    """`language`: its ISO 639-1 code."""
    return WORDS.get(language, WORDS["en"])
