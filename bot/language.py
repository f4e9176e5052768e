"""Which language a customer writes in."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

_SURE = 0.5
"""Probability from which the words decide. Two words or a product's name rarely reach it; then the
language of the channel, or of what was said before, stays."""


def language_of(text: str, otherwise: str) -> str:
    """The language of `text` as an ISO 639-1 code, or `otherwise` where the words do not tell."""
    if not text.strip():
        return otherwise
    language, probability = _identifier().classify(text)
    return str(language) if probability >= _SURE else otherwise


def primary(locale: str) -> str:
    """`de` of `de-AT` (RFC 5646); empty for an empty tag."""
    return locale.replace("_", "-").partition("-")[0].lower()


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def warm_up() -> None:
    """Load the model (0.7 s), so that the first customer does not wait for it."""
    _identifier()
