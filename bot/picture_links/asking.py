"""Whether a caller wants to show something. Pure."""

import re

_NEAR = "[^.?!。？]{0,25}"
_LONGEST = 240
_PATTERNS = (
    # "Can I show you?", "I'd like to send you a photo of it." Not: "can you send me a picture?"
    rf"\b(?:(?:can|could|may|shall|should|do|would)\ i|let\ me|i(?:'d|'ll|'m|\ will|\ would|\ can"
    rf"|\ could|\ want\ to|\ am)|it's\ easier\ to)\b{_NEAR}\b(?:show(?:ing)?\ (?:you|it)\b"
    rf"|(?:send|text)(?:ing)?\b{_NEAR}\b(?:picture|photo|screenshot|image|pic)s?\b)",
    r"\b(?:send|text)\ me\ (?:the|a|that|your)\ link\b",
    rf"\b(?:darf|kann|soll|könnte|will|möchte|würde)\ ich\b{_NEAR}\b(?:zeigen\b"
    rf"|(?:bild|foto|screenshot|bildschirmfoto)\w*\b{_NEAR}\b(?:schicken|senden))",
    rf"\bich\ (?:kann|will|möchte|würde|zeige|schicke)\b{_NEAR}"
    rf"\b(?:zeigen|es\ ihnen|(?:bild|foto|screenshot|bildschirmfoto)\w*)\b",
    r"\bschicken\ sie\ mir\ (?:den|einen)\ link\b",
    rf"\b(?:puedo|podría|quiero|quisiera)\b{_NEAR}\b(?:(?:mostrar|enseñar)(?:le|les|te)"
    rf"|(?:enviar|mandar)\w*\b{_NEAR}\b(?:foto|imagen|captura)\w*)",
    r"\b(?:le|te)\ (?:muestro|enseño)\b|\b(?:envíe|mande|envía|manda)me\ (?:el|un)\ enlace\b",
    r"(?:给|让)(?:你|您)看|(?:我|能|可以).{0,6}(?:发|传).{0,6}(?:图|照片|截图|截屏)",
    r"发.{0,6}链接",
    r"\b(?:أريك|أريكم)\b|\b(?:أرسل|أبعث)\ (?:لك|لكم|إليك|إليكم)?\s?.{0,12}(?:صورة|لقطة)",
    r"(?:أرسل|ارسل|أرسلوا|ابعث)\ (?:لي\ |إلي\ )(?:ال)?رابط",
)
_ASKS = re.compile("|".join(_PATTERNS), re.IGNORECASE | re.VERBOSE)


def wants_to_show(text: str) -> bool:
    """Whether somebody asks to show or send a picture, or for the link to do so."""
    return len(text) <= _LONGEST and bool(_ASKS.search(text.replace("’", "'")))
