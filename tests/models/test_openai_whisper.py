"""openai-whisper: the original's own words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import whisper
from whisper.tokenizer import get_tokenizer

from models.errors import EngineMissing
from models.openai_whisper import OpenAIWhisper, _shortened
from models.speech_parts import Samples
from models.voice_activity import SAMPLE_RATE_HZ
from models.whisper import PROMPT_TOKENS, prompt_of
from tests.models.media import samples_of, tone
from tests.models.tiny_whispers import (
    for_openai,
    random_whisper,
    speaking_whisper,
)

SAID = [(0.0, "Where is my order?", 2.0)]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    for_openai(random_whisper(), folder / "random.pt")
    for_openai(speaking_whisper(SAID, "en"), folder / "speaking.pt")
    return folder


@pytest.fixture(scope="module")
def speaking(checkpoints: Path) -> OpenAIWhisper:
    return OpenAIWhisper(str(checkpoints / "speaking.pt"), device="cpu")


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """So small a model is no faster on more, and much slower where they are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def speech(shared_data: Path) -> Samples:
    return samples_of(shared_data / "speech" / "jfk.flac")


@pytest.mark.parametrize("settings", [{}, {"language": "it", "vocabulary": ["Voltaro"]}])
def test_writes_what_the_library_writes(
    checkpoints: Path, speech: Samples, settings: dict[str, Any]
) -> None:
    engine = OpenAIWhisper(str(checkpoints / "random.pt"), device="cpu", **settings)
    library = whisper.load_model(str(checkpoints / "random.pt"), device="cpu")
    samples = speech[:SAMPLE_RATE_HZ]
    torch.manual_seed(1)
    expected = library.transcribe(
        samples,
        language=settings.get("language"),
        initial_prompt="Voltaro." if "vocabulary" in settings else None,
        word_timestamps=True,
        condition_on_previous_text=False,
        fp16=False,
    )
    torch.manual_seed(1)
    heard = engine.hear_part(samples, None, final=True)
    assert heard.language == expected["language"]
    assert "".join(each.text for each in heard.segments) == expected["text"] != ""
    for ours, theirs in zip(heard.segments, expected["segments"], strict=True):
        assert (ours.text, ours.start_s, ours.end_s) == (
            theirs["text"],
            theirs["start"],
            theirs["end"],
        )
        assert ours.log_probability == theirs["avg_logprob"]
        assert [word.start_s for word in ours.words] == [word["start"] for word in theirs["words"]]


def test_names_that_are_told_later_reach_the_model(checkpoints: Path, speech: Samples) -> None:
    samples = speech[:SAMPLE_RATE_HZ]
    told = OpenAIWhisper(str(checkpoints / "random.pt"), device="cpu")
    told.tell_names(["Voltaro"])
    made = OpenAIWhisper(str(checkpoints / "random.pt"), device="cpu", vocabulary=["Voltaro"])
    other = OpenAIWhisper(str(checkpoints / "random.pt"), device="cpu")
    heard = []
    for engine in (told, made, other):
        torch.manual_seed(1)
        heard.append(engine.hear_part(samples, None, final=True))
    assert heard[0] == heard[1] != heard[2]


def test_as_many_names_are_told_as_whisper_reads() -> None:
    kinds = ("VoltCare", "VoltQyphr", "Qzyrjwald", "Bodøgrün")
    names = [f"{kind}{number}" for number in range(20) for kind in kinds]
    prompt = prompt_of(["Voltaro", *names, "voltaro"])
    assert prompt is not None
    tokens = get_tokenizer(multilingual=True).encode(" " + prompt)
    assert 100 < len(tokens) <= PROMPT_TOKENS
    assert prompt.startswith("Voltaro, VoltCare0, ")
    assert prompt.lower().count("voltaro") == 1
    chinese = prompt_of(["伏特充电宝" * 40, "伏特耳机"])
    assert chinese is None or len(get_tokenizer(multilingual=True).encode(chinese)) <= PROMPT_TOKENS
    assert prompt_of([]) is None


def test_language_and_words_with_their_times(speaking: OpenAIWhisper, speech: Samples) -> None:
    heard = speaking.transcribe(speech[: 4 * SAMPLE_RATE_HZ])
    assert (heard.text, heard.language, heard.problem) == ("Where is my order?", "en", "")
    assert [word.text for word in heard.words] == ["Where", "is", "my", "order?"]
    assert heard.words[0].start_s > 0.1


