"""Spoken answers: as a stream of sentences, as files, and in the formats that apps play."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from bot.errors import Unavailable
from bot.media import MediaStore
from bot.speech import PAUSE_S, Speaker, as_mp3
from models.audio import decode, encode_m4a, encode_ogg_opus
from models.errors import EngineFailed
from models.espeak import Espeak
from models.media_type import sniff
from models.sentences import sentences
from models.synthesizer import LanguageUnspoken, Speech, Voice
from tests.builders import wait_until
from tests.models.media import tone

THREE = "The first comes. The second follows. The third ends it."
SECOND_S = 1.0


class Scripted:
    """Says each sentence as a second of silence, when its turn is let go."""

    def __init__(self, fails_at: int = -1, error: Exception | None = None) -> None:
        self.made: list[str] = []
        self.begun = 0
        self.closed = threading.Event()
        self.turns = threading.Semaphore(0)
        self._fails_at = fails_at
        self._error = error

    def voices(self) -> list[Voice]:
        return [Voice("nobody", "mul")]

    def let_go(self, count: int = 100) -> None:
        self.turns.release(count)

    def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
        try:
            for number, sentence in enumerate(sentences(text)):
                self.begun += 1
                assert self.turns.acquire(timeout=20)
                if number == self._fails_at and self._error:
                    raise self._error
                self.made.append(sentence)
                yield Speech(np.full(int(SECOND_S * 8000), 0.1, np.float32), 8000, sentence)
        finally:
            self.closed.set()


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore(str(tmp_path / "media"))


@pytest.fixture
async def engine(media: MediaStore) -> AsyncIterator[Scripted]:
    engine = Scripted()
    yield engine
    engine.let_go()


async def test_the_first_sentence_is_heard_before_the_second_is_made(
    engine: Scripted, media: MediaStore
) -> None:
    speaker = Speaker(engine, media)
    async with aclosing(speaker.stream(THREE, "en")) as spoken:
        engine.let_go(1)
        assert (await anext(spoken)).text == "The first comes."
        assert engine.made == ["The first comes."]
        engine.let_go()
        assert [speech.text async for speech in spoken] == [
            "The second follows.",
            "The third ends it.",
        ]


async def test_the_next_sentence_is_made_while_one_is_played(
    engine: Scripted, media: MediaStore
) -> None:
    engine.let_go()
    async with aclosing(Speaker(engine, media).stream(THREE, "en")) as spoken:
        await anext(spoken)
        await wait_until(lambda: len(engine.made) == 2)
        await anext(spoken)
        await wait_until(lambda: len(engine.made) == 3)


async def test_only_one_sentence_is_made_ahead(engine: Scripted, media: MediaStore) -> None:
    engine.let_go()
    async with aclosing(Speaker(engine, media).stream(THREE, "en")) as spoken:
        await anext(spoken)
        await wait_until(lambda: len(engine.made) == 2)
    await asyncio.to_thread(engine.closed.wait, 10)
    assert engine.made == ["The first comes.", "The second follows."]


async def test_who_stops_listening_begins_no_further_sentence(
    engine: Scripted, media: MediaStore
) -> None:
    speaker = Speaker(engine, media)

    async def listen() -> None:
        async with aclosing(speaker.stream(THREE, "en")) as spoken:
            async for _ in spoken:
                pass

    listening = asyncio.create_task(listen())
    engine.let_go(1)
    await wait_until(lambda: engine.begun == 2)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    engine.let_go()
    assert await asyncio.to_thread(engine.closed.wait, 10)
    assert len(engine.made) == 2
    assert engine.begun == 2


async def test_the_loop_goes_on_while_a_sentence_is_made(
    engine: Scripted, media: MediaStore
) -> None:
    speaking = asyncio.create_task(Speaker(engine, media).speak("Hello.", "en"))
    await wait_until(lambda: engine.begun == 1)
    assert not speaking.done()
    engine.let_go()
    assert len(await speaking) == 2


async def test_an_answer_is_kept_in_two_formats_with_pauses(
    engine: Scripted, media: MediaStore
) -> None:
    engine.let_go()
    ogg, m4a = await Speaker(engine, media).speak(THREE, "en")
    assert (ogg.media_type, m4a.media_type) == ("audio/ogg; codecs=opus", "audio/mp4")
    assert ogg.duration_s == m4a.duration_s == 3 * (SECOND_S + PAUSE_S)
    heard = decode(await media.read(ogg.id), limit_s=60)
    assert len(heard) / 16_000 == pytest.approx(3.75, abs=0.1)


async def test_pieces_of_one_sentence_have_no_pause_between_them(media: MediaStore) -> None:
    class InPieces(Scripted):
        def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
            for ends in (False, False, True):
                yield Speech(np.zeros(8000, np.float32), 8000, text, ends)

    ogg, _ = await Speaker(InPieces(), media).speak("Hello.", "en")
    assert ogg.duration_s == 3 + PAUSE_S


async def test_a_long_answer_is_cut_with_a_hint(engine: Scripted, media: MediaStore) -> None:
    engine.let_go()
    ogg, _ = await Speaker(engine, media).speak("Another sentence. " * 90, "en")
    assert engine.made[-1] != "Another sentence."
    assert ogg.duration_s == pytest.approx(62 * (SECOND_S + PAUSE_S), abs=3)
    assert len(engine.made) < 70


@pytest.mark.parametrize("fails_at", [0, 2])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EngineFailed("the server said 503"), "the server said 503"),
        (ValueError("no phonemes in 'my card 4111'"), "the synthesizer failed with ValueError"),
    ],
)
async def test_an_engine_that_fails_leaves_the_text(
    error: Exception,
    reason: str,
    fails_at: int,
    media: MediaStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = Scripted(fails_at, error)
    engine.let_go()
    with caplog.at_level(logging.ERROR):
        assert await Speaker(engine, media).speak(THREE, "en") == ()
    assert [record.reason for record in caplog.records] == [reason]
    assert "4111" not in caplog.text


async def test_a_stream_that_fails_is_unavailable(media: MediaStore) -> None:
    engine = Scripted(1, EngineFailed("the server broke off"))
    engine.let_go()
    spoken = Speaker(engine, media).stream(THREE, "en")
    assert (await anext(spoken)).text == "The first comes."
    with pytest.raises(Unavailable, match="broke off"):
        await anext(spoken)


async def test_an_engine_that_hangs_leaves_the_text(
    engine: Scripted, media: MediaStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert await Speaker(engine, media, give_up_s=0.05).speak(THREE, "en") == ()
    assert caplog.records[0].reason == "not made in 0.05 s"


async def test_a_language_without_a_voice_leaves_the_text(media: MediaStore) -> None:
    speaker = Speaker(Espeak(), media)
    assert await speaker.speak("Hello.", "xx") == ()
    with pytest.raises(LanguageUnspoken):
        await anext(speaker.stream("Hello.", "xx"))


async def test_nothing_to_say_is_nothing(media: MediaStore) -> None:
    assert await Speaker(Espeak(), media).speak("---", "en") == ()


async def test_several_answers_are_spoken_at_the_same_time(
    engine: Scripted, media: MediaStore
) -> None:
    speaker = Speaker(engine, media)
    speaking = [asyncio.create_task(speaker.speak("Hello.", "en")) for _ in range(4)]
    await wait_until(lambda: engine.begun == 4)
    engine.let_go()
    assert all(await asyncio.gather(*speaking))


@pytest.mark.parametrize("encode", [encode_ogg_opus, encode_m4a])
def test_a_spoken_answer_is_had_as_mp3(encode) -> None:
    data = as_mp3(encode(Speech(tone(2.0), 16_000)))
    assert sniff(data[:4096]) == "audio/mpeg"
    assert len(decode(data, limit_s=60)) / 16_000 == pytest.approx(2.0, abs=0.1)


def test_a_minute_as_mp3_is_within_what_apps_take() -> None:
    assert len(as_mp3(encode_ogg_opus(Speech(tone(60.0), 16_000)))) < 1024**2
