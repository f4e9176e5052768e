"""Answers by voice: made speakable, spoken sentence by sentence, and kept as files that every
browser plays."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing

import numpy as np

from bot.errors import Unavailable
from bot.media import MediaStore
from bot.messages import Attachment, AttachmentKind
from bot.speakable import speakable
from bot.texts import say
from models.audio import MP3_RATE_HZ, decode, encode_m4a, encode_mp3, encode_ogg_opus
from models.errors import ModelError
from models.synthesizer import LanguageUnspoken, Speech, Synthesizer

log = logging.getLogger(__name__)

LONGEST_S = 60.0
"""An answer that takes longer to say is cut at a sentence; its text is whole."""
GIVE_UP_S = 60.0
"""An answer whose speech takes longer to make goes out as text alone."""
PAUSE_S = 0.25
"""Silence between sentences, which engines that speak them one by one leave out."""
_AT_ONCE = 16
"""Answers that are spoken at the same time; more wait. A thread each, which mostly sleeps where a
server speaks."""


class Speaker:
    """Speaks answers, and keeps them in the media store. Belongs to one event loop; close it."""

    def __init__(
        self, synthesizer: Synthesizer, media: MediaStore, *, give_up_s: float = GIVE_UP_S
    ) -> None:
        self._synthesizer = synthesizer
        self._media = media
        self._give_up_s = give_up_s
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="speaker")

    def close(self) -> None:
        """Start no sentence any more. One that is being made is finished and dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def stream(
        self, markdown: str, language: str, listener: str = ""
    ) -> AsyncGenerator[Speech]:
        """The answer's sentences, each as soon as it is made, while the next is being made. One
        `listener` hears one voice, whatever else is spoken meanwhile.

        Whoever stops early closes it (`contextlib.aclosing`) or is cancelled: no further sentence
        is begun then. Raises `LanguageUnspoken`, and `Unavailable` where the engine fails.
        """
        made = self._made(markdown, language, listener)
        ahead = self._threads.submit(next, made, None)
        try:
            while (speech := await _result(ahead)) is not None:
                ahead = self._threads.submit(next, made, None)
                yield speech
        finally:
            # At once, or in its thread when the sentence is finished that nobody waits for.
            ahead.cancel()
            ahead.add_done_callback(lambda _: made.close())

    async def speak(
        self, markdown: str, language: str, listener: str = ""
    ) -> tuple[Attachment, ...]:
        """The same speech as OGG/Opus and as M4A/AAC, in this order. Nothing where the engine has
        no voice for the language, where there is nothing to say, or where it cannot be said now:
        the reason is logged, and the answer's text is enough."""
        return await self.keep(self.stream(markdown, language, listener), language, listener)

    def begin(self, language: str, listener: str = "") -> "Spoken":
        """Speak an answer while it grows. To be closed."""
        return Spoken(self, language, listener)

    async def keep(
        self, sentences: AsyncGenerator[Speech], language: str, listener: str
    ) -> tuple[Attachment, ...]:
        """What `stream` gives, as one speech; see `speak`."""
        try:
            async with asyncio.timeout(self._give_up_s):
                speech = await self._whole(sentences, language, listener)
                if speech is None:
                    return ()
                ogg, m4a = await asyncio.to_thread(_encoded, speech)
            return (
                await self._put(ogg, "audio/ogg; codecs=opus", "answer.ogg", speech.duration_s),
                await self._put(m4a, "audio/mp4", "answer.m4a", speech.duration_s),
            )
        except LanguageUnspoken as error:
            log.warning("speech.no_voice", extra={"language": error.language})
        except Unavailable as error:
            log.error("speech.failed", extra={"reason": str(error)})
        except TimeoutError:
            log.error("speech.failed", extra={"reason": f"not made in {self._give_up_s:g} s"})
        return ()

    def _made(self, markdown: str, language: str, listener: str) -> Generator[Speech]:
        # Nothing of this happens before its first sentence is asked for, in a thread.
        text = speakable(markdown, language)
        yield from self._synthesizer.synthesize(text, language, listener)

    async def _whole(
        self, sentences: AsyncGenerator[Speech], language: str, listener: str
    ) -> Speech | None:
        """All sentences, up to `LONGEST_S`; then a hint that the text has the rest."""
        pieces: list[Speech] = []
        cut = False
        async with aclosing(sentences):
            async for piece in sentences:
                spoken_s = sum(each.duration_s for each in pieces)
                cut = bool(pieces) and spoken_s + piece.duration_s > LONGEST_S
                if cut:
                    break
                pieces.append(piece)
        if cut:
            rest = say("speech_rest", language)
            pieces += [piece async for piece in self.stream(rest, language, listener)]
        return joined(pieces)

    async def _put(self, data: bytes, media_type: str, name: str, duration_s: float) -> Attachment:
        return await self._media.put(
            data,
            kind=AttachmentKind.AUDIO,
            media_type=media_type,
            name=name,
            duration_s=round(duration_s, 2),
        )


