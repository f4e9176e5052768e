"""Hearing: English is written down; everything else is named and not guessed at."""

import csv
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from models.espeak import Espeak
from models.moonshine import MoonshineTranscriber, _put_otherwise
from models.moonshine_decoder import Hearing, MoonshineDecoder, _repeated
from models.moonshine_graphs import Decoding
from models.moonshine_models import embedded_folder
from tests.models.media import recording, samples_of, tone

SENTENCES = {
    "es": "Hola, mi pedido todavía no ha llegado y necesito saber dónde está.",
    "zh": "你好，我的订单还没有到，请问现在在哪里？",
    "ar": "مرحبا، طلبي لم يصل بعد وأريد أن أعرف أين هو.",
    "de": "Ich habe mein Passwort vergessen und komme nicht in mein Konto.",
}


def words(text: str) -> list[str]:
    return re.sub(r"[^a-z0-9' ]", " ", text.lower().replace("-", " ")).split()


def word_error(expected: str, heard: str) -> float:
    return Levenshtein.distance(words(expected), words(heard)) / len(words(expected))


def spoken(text: str, language: str) -> np.ndarray:
    """At 16 kHz, as a phone would send it."""
    from models.audio import decode, encode_ogg_opus
    from models.synthesizer import Speech

    pieces = list(Espeak().synthesize(text, language))
    joined = np.concatenate([piece.samples for piece in pieces])
    return decode(encode_ogg_opus(Speech(joined, pieces[0].sample_rate_hz)), limit_s=60)


def test_a_person_is_understood(moonshine: MoonshineTranscriber, shared_data: Path) -> None:
    heard = moonshine.transcribe(samples_of(shared_data / "speech" / "jfk.flac"))
    said = (
        "And so my fellow Americans, ask not what your country can do for you, "
        "ask what you can do for your country."
    )
    assert word_error(said, heard.text) == 0
    assert (heard.language, heard.problem) == ("en", "")
    assert heard.confidence > 0.8
    assert heard.speech_s == pytest.approx(7.5, abs=0.5)


def test_read_sentences_are_written_down(
    moonshine: MoonshineTranscriber, shared_data: Path
) -> None:
    errors = []
    with (shared_data / "ljspeech" / "transcripts.csv").open(encoding="utf-8") as file:
        for name, text, *_ in csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE):
            path = (shared_data / "ljspeech" / name).with_suffix(".wav")
            heard = moonshine.transcribe(samples_of(path))
            assert heard.problem == "", name
            errors.append(word_error(text, heard.text))
    assert np.mean(errors) < 0.12


def test_no_english_speaker_is_taken_for_a_foreigner(
    moonshine: MoonshineTranscriber, shared_data: Path
) -> None:
    paths = sorted((shared_data / "spoken_orders").rglob("*.wav"))[::2]
    problems = [moonshine.transcribe(samples_of(path)).problem for path in paths]
    assert len(paths) >= 25
    assert problems == [""] * len(paths)


def test_other_languages_are_named_and_hardly_ever_guessed(moonshine: MoonshineTranscriber) -> None:
    """espeak speaks no sentence twice alike; of its voices 6 % are taken for English."""
    guessed = []
    for language, sentence in SENTENCES.items():
        heard = moonshine.transcribe(spoken(sentence, language))
        if heard.problem not in {"audio_language", "audio_unclear"} or heard.text:
            guessed.append(language)
    assert len(guessed) <= 1


def test_the_english_part_of_a_mixed_recording_is_kept(
    moonshine: MoonshineTranscriber, shared_data: Path
) -> None:
    heard = moonshine.transcribe(samples_of(shared_data / "speech" / "multilingual.mp3"))
    assert heard.text.startswith("Permission is hereby granted")
    assert heard.problem == "audio_language"


def test_silence_is_called_silence(moonshine: MoonshineTranscriber) -> None:
    hiss = np.random.default_rng(0).normal(size=3 * 16_000).astype(np.float32) * 0.001
    for samples in (np.zeros(0, np.float32), np.zeros(48_000, np.float32), hiss):
        heard = moonshine.transcribe(samples)
        assert (heard.problem, heard.text, heard.confidence) == ("audio_silence", "", 0.0)


def test_noise_and_music_are_not_speech(moonshine: MoonshineTranscriber, shared_data: Path) -> None:
    chord = sum(tone(4, hertz) for hertz in (262, 330, 392)) / np.float32(2)
    clips = [samples_of(path) for path in sorted((shared_data / "noise").glob("*.wav"))]
    for samples in [chord, *clips]:
        heard = moonshine.transcribe(samples)
        assert (heard.problem, heard.text) == ("audio_not_speech", "")


def test_a_quiet_microphone_is_heard(moonshine: MoonshineTranscriber, shared_data: Path) -> None:
    samples = samples_of(shared_data / "speech" / "jfk.flac") * np.float32(0.02)
    assert "ask what you can do for your country" in moonshine.transcribe(samples).text


def test_a_phone_codec_is_heard(moonshine: MoonshineTranscriber, shared_data: Path) -> None:
    from models.audio import decode

    samples = samples_of(shared_data / "ljspeech" / "LJ001-0008.wav")
    amr = decode(recording("audio/amr", samples), limit_s=60)
    assert "surpassed" in moonshine.transcribe(amr).text


def test_several_threads_hear_the_same(moonshine: MoonshineTranscriber, shared_data: Path) -> None:
    clips = [samples_of(shared_data / "ljspeech" / f"LJ001-000{n}.wav") for n in (2, 6, 8)]
    alone = [moonshine.transcribe(clip) for clip in clips]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(moonshine.transcribe, clips * 2)) == alone * 2


