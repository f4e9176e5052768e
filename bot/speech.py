"""Answers by voice: made speakable, spoken, and kept as files that every browser plays."""

import asyncio
import logging

import numpy as np

from bot.media import MediaStore
from bot.messages import Attachment, AttachmentKind
from bot.speakable import speakable
from bot.texts import say
from models.audio import MP3_RATE_HZ, decode, encode_m4a, encode_mp3, encode_ogg_opus
from models.synthesizer import LanguageUnspoken, Speech, Synthesizer

log = logging.getLogger(__name__)

LONGEST_S = 60.0
"""An answer that takes longer to say is cut at a sentence; its text is whole."""
_PAUSE_S = 0.25
"""Silence between sentences, which engines that speak them one by one leave out."""


class Speaker:
    """Speaks answers and keeps them in the media store."""

    def __init__(self, synthesizer: Synthesizer, media: MediaStore) -> None:
        self._synthesizer = synthesizer
        self._media = media

    async def speak(self, markdown: str, language: str) -> tuple[Attachment, ...]:
        """The same speech as OGG/Opus and as M4A/AAC, in this order; nothing where the engine has
        no voice for the language, or there is nothing to say. Raises `Unavailable`."""
        made = await asyncio.to_thread(self._make, markdown, language)
        if made is None:
            return ()
        speech, ogg, m4a = made
        return (
            await self._keep(ogg, "audio/ogg; codecs=opus", "answer.ogg", speech.duration_s),
            await self._keep(m4a, "audio/mp4", "answer.m4a", speech.duration_s),
        )

    def _make(self, markdown: str, language: str) -> tuple[Speech, bytes, bytes] | None:
        try:
            speech = self._say(speakable(markdown, language), language)
        except LanguageUnspoken as error:
            log.warning("speech.no_voice", extra={"language": error.language})
            return None
        if speech is None:
            return None
        return speech, encode_ogg_opus(speech), encode_m4a(speech)

    def _say(self, text: str, language: str) -> Speech | None:
        """All sentences, up to `LONGEST_S`; then a hint that the text has the rest."""
        pieces: list[Speech] = []
        spoken_s = 0.0
        for speech in self._synthesizer.synthesize(text, language):
            if pieces and spoken_s + speech.duration_s > LONGEST_S:
                pieces += self._synthesizer.synthesize(say("speech_rest", language), language)
                break
            pieces.append(speech)
            spoken_s += speech.duration_s
        if not pieces:
            return None
        rate_hz = pieces[0].sample_rate_hz
        pause = np.zeros(int(_PAUSE_S * rate_hz), np.float32)
        joined = np.concatenate([part for piece in pieces for part in (piece.samples, pause)])
        return Speech(joined, rate_hz)

    async def _keep(self, data: bytes, media_type: str, name: str, duration_s: float) -> Attachment:
        return await self._media.put(
            data,
            kind=AttachmentKind.AUDIO,
            media_type=media_type,
            name=name,
            duration_s=round(duration_s, 2),
        )


def as_mp3(recording: bytes) -> bytes:
    """A spoken answer in another format. Made on demand, for the apps that play nothing else.

    Raises `MediaError`.
    """
    # The hint at a cut answer's end comes on top.
    samples = decode(recording, limit_s=2 * LONGEST_S, sample_rate_hz=MP3_RATE_HZ)
    return encode_mp3(Speech(samples, MP3_RATE_HZ))