class Spoken:
    """An answer that is spoken while it grows, each sentence as soon as it stands."""

    def __init__(self, speaker: Speaker, language: str, listener: str) -> None:
        self._speaker = speaker
        self._language = language
        self._listener = listener
        self._text = ""
        self._waiting: deque[str] = deque()
        self._pieces: list[Speech] = []
        self._work: asyncio.Task[None] | None = None

    def add(self, sentence: str) -> None:
        """The next sentence, as Markdown with what parts it from the one after it."""
        self._text += sentence
        self._waiting.append(sentence)
        if self._work is None or (self._work.done() and not self._failed()):
            self._work = asyncio.create_task(self._speak_on(), name="speaking")

    async def finish(self, markdown: str) -> tuple[Attachment, ...]:
        """The speech of the whole answer, as `Speaker.speak` gives it. Where the answer has become
        another one than was spoken, it is spoken anew."""
        if self._text.strip() != markdown.strip():
            self.close()
            return await self._speaker.speak(markdown, self._language, self._listener)
        return await self._speaker.keep(self._spoken(), self._language, self._listener)

    def close(self) -> None:
        """Nobody will hear it."""
        self._waiting.clear()
        if self._work and not self._failed():
            self._work.cancel()

    def _failed(self) -> bool:
        work = self._work
        return bool(work and work.done() and not work.cancelled() and work.exception())

    async def _spoken(self) -> AsyncGenerator[Speech]:
        if self._work:
            await self._work
        for piece in self._pieces:
            yield piece

    async def _speak_on(self) -> None:
        while self._waiting:
            sentence = self._waiting.popleft()
            stream = self._speaker.stream(sentence, self._language, self._listener)
            async with aclosing(stream):
                self._pieces += [piece async for piece in stream]


async def _result(ahead: "Future[Speech | None]") -> Speech | None:
    try:
        return await asyncio.wrap_future(ahead)
    except LanguageUnspoken:
        raise
    except ModelError as error:
        raise Unavailable(str(error).partition("\n")[0]) from error
    except Exception as error:
        # What a library says of itself may quote the answer: its kind is enough for the log.
        raise Unavailable(f"the synthesizer failed with {type(error).__name__}") from error


def joined(pieces: Sequence[Speech]) -> Speech | None:
    """Several pieces as one, with silence after each sentence; None for none."""
    if not pieces:
        return None
    rate_hz = pieces[0].sample_rate_hz
    pause = np.zeros(int(PAUSE_S * rate_hz), np.float32)
    parts = [
        part
        for piece in pieces
        for part in ((piece.samples, pause) if piece.ends else (piece.samples,))
    ]
    return Speech(
        np.concatenate(parts), rate_hz, " ".join(piece.text for piece in pieces if piece.ends)
    )


def _encoded(speech: Speech) -> tuple[bytes, bytes]:
    return encode_ogg_opus(speech), encode_m4a(speech)


def as_mp3(recording: bytes) -> bytes:
    """A spoken answer in another format. Made on demand, for the apps that play nothing else.

    Raises `MediaError`.
    """
    # The hint at a cut answer's end comes on top.
    samples = decode(recording, limit_s=2 * LONGEST_S, sample_rate_hz=MP3_RATE_HZ)
    return encode_mp3(Speech(samples, MP3_RATE_HZ))
