"""Whether what a caller says while the desk speaks is to stop it. Pure.

Half a second of voice holds a word, and most of what listeners let out while another speaks is that
short. It is also what transcribers get wrong most: of a hum they write the word that is nearest. So
a single word in a short voice counts only where people stop each other with it, and a voice without
words only where it was long.
"""

import re

from bot.calls.endpointing import wants_turn
from bot.language import primary

SHORT_S = 0.6
"""Of voice, in which nobody says a sentence."""
LONG_S = 0.9
"""Of voice, from which somebody wants to speak, though it was not understood."""
_WORD = re.compile(r"[^\W\d_]{2,}|\d+")
_STOPS = {
    "en": "stop wait hold no nope hello help what sorry pardon excuse question "
    "person human agent operator representative",
    "de": "stopp stop halt warte warten moment nein hallo hilfe was bitte entschuldigung "
    "verzeihung frage mensch mitarbeiter",
    "es": "para pare espera espere alto no hola ayuda qué cómo perdón perdone disculpe pregunta "
    "momento persona agente",
}
"""Single words that stop who is speaking. In languages that are not here, any word does."""


def interrupts(text: str, locale: str, voice_s: float) -> bool:
    """`text`: what was heard; empty where there were no words in it. `voice_s`: how long the voice
    was."""
    words = _WORD.findall(text.lower())
    if not words:
        return not text.strip() and voice_s >= LONG_S
    if not wants_turn(text, locale):
        return False
    stops = _STOPS.get(primary(locale))
    if stops is None or len(words) > 1 or voice_s >= SHORT_S:
        return True
    return words[0] in stops.split()
