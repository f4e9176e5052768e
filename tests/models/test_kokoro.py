"""Kokoro: the same as its own library, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from kokoro_onnx import Kokoro

from models.errors import EngineMissing
from models.kokoro import KokoroSynthesizer
from tests.models.tiny_voices import tiny_kokoro, tiny_piper

SENTENCE = "Your parcel is on its way, Ann."


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_CACHE", str(tmp_path / "cache"))


def said(engine: KokoroSynthesizer, text: str = SENTENCE, language: str = "en") -> np.ndarray:
    return np.concatenate([piece.samples for piece in engine.synthesize(text, language)])


@pytest.mark.parametrize(
    ("voice", "language", "text", "theirs"),
    [
        ("af_heart", "en", SENTENCE, "en-us"),
        ("bf_emma", "en-GB", SENTENCE, "en-gb"),
        ("ef_dora", "es", "Su paquete está en camino.", "es"),
    ],
)
def test_it_says_what_kokoros_own_library_says(
    tmp_path: Path, voice: str, language: str, text: str, theirs: str
) -> None:
    graph = tiny_kokoro(tmp_path)
    own = Kokoro(str(graph), str(tmp_path / "voices-v1.0.bin"))
    expected, rate_hz = own.create(text, voice, lang=theirs)
    engine = KokoroSynthesizer(str(tmp_path), voice=voice)
    (piece,) = engine.synthesize(text, language)
    assert piece.sample_rate_hz == rate_hz
    np.testing.assert_allclose(piece.samples, expected, atol=1e-4)


def test_the_pace_is_kokoros_own(tmp_path: Path) -> None:
    graph = tiny_kokoro(tmp_path)
    own = Kokoro(str(graph), str(tmp_path / "voices-v1.0.bin"))
    expected, _ = own.create(SENTENCE, "af_heart", speed=1.2)
    fast = KokoroSynthesizer(str(tmp_path), words_per_minute=198)
    np.testing.assert_allclose(said(fast), expected, atol=1e-4)


def test_both_layouts_say_the_same(tmp_path: Path) -> None:
    tiny_kokoro(tmp_path / "own")
    tiny_kokoro(tmp_path / "hub", of_the_hub=True)
    own, hub = (KokoroSynthesizer(str(tmp_path / name)) for name in ("own", "hub"))
    assert own.voices() == hub.voices()
    np.testing.assert_allclose(said(own), said(hub), atol=1e-6)


def test_voices_are_listed_by_language_the_best_first(tmp_path: Path) -> None:
    tiny_kokoro(tmp_path, ("am_adam", "bm_lewis", "af_heart", "jf_alpha", "zf_xiaoni", "ff_siwis"))
    listed = [(voice.name, voice.language) for voice in KokoroSynthesizer(str(tmp_path)).voices()]
    assert listed == [
        ("af_heart", "en-us"),
        ("am_adam", "en-us"),
        ("bm_lewis", "en-gb"),
        ("ff_siwis", "fr-fr"),
    ]


class TestWhatIsRefused:
    def refusal(self, model: Path | str) -> str:
        with pytest.raises(EngineMissing) as caught:
            KokoroSynthesizer(str(model))
        return str(caught.value)

    def test_a_folder_without_a_model(self, tmp_path: Path) -> None:
        assert "holds no ONNX file" in self.refusal(tmp_path)

    def test_a_folder_with_several(self, tmp_path: Path) -> None:
        graph = tiny_kokoro(tmp_path)
        (tmp_path / "kokoro-v1.0.int8.onnx").write_bytes(graph.read_bytes())
        said = self.refusal(tmp_path)
        assert "several ONNX files: kokoro-v1.0.int8.onnx, kokoro-v1.0.onnx" in said
        assert KokoroSynthesizer(str(graph)).voices()

    def test_a_model_without_voices(self, tmp_path: Path) -> None:
        tiny_kokoro(tmp_path)
        (tmp_path / "voices-v1.0.bin").unlink()
        assert "there are no voices beside" in self.refusal(tmp_path)

    @pytest.mark.parametrize("left", [0, 300, 100_000])
    def test_voices_that_broke_off(self, tmp_path: Path, left: int) -> None:
        tiny_kokoro(tmp_path)
        file = tmp_path / "voices-v1.0.bin"
        file.write_bytes(file.read_bytes()[:left])
        assert "voices-v1.0.bin cannot be loaded" in self.refusal(tmp_path)

    def test_one_voice_of_the_hub_that_broke_off(self, tmp_path: Path) -> None:
        tiny_kokoro(tmp_path, of_the_hub=True)
        file = tmp_path / "voices" / "af_heart.bin"
        file.write_bytes(file.read_bytes()[:1001])
        assert f"{file} is not a voice of Kokoro" in self.refusal(tmp_path)

    def test_voices_of_something_else(self, tmp_path: Path) -> None:
        tiny_kokoro(tmp_path)
        with (tmp_path / "voices-v1.0.bin").open("wb") as file:
            np.savez(file, af_heart=np.zeros((510, 1, 128), np.float32))
        assert "af_heart is not a voice of Kokoro" in self.refusal(tmp_path)

    def test_a_model_that_broke_off(self, tmp_path: Path) -> None:
        graph = tiny_kokoro(tmp_path)
        graph.write_bytes(graph.read_bytes()[:500])
        assert f"{graph} cannot be loaded" in self.refusal(tmp_path)

    def test_a_model_of_another_kind(self, tmp_path: Path) -> None:
        graph = tiny_kokoro(tmp_path)
        tiny_piper(tmp_path / "other").replace(graph)
        assert f"{graph} is not a model of Kokoro" in self.refusal(tmp_path)
