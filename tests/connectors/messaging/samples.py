"""What customers send: a voice note and a screenshot, made on the spot."""

from functools import cache

from models.audio import decode, encode_ogg_opus
from models.espeak import Espeak
from tests.connectors.messaging.site import made
from tests.models.media import picture, recording, screenshot

SPOKEN = "Where is my order?"
SHOWN = "Payment declined (code 51)"
_TAKES = 20


@cache
def voice_note(media_type: str = "audio/ogg") -> bytes:
    """`SPOKEN`, in a format of `tests.models.media.SOUND_FORMATS`.

    espeak says it a little differently each time, and not every take is understood: the first that
    is.
    """
    transcriber = made("TRANSCRIBERS", "moonshine")
    for _ in range(_TAKES):
        [speech] = Espeak().synthesize(SPOKEN, "en")
        note = recording(media_type, decode(encode_ogg_opus(speech), limit_s=60))
        if transcriber.transcribe(decode(note, limit_s=60)).text == SPOKEN:
            return note
    raise AssertionError(f"none of {_TAKES} takes was understood")


@cache
def shown(media_type: str = "image/jpeg") -> bytes:
    """A screenshot that says `SHOWN`."""
    return picture(media_type, screenshot(SHOWN, "Please check your card details."))
