"""Answers by voice: made speakable, spoken, and kept as files that every browser plays."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Iterator

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

    def begin(self, language: str) -> "Spoken":
        """Speak an answer while it grows. To be closed."""
        return Spoken(self, language)

    async def speak(self, markdown: str, language: str) -> tuple[Attachment, ...]:
        """The same speech as OGG/Opus and as M4A/AAC, in this order; nothing where the engine has
        no voice for the language, or there is nothing to say. Raises `Unavailable`."""
        return await self.keep(self.sentences(markdown, language), language)

    def sentences(self, markdown: str, language: str) -> Iterator[Speech]:
        """An answer's sentences, each spoken when it is asked for; none where the engine has no
        voice for the language."""
        try:
            yield from self._synthesizer.synthesize(speakable(markdown, language), language)
        except LanguageUnspoken as error:
            log.warning("speech.no_voice", extra={"language": error.language})

    async def keep(self, sentences: Iterable[Speech], language: str) -> tuple[Attachment, ...]:
        """Sentences as one speech; see `speak`. Raises `Unavailable`."""
        made = await asyncio.to_thread(self._make, sentences, language)
        if made is None:
            return ()
        speech, ogg, m4a = made
        return (
            await self._store(ogg, "audio/ogg; codecs=opus", "answer.ogg", speech.duration_s),
            await self._store(m4a, "audio/mp4", "answer.m4a", speech.duration_s),
        )

    def _make(
        self, sentences: Iterable[Speech], language: str
    ) -> tuple[Speech, bytes, bytes] | None:
        speech = self._joined(sentences, language)
        if speech is None:
            return None
        return speech, encode_ogg_opus(speech), encode_m4a(speech)

    def _joined(self, sentences: Iterable[Speech], language: str) -> Speech | None:
        """All sentences, up to `LONGEST_S`; then a hint that the text has the rest."""
        pieces: list[Speech] = []
        spoken_s = 0.0
        for speech in sentences:
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

    async def _store(
        self, data: bytes, media_type: str, name: str, duration_s: float
    ) -> Attachment:
        return await self._media.put(
            data,
            kind=AttachmentKind.AUDIO,
            media_type=media_type,
            name=name,
            duration_s=round(duration_s, 2),
        )


class Spoken:
    """An answer that is spoken while it grows, each sentence as soon as it stands."""

    def __init__(self, speaker: Speaker, language: str) -> None:
        self._speaker = speaker
        self._language = language
        self._text = ""
        self._waiting: deque[str] = deque()
        self._pieces: list[Speech] = []
        self._work: asyncio.Task[None] | None = None

    def add(self, sentence: str) -> None:
        """The next sentence, as Markdown with what parts it from the one after it."""
        self._text += sentence
        self._waiting.append(sentence)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._speak_on(), name="speaking")

    async def finish(self, markdown: str) -> tuple[Attachment, ...]:
        """The speech of the whole answer, as `Speaker.speak` gives it. Where the answer has become
        another one than was spoken, it is spoken anew. Raises `Unavailable`."""
        if self._text.strip() != markdown.strip():
            self.close()
            return await self._speaker.speak(markdown, self._language)
        if self._work:
            await self._work
        return await self._speaker.keep(self._pieces, self._language)

    def close(self) -> None:
        """Nobody will hear it."""
        self._waiting.clear()
        if self._work:
            self._work.cancel()

    async def _speak_on(self) -> None:
        while self._waiting:
            sentence = self._waiting.popleft()
            self._pieces += await asyncio.to_thread(self._spoken, sentence)

    def _spoken(self, sentence: str) -> list[Speech]:
        return list(self._speaker.sentences(sentence, self._language))


def as_mp3(recording: bytes) -> bytes:
    """A spoken answer in another format. Made on demand, for the apps that play nothing else.

    Raises `MediaError`.
    """
    # The hint at a cut answer's end comes on top.
    samples = decode(recording, limit_s=2 * LONGEST_S, sample_rate_hz=MP3_RATE_HZ)
    return encode_mp3(Speech(samples, MP3_RATE_HZ))