def test_where_nobody_speaks_nothing_is_written(speaking: OpenAIWhisper) -> None:
    """This model would say its sentence to anything."""
    assert speaking.transcribe(np.zeros(32_000, np.float32)).problem == "audio_silence"
    assert speaking.transcribe(tone(3)).problem == "audio_not_speech"


def test_growing_sound_is_drafted_and_ends_in_the_same_words(
    speaking: OpenAIWhisper, speech: Samples
) -> None:
    samples = speech[: 4 * SAMPLE_RATE_HZ]
    listener = speaking.listen()
    partials = {listener.hear(piece).text for piece in np.array_split(samples, 40)}
    assert len(partials) > 1
    assert all("Where is my order?".startswith(partial) for partial in partials)
    assert listener.finish() == speaking.transcribe(samples)


def test_a_draft_is_heard_in_a_short_window(checkpoints: Path, speech: Samples) -> None:
    engine = OpenAIWhisper(str(checkpoints / "random.pt"), language="en", device="cpu")
    model = engine._model.model
    heard: list[int] = []
    hook = model.encoder.ln_post.register_forward_hook(
        lambda module, given, made: heard.append(made.shape[1])
    )
    for seconds in (1, 7):
        assert engine.hear_part(speech[: seconds * SAMPLE_RATE_HZ], None, final=False).segments
    assert heard == [250, 350]
    engine.hear_part(speech[:SAMPLE_RATE_HZ], None, final=True)
    assert set(heard[2:]) == {1_500}, "the model itself is as it was"
    hook.remove()


def test_a_draft_of_a_whole_window_is_the_librarys_own(checkpoints: Path, speech: Samples) -> None:
    """What is shortened by nothing reads the same."""
    model = whisper.load_model(str(checkpoints / "random.pt"), device="cpu")
    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(speech), model.dims.n_mels)
    options = whisper.DecodingOptions(without_timestamps=True, sample_len=20, fp16=False)
    expected, found = (
        whisper.decode(each, mel, options) for each in (model, _shortened(model, 1_500))
    )
    assert found.tokens == expected.tokens != []
    assert (found.avg_logprob, found.language) == (expected.avg_logprob, expected.language)


def test_out_of_memory_it_goes_on_on_the_processor(
    checkpoints: Path, speech: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first model is taken for one on a card that is full."""
    engine = OpenAIWhisper(str(checkpoints / "speaking.pt"), device="cpu")
    full = engine._model.model
    transcribe = whisper.transcribe

    def out(model: object, *given: object, **settings: object) -> object:
        if model is full:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return transcribe(model, *given, **settings)

    monkeypatch.setattr(whisper, "transcribe", out)
    monkeypatch.setattr("models.placed_model.device_of", lambda model: torch.device("cuda"))
    assert engine.transcribe(speech[: 3 * SAMPLE_RATE_HZ]).text == "Where is my order?"


class TestWhatCannotBeLoaded:
    def test_a_name_that_nothing_has(self) -> None:
        with pytest.raises(EngineMissing, match=r"(?s)'smal'.*tiny"):
            OpenAIWhisper("smal")

    def test_a_file_that_has_come_by_half(self, checkpoints: Path, tmp_path: Path) -> None:
        half = tmp_path / "half.pt"
        whole = (checkpoints / "random.pt").read_bytes()
        half.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(EngineMissing, match=r"(?s)half\.pt cannot be loaded.*again"):
            OpenAIWhisper(str(half), device="cpu")

    def test_a_checkpoint_of_another_model(self, tmp_path: Path) -> None:
        other = tmp_path / "other.pt"
        torch.save({"weight": torch.zeros(3)}, other)
        with pytest.raises(EngineMissing, match="cannot be loaded as a Whisper"):
            OpenAIWhisper(str(other), device="cpu")

    def test_a_card_that_is_not_there(self, checkpoints: Path) -> None:
        with pytest.raises(EngineMissing, match="device: cuda"):
            OpenAIWhisper(str(checkpoints / "random.pt"), device="cuda")


def test_a_size_is_fetched_with_the_authors_checksum() -> None:
    (file,) = OpenAIWhisper.weights("tiny").files
    assert file.place == "tiny.pt"
    assert file.checksum == "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9"