def test_long_recording_loses_no_words(moonshine: MoonshineTranscriber, shared_data: Path) -> None:
    samples = samples_of(shared_data / "ljspeech" / "LJ001-0006.wav")
    once = words(moonshine.transcribe(samples).text)
    heard = moonshine.transcribe(np.tile(samples, 6))
    assert heard.problem == ""
    assert len(words(heard.text)) == pytest.approx(6 * len(once), rel=0.05)


@pytest.mark.parametrize("draft", ["of its beginning", "of all", "of something else", "too long"])
def test_a_draft_saves_steps_and_changes_nothing(shared_data: Path, draft: str) -> None:
    decoder = MoonshineDecoder(embedded_folder(), 1)
    samples = samples_of(shared_data / "ljspeech" / "LJ001-0002.wav")
    alone = decoder.hear(samples)
    tokens = {
        "of its beginning": decoder.hear(samples[:16_000]).tokens,
        "of all": alone.tokens,
        "of something else": (9, 8, 7),
        "too long": alone.tokens * 3,
    }[draft]
    drafted = decoder.hear(samples, tokens)
    assert (drafted.text, drafted.tokens) == (alone.text, alone.tokens)
    assert drafted.log_probabilities == pytest.approx(alone.log_probabilities, abs=0.1)


def test_a_draft_that_is_wrong_in_one_word_is_taken_up_behind_it(shared_data: Path) -> None:
    """Steps are counted: each of them is a run of the graph."""
    decoder = MoonshineDecoder(embedded_folder(), 1)
    samples = samples_of(shared_data / "ljspeech" / "LJ001-0004.wav")
    alone = decoder.hear(samples)
    middle = len(alone.tokens) // 2
    wrong = (*alone.tokens[:middle], 9, *alone.tokens[middle + 1 :])
    assert decoder.hear(samples, wrong).text == alone.text
    assert _steps(decoder, samples, wrong) < _steps(decoder, samples, alone.tokens[:middle]) - 3


def _steps(decoder: MoonshineDecoder, samples: np.ndarray, draft: Sequence[int]) -> int:
    steps = 0
    begin = decoder._graphs.begin

    def counted(samples: np.ndarray) -> Decoding:
        decoding = begin(samples)
        step = decoding.step

        def count(tokens: list[int]) -> np.ndarray:
            nonlocal steps
            steps += 1
            return step(tokens)

        decoding.step = count
        return decoding

    decoder._graphs.begin = counted
    decoder.hear(samples, draft)
    decoder._graphs.begin = begin
    return steps


def test_a_decoder_in_a_circle_is_noticed() -> None:
    assert _repeated([1, 2, 3, 9, 8, 7, 9, 8, 7, 9, 8, 7]) == 6
    assert _repeated([1, 2, 3, 5, 5, 5]) == 0
    assert _repeated([5] * 6) == 5


class TestHearingTwice:
    """What the decoder is not sure of is heard once more, in another way."""

    @pytest.fixture
    def heard(self, monkeypatch: pytest.MonkeyPatch) -> list[Hearing]:
        """What the decoder has written, each time that it heard something."""
        written: list[Hearing] = []
        hear = MoonshineDecoder.hear

        def noted(decoder: MoonshineDecoder, *args: Any, **options: Any) -> Hearing:
            written.append(hear(decoder, *args, **options))
            return written[-1]

        monkeypatch.setattr(MoonshineDecoder, "hear", noted)
        return written

    @pytest.mark.parametrize(
        ("first", "second", "taken"),
        [
            (("where is my order", 0.7), ("wear is my odor", 0.6), 0),
            (("wear is my odor", 0.6), ("where is my order", 0.7), 1),
            (
                ("where is my order", 0.7),
                ("", 0.75),
                0,
            ),  # a decoder that ends at once is sure of it
            (("", 0.75), ("where is my order", 0.7), 1),
        ],
    )
    def test_the_surer_words_are_taken(
        self,
        moonshine: MoonshineTranscriber,
        monkeypatch: pytest.MonkeyPatch,
        first: tuple[str, float],
        second: tuple[str, float],
        taken: int,
    ) -> None:
        both = [
            Hearing(text, (5,) * len(text.split()), np.log([sure]), looped=False)
            for text, sure in (first, second)
        ]
        written = iter(both)
        monkeypatch.setattr(MoonshineDecoder, "hear", lambda *given, **options: next(written))
        heard = moonshine.hear_part(np.zeros(16_000, np.float32), None, final=True)
        assert heard is both[taken]

    def test_what_it_is_sure_of_is_heard_once(
        self, moonshine: MoonshineTranscriber, heard: list[Hearing], shared_data: Path
    ) -> None:
        moonshine.transcribe(samples_of(shared_data / "speech" / "jfk.flac"))
        assert len(heard) == 1

    def test_what_is_shown_for_a_moment_is_heard_once(
        self, moonshine: MoonshineTranscriber, heard: list[Hearing]
    ) -> None:
        rng = np.random.default_rng(2)
        moonshine.hear_part(rng.normal(size=16_000).astype(np.float32), None, final=False)
        assert len(heard) == 1

    def test_silence_can_be_put_otherwise_too(self) -> None:
        silence = np.zeros(1_600, np.float32)
        assert not _put_otherwise(silence).any()
        assert len(_put_otherwise(silence)) > len(silence)
