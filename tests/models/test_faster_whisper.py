"""faster-whisper: the library's own words, and none where nobody speaks."""

import logging
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper import WhisperModel

from models.errors import EngineMissing
from models.faster_whisper import FasterWhisper
from models.speech_parts import Samples
from models.voice_activity import SAMPLE_RATE_HZ
from tests.models.media import samples_of, tone
from tests.models.tiny_whispers import (
    for_ctranslate2,
    for_transformers,
    random_whisper,
    speaking_whisper,
)

SAID = [(0.0, " Wo ist meine Bestellung?", 2.0), (2.4, " Danke!", 3.0)]
TEXT = "Wo ist meine Bestellung? Danke!"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whispers")
    for_ctranslate2(random_whisper(), folder / "random")
    for_ctranslate2(speaking_whisper(SAID, "de"), folder / "speaking", "int8")
    for_ctranslate2(speaking_whisper(SAID, "de", sure=0.5), folder / "guessing")
    for_ctranslate2(speaking_whisper([(0.0, " da" * 15, 8.0)], "de"), folder / "looping")
    for_ctranslate2(speaking_whisper([], "", sure=2.0), folder / "silent")
    return folder


@pytest.fixture(scope="module")
def random(folders: Path) -> FasterWhisper:
    return FasterWhisper(str(folders / "random"), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def speaking(folders: Path) -> FasterWhisper:
    return FasterWhisper(str(folders / "speaking"), device="cpu")


@pytest.fixture
def speech(shared_data: Path) -> Samples:
    return samples_of(shared_data / "speech" / "jfk.flac")


@pytest.mark.parametrize("settings", [{}, {"language": "fr"}, {"vocabulary": ["Voltaro"]}])
def test_writes_what_the_library_writes(
    folders: Path, speech: Samples, settings: dict[str, Any]
) -> None:
    engine = FasterWhisper(
        str(folders / "random"), dtype="float32", beam_size=1, device="cpu", **settings
    )
    library = WhisperModel(str(folders / "random"), device="cpu", compute_type="float32")
    for samples in (speech[: 2 * SAMPLE_RATE_HZ], speech[4 * SAMPLE_RATE_HZ :]):
        expected, about = library.transcribe(
            samples,
            language=settings.get("language"),
            initial_prompt="Voltaro." if "vocabulary" in settings else None,
            beam_size=1,
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        heard = engine.hear_part(samples, None, final=True)
        segments = list(expected)
        assert heard.language == about.language
        assert [each.text for each in heard.segments] == [each.text for each in segments]
        assert "".join(each.text for each in segments)
        for ours, theirs in zip(heard.segments, segments, strict=True):
            assert (ours.start_s, ours.end_s) == (theirs.start, theirs.end)
            assert ours.log_probability == theirs.avg_logprob
            assert [word.text for word in ours.words] == [w.word.strip() for w in theirs.words]


def test_names_that_are_told_later_reach_the_model(folders: Path, speech: Samples) -> None:
    samples = speech[: 2 * SAMPLE_RATE_HZ]
    engine = FasterWhisper(
        str(folders / "random"), dtype="float32", beam_size=1, device="cpu", vocabulary=["Volts"]
    )
    before = engine.hear_part(samples, None, final=True)
    engine.tell_names(["Voltaro", "volts"])
    library = WhisperModel(str(folders / "random"), device="cpu", compute_type="float32")
    expected, _ = library.transcribe(
        samples,
        initial_prompt="Volts, Voltaro.",
        beam_size=1,
        word_timestamps=True,
        condition_on_previous_text=False,
    )
    heard = engine.hear_part(samples, None, final=True)
    assert [each.text for each in heard.segments] == [each.text for each in expected]
    assert heard.segments != before.segments
    draft = engine.hear_part(samples, None, final=False)
    engine.tell_names(["Zermatt"])
    assert engine.hear_part(samples, None, final=False) != draft


def test_language_and_words_with_their_times(speaking: FasterWhisper, speech: Samples) -> None:
    heard = speaking.transcribe(speech)
    assert (heard.text, heard.language, heard.problem) == (TEXT, "de", "")
    assert heard.confidence > 0.9
    assert " ".join(word.text for word in heard.words) == TEXT
    assert all(before.end_s <= after.start_s for before, after in pairwise(heard.words))
    # Speech begins 0.3 s into the recording.
    assert heard.words[0].start_s > 0.1
    assert heard.words[-1].end_s <= len(speech) / SAMPLE_RATE_HZ


def test_a_long_recording_is_heard_in_windows_once_each(
    speaking: FasterWhisper, speech: Samples
) -> None:
    long = np.tile(speech, 8)
    heard = speaking.transcribe(long)
    assert heard.text.split() == TEXT.split() * (len(heard.text.split()) // 5)
    times = [word.start_s for word in heard.words]
    assert times == sorted(times)
    assert times[-1] > 60


@pytest.mark.parametrize("kind", ["nothing", "hiss", "music", "siren"])
def test_where_nobody_speaks_nothing_is_written(
    speaking: FasterWhisper, shared_data: Path, kind: str
) -> None:
    """This model would say its sentence to anything."""
    hiss = np.random.default_rng(0).normal(size=3 * 16_000).astype(np.float32) * 0.001
    samples = {
        "nothing": np.zeros(3 * SAMPLE_RATE_HZ, np.float32),
        "hiss": hiss,
        "music": sum(tone(4, hertz) for hertz in (262, 330, 392)) / np.float32(2),
        "siren": samples_of(shared_data / "noise" / "siren.wav"),
    }[kind]
    heard = speaking.transcribe(samples)
    assert heard.text == ""
    problem = "audio_silence" if kind in ("nothing", "hiss") else "audio_not_speech"
    assert heard.problem == problem


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("guessing", "audio_unclear"),
        ("looping", "audio_unclear"),
        ("silent", "audio_not_speech"),
    ],
)
def test_what_whisper_invents_is_left_out(
    folders: Path, speech: Samples, model: str, problem: str
) -> None:
    engine = FasterWhisper(str(folders / model), dtype="float32", beam_size=1, device="cpu")
    heard = engine.transcribe(speech[: 4 * SAMPLE_RATE_HZ])
    assert (heard.text, heard.language, heard.problem) == ("", "", problem)


def test_growing_sound_ends_in_the_same_words(random: FasterWhisper, speech: Samples) -> None:
    listener = random.listen()
    samples = speech[: 5 * SAMPLE_RATE_HZ]
    partials = {listener.hear(piece).text for piece in np.array_split(samples, 50)}
    assert len(partials) >= 2, "nothing was shown on the way"
    assert listener.finish() == random.transcribe(samples)


def test_a_draft_is_in_the_language_that_is_heard(speaking: FasterWhisper, speech: Samples) -> None:
    draft = speaking.hear_part(speech[: 2 * SAMPLE_RATE_HZ], None, final=False)
    assert draft.language == "de"
    assert TEXT.startswith(speaking.text_of(draft))
    assert len(speaking.text_of(draft)) > 10


def test_out_of_memory_it_goes_on_with_less_and_then_on_the_processor(
    folders: Path,
    speech: Samples,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = FasterWhisper(str(folders / "speaking"), device="cpu")
    full = engine._model
    asked: list[int] = []

    def out(*_: object, beam_size: int, **__: object) -> None:
        asked.append(beam_size)
        raise RuntimeError("CUDA failed with error out of memory")

    monkeypatch.setattr(full, "transcribe", out)
    with caplog.at_level(logging.WARNING):
        assert engine.transcribe(speech).text == TEXT
    assert asked == [5, 1]
    assert [record.message for record in caplog.records] == [
        "engine.out_of_memory.halved",
        "engine.out_of_memory.on_processor",
    ]


class TestWhatCannotBeLoaded:
    def broken(self, folders: Path, tmp_path: Path) -> Path:
        return Path(shutil.copytree(folders / "speaking", tmp_path / "model"))

    def test_a_name_that_nothing_has(self) -> None:
        with pytest.raises(EngineMissing, match=r"(?s)'smal'.*tiny, base\.en"):
            FasterWhisper("smal")

    def test_a_file_that_has_come_by_half(self, folders: Path, tmp_path: Path) -> None:
        folder = self.broken(folders, tmp_path)
        weights = (folder / "model.bin").read_bytes()
        (folder / "model.bin").write_bytes(weights[: len(weights) // 2])
        with pytest.raises(EngineMissing, match=r"(?s)cannot be loaded.*again"):
            FasterWhisper(str(folder), device="cpu")

    def test_one_without_its_tokens_asks_no_server(self, folders: Path, tmp_path: Path) -> None:
        folder = self.broken(folders, tmp_path)
        (folder / "tokenizer.json").unlink()
        with pytest.raises(EngineMissing, match="no tokenizer"):
            FasterWhisper(str(folder), device="cpu")

    def test_a_folder_of_another_library(self, tmp_path: Path) -> None:
        folder = for_transformers(random_whisper(), tmp_path / "hf")
        with pytest.raises(EngineMissing, match=r"(?s)no Whisper for CTranslate2.*converter"):
            FasterWhisper(str(folder), device="cpu")

    def test_a_language_that_it_does_not_hear(self, folders: Path) -> None:
        with pytest.raises(EngineMissing, match="'tlh'"):
            FasterWhisper(str(folders / "speaking"), language="tlh", device="cpu")

    def test_numbers_that_the_processor_has_not(self, folders: Path) -> None:
        with pytest.raises(EngineMissing, match=r"(?s)`dtype: int3`.*int8"):
            FasterWhisper(str(folders / "speaking"), dtype="int3", device="cpu")

    def test_a_card_that_is_not_there(self, folders: Path) -> None:
        with pytest.raises(EngineMissing, match="device: cuda"):
            FasterWhisper(str(folders / "speaking"), device="cuda")


def test_a_size_is_fetched_from_its_repository() -> None:
    small = FasterWhisper.weights("small")
    assert small.repository == "Systran/faster-whisper-small"
    assert small.size_bytes == 486_000_000
    assert FasterWhisper.weights("my/whisper").repository == "my/whisper"
