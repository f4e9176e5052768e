"""Piper: the same as its own library, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from piper import PiperVoice, SynthesisConfig

from models.errors import EngineMissing
from models.piper import Piper
from tests.models.tiny_voices import tiny_kokoro, tiny_piper

SENTENCE = "Your parcel is on its way."


def said(engine: Piper, text: str = SENTENCE, language: str = "en") -> np.ndarray:
    return np.concatenate([piece.samples for piece in engine.synthesize(text, language)])


def reference(path: Path, text: str = SENTENCE, **config: object) -> np.ndarray:
    chunks = PiperVoice.load(path).synthesize(text, SynthesisConfig(**config))
    return np.concatenate([chunk.audio_float_array for chunk in chunks])


def test_it_says_what_pipers_own_voice_says(tmp_path: Path) -> None:
    path = tiny_piper(tmp_path)
    np.testing.assert_allclose(said(Piper(str(tmp_path))), reference(path), atol=1e-4)
    np.testing.assert_allclose(
        said(Piper(str(path), words_per_minute=330)), reference(path, length_scale=0.5), atol=1e-4
    )


def test_each_speaker_of_a_voice_is_a_voice(tmp_path: Path) -> None:
    path = tiny_piper(tmp_path, speakers=("low", "high"))
    engine = Piper(str(tmp_path))
    assert [voice.name for voice in engine.voices()] == ["en_US-hum-low#low", "en_US-hum-low#high"]
    np.testing.assert_allclose(said(engine), reference(path, speaker_id=0), atol=1e-4)
    high = Piper(str(tmp_path), voice="en_US-hum-low#high")
    np.testing.assert_allclose(said(high), reference(path, speaker_id=1), atol=1e-4)


def test_each_language_has_its_voice(tmp_path: Path) -> None:
    english = tiny_piper(tmp_path, "en_GB-alan-low", espeak_voice="en-gb-x-rp")
    german = tiny_piper(tmp_path, "de_DE-thorsten-low", espeak_voice="de", seed=9)
    chinese = tiny_piper(tmp_path, "zh_CN-huayan-low", espeak_voice="cmn", seed=10)
    engine = Piper([str(english), str(german), str(chinese)])
    assert [voice.language for voice in engine.voices()] == ["en-gb", "de-de", "zh-cn"]
    for language, path, text in [
        ("de", german, "Ihr Paket ist unterwegs."),
        ("zh", chinese, "您的包裹正在路上。"),
        ("en-US", english, SENTENCE),
    ]:
        np.testing.assert_allclose(
            said(engine, text, language), reference(path, text), atol=1e-4, err_msg=language
        )


def test_voices_of_different_rates_give_one(tmp_path: Path) -> None:
    tiny_piper(tmp_path, "en_US-hum-low", sample_rate_hz=16_000)
    tiny_piper(tmp_path, "de_DE-hum-medium", sample_rate_hz=22_050, espeak_voice="de")
    engine = Piper(str(tmp_path))
    spoken = [*engine.synthesize(SENTENCE, "en"), *engine.synthesize("Hallo.", "de")]
    assert {piece.sample_rate_hz for piece in spoken} == {22_050}
    alone = said(Piper(str(tmp_path / "en_US-hum-low.onnx")))
    assert len(spoken[0].samples) / 22_050 == pytest.approx(len(alone) / 16_000, abs=0.02)


def test_only_voices_that_may_speak_are_loaded(tmp_path: Path) -> None:
    tiny_piper(tmp_path, "en_US-hum-low")
    broken = tiny_piper(tmp_path, "en_US-sing-low")
    broken.write_bytes(b"not loaded")
    assert len(said(Piper(str(tmp_path))))
    assert len(Piper(str(tmp_path)).voices()) == 2
    with pytest.raises(EngineMissing, match=r"en_US-sing-low\.onnx cannot be loaded"):
        Piper(str(tmp_path), voice="en_US-sing-low")


def test_public_voices_are_fetched_before_anybody_speaks() -> None:
    (weights,) = Piper.weights(["en_US-lessac-medium", "de_DE-thorsten-high"])
    assert weights.repository == "rhasspy/piper-voices"
    assert "en/en_US/lessac/medium/en_US-lessac-medium.onnx" in weights.patterns
    assert "de/de_DE/thorsten/high/de_DE-thorsten-high.onnx.json" in weights.patterns
    assert weights.size_bytes > 150_000_000


class TestWhatIsRefused:
    def refusal(self, model: Path | str) -> str:
        with pytest.raises(EngineMissing) as caught:
            Piper(str(model))
        return str(caught.value)

    def test_a_folder_without_voices(self, tmp_path: Path) -> None:
        assert f"{tmp_path} holds no voice" in self.refusal(tmp_path)

    def test_a_name_that_nothing_has(self) -> None:
        assert "there is no voice ../nowhere" in self.refusal("../nowhere")

    def test_a_voice_without_its_description(self, tmp_path: Path) -> None:
        path = tiny_piper(tmp_path)
        Path(f"{path}.json").unlink()
        assert "lies there without en_US-hum-low.onnx.json" in self.refusal(path)

    @pytest.mark.parametrize("text", ["{", "[]", '{"espeak": {}}', '{"espeak": {"voice": "en"}}'])
    def test_a_damaged_description(self, tmp_path: Path, text: str) -> None:
        path = tiny_piper(tmp_path)
        Path(f"{path}.json").write_text(text)
        assert "en_US-hum-low.onnx.json is not the description of a voice" in self.refusal(path)

    def test_a_file_that_broke_off(self, tmp_path: Path) -> None:
        path = tiny_piper(tmp_path)
        path.write_bytes(path.read_bytes()[:200])
        assert f"{path} cannot be loaded" in self.refusal(path)

    def test_a_model_of_another_kind(self, tmp_path: Path) -> None:
        path = tiny_piper(tmp_path)
        tiny_kokoro(tmp_path / "other").replace(path)
        assert f"{path} is no voice of Piper: it takes speed, style, tokens" in self.refusal(path)

    def test_a_description_of_another_voice(self, tmp_path: Path) -> None:
        path = tiny_piper(tmp_path)
        described = json.loads(Path(f"{path}.json").read_text())
        described |= {"num_speakers": 3, "speaker_id_map": {"a": 0, "b": 1, "c": 2}}
        Path(f"{path}.json").write_text(json.dumps(described))
        assert f"{path} cannot be loaded" in self.refusal(path)
