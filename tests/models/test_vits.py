"""VITS: the same as transformers, several languages side by side, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import VitsModel, VitsTokenizer, pipeline

from models.errors import EngineMissing
from models.vits import Vits
from tests.models.tiny_models import tiny_text_encoder
from tests.models.tiny_voices import tiny_vits

SENTENCE = "Your parcel is on its way."


def said(engine: Vits, text: str = SENTENCE, language: str = "en") -> np.ndarray:
    return np.concatenate([piece.samples for piece in engine.synthesize(text, language)])


def reference(folder: Path, text: str = SENTENCE, **more: object) -> np.ndarray:
    model, tokenizer = VitsModel.from_pretrained(folder), VitsTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        made = model.eval()(**tokenizer(text, return_tensors="pt"), **more)
    waveform: np.ndarray = made.waveform[0].numpy()
    return waveform


def test_it_says_what_transformers_says(tmp_path: Path) -> None:
    folder = tiny_vits(tmp_path / "english")
    engine = Vits(str(folder))
    expected = reference(folder)
    assert np.abs(expected).max() > 0.001
    np.testing.assert_allclose(said(engine), expected, atol=1e-4)
    theirs = pipeline("text-to-speech", model=str(folder), device="cpu")(SENTENCE)
    np.testing.assert_allclose(said(engine), np.ravel(theirs["audio"]), atol=1e-4)
    np.testing.assert_allclose(
        said(Vits(str(folder), words_per_minute=330)),
        reference(folder, speaking_rate=2.0),
        atol=1e-4,
    )


def test_each_speaker_is_a_voice(tmp_path: Path) -> None:
    folder = tiny_vits(tmp_path / "crowd", speakers=3)
    engine = Vits(str(folder), voice="crowd#2")
    assert [voice.name for voice in engine.voices()] == ["crowd#0", "crowd#1", "crowd#2"]
    np.testing.assert_allclose(said(engine), reference(folder, speaker_id=2), atol=1e-4)


def test_languages_of_mms_stand_side_by_side(tmp_path: Path) -> None:
    tiny_vits(tmp_path / "mms-tts-eng", "eng")
    german = tiny_vits(tmp_path / "mms-tts-deu", "deu", seed=6)
    arabic = tiny_vits(tmp_path / "mms-tts-ara", "ara", letters=" ابتثجحخدذرزسشصضطظعغفقكلمنهويءأةى")
    engine = Vits([str(tmp_path / name) for name in ("mms-tts-eng", "mms-tts-deu", "mms-tts-ara")])
    assert [voice.language for voice in engine.voices()] == ["en", "de", "ar"]
    for language, folder, text in [
        ("de-AT", german, "Ihr Paket ist unterwegs."),
        ("ar", arabic, "طلبك في الطريق"),
    ]:
        np.testing.assert_allclose(
            said(engine, text, language), reference(folder, text), atol=1e-4, err_msg=language
        )


def test_other_scripts_are_romanized_where_a_model_wants_it(tmp_path: Path) -> None:
    folder = tiny_vits(tmp_path / "mms-tts-kor", "kor", is_uroman=True)
    engine = Vits(str(folder))
    text = "안녕하세요"
    np.testing.assert_allclose(said(engine, text, "ko"), reference(folder, text), atol=1e-4)
    assert len(said(engine, text, "ko"))


def test_what_it_has_no_letters_for_is_not_said(tmp_path: Path) -> None:
    engine = Vits(str(tiny_vits(tmp_path / "english")))
    assert list(engine.synthesize("您的包裹。", "en")) == []


def test_a_language_that_is_not_said_can_be_told(tmp_path: Path) -> None:
    folder = tiny_vits(tmp_path / "mine", "")
    with pytest.raises(EngineMissing, match="does not say which language") as caught:
        Vits(str(folder))
    assert "options: {language: de}" in caught.value.remedy
    assert Vits(str(folder), language="de").voices()[0].language == "de"


def test_public_models_are_fetched_before_anybody_speaks(tmp_path: Path) -> None:
    tiny_vits(tmp_path / "english")
    _, weights = Vits.weights([str(tmp_path / "english"), "facebook/mms-tts-deu"])
    assert weights.repository == "facebook/mms-tts-deu"


class TestWhatIsRefused:
    def refusal(self, model: Path | str) -> str:
        with pytest.raises(EngineMissing) as caught:
            Vits(str(model))
        return str(caught.value)

    def test_a_folder_without_a_model(self, tmp_path: Path) -> None:
        assert "it has no config.json" in self.refusal(tmp_path)

    def test_a_name_that_nothing_has(self) -> None:
        assert "there is no folder ../nowhere" in self.refusal("../nowhere")

    def test_weights_that_broke_off(self, tmp_path: Path) -> None:
        folder = tiny_vits(tmp_path / "english")
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
        assert "english cannot be loaded" in self.refusal(folder)

    def test_a_model_without_its_letters(self, tmp_path: Path) -> None:
        folder = tiny_vits(tmp_path / "english")
        (folder / "vocab.json").unlink()
        assert "english cannot be loaded" in self.refusal(folder)

    def test_a_model_of_another_kind(self, tmp_path: Path) -> None:
        folder = tiny_text_encoder(tmp_path / "words", "bert", ["some words"])
        assert "words is a bert, no VITS" in self.refusal(folder)

    def test_weights_of_another_model(self, tmp_path: Path) -> None:
        folder = tiny_vits(tmp_path / "english")
        other = tiny_text_encoder(tmp_path / "words", "bert", ["some words"])
        shutil.copy(other / "model.safetensors", folder / "model.safetensors")
        assert "are not those of a whole vits" in self.refusal(folder)
