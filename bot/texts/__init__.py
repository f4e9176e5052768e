"""Every sentence that a customer may read from the desk itself, in each language that it speaks.

A sentence has a code (`upload_too_large`) and gaps (`{limit_mb}`); there is a YAML file for each
language, and all files hold the same codes with the same gaps.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

FALLBACK = "en"

_FOLDER = Path(__file__).parent
_GROUPING = {"en": ",", "zh": ",", "es": ".", "de": ".", "ar": ","}
_DECIMAL = {"en": ".", "zh": ".", "es": ",", "de": ",", "ar": "."}


@cache
def languages() -> tuple[str, ...]:
    """ISO 639-1 codes of the languages that there are sentences in, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def say(code: str, locale: str, **params: str | int | float) -> str:
    """The sentence `code` in the language of `locale` (`de-AT`, `de`), its gaps filled.

    Numbers are written as that language writes them. English where there are no sentences in that
    language. Raises `KeyError` for an unknown code or a gap without a value.
    """
    language = _language_of(locale)
    filled = {
        name: value if isinstance(value, str) else _number(value, language)
        for name, value in params.items()
    }
    return sentences(language)[code].format_map(filled)


@cache
def sentences(language: str) -> Mapping[str, str]:
    """Code → sentence with its gaps, of one of `languages()`."""
    text = (_FOLDER / f"{language}.yaml").read_text("utf-8")
    loaded: dict[str, str] = yaml.safe_load(text)
    return loaded


def _language_of(locale: str) -> str:
    language = locale.replace("_", "-").partition("-")[0].lower()
    return language if language in languages() else FALLBACK


def _number(value: float, language: str) -> str:
    """At most one decimal; thousands grouped from five digits on, as Spanish wants it and the
    others allow it."""
    rounded = round(value, 1)
    whole = int(rounded)
    grouped = f"{whole:,}" if abs(whole) >= 10_000 else str(whole)
    tenths = round(abs(rounded - whole) * 10)
    decimals = f"{_DECIMAL[language]}{tenths}" if tenths else ""
    return grouped.replace(",", _GROUPING[language]) + decimals
