"""Which language a customer writes in."""

import re
from collections.abc import Collection
from functools import cache, lru_cache

from babel import localedata
from py3langid.langid import MODEL_FILE, LanguageIdentifier

_SURE = 0.5
"""Probability from which the words decide. Two words or a product's name rarely reach it; then the
language of the channel, or of what was said before, stays."""
_GUESSED = 0.1
_NEAR_BEST = 0.7
"""In proportion to the likeliest of all languages."""
_CODE = re.compile("[a-z]{2,3}")
_WRITTEN_LIKE = {"wuu": "zh", "yue": "zh", "pcm": "en", "arz": "ar", "nn": "no", "nb": "no"}
"""What a few words cannot be told from, and is answered in."""


def language_of(text: str, otherwise: str, likely: Collection[str] = ()) -> str:
    """The language of `text` as an ISO 639-1 code, or `otherwise` where the words do not tell.

    Of the `likely` languages one is taken on fewer signs: "Wann kommt mein Paket?" might be in
    several, but a desk that speaks German knows which.
    """
    if not text.strip():
        return otherwise
    chances: dict[str, float] = {}
    for found, probability in _identifier().rank(text):
        language = _WRITTEN_LIKE.get(found, found)
        chances[language] = chances.get(language, 0.0) + float(probability)
    best = max(chances, key=chances.__getitem__)
    if chances[best] >= _SURE:
        return best
    guessed = max(likely, key=lambda each: chances.get(each, 0.0), default="")
    least = max(_GUESSED, _NEAR_BEST * chances[best])
    return guessed if guessed and chances.get(guessed, 0.0) >= least else otherwise


def primary(locale: str) -> str:
    """`de` of `de-AT` (RFC 5646); empty for an empty tag."""
    return locale.replace("_", "-").partition("-")[0].lower()


@lru_cache(maxsize=1_000)
def reported(locale: str) -> str:
    """`de` of `de-AT`, which a customer's device says; empty where CLDR knows no such language. It
    may say anything, and what is made for a language is kept for as long as the desk runs."""
    language = primary(locale)
    known = _CODE.fullmatch(language) and localedata.exists(language)
    return language if known else ""


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def warm_up() -> None:
    """Load the model (0.7 s), so that the first customer does not wait for it."""
    _identifier()
