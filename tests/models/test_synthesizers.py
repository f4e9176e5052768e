"""What every engine that speaks keeps to. Each is made of its real library and a tiny model."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models.errors import EngineMissing
from models.sentences import sentences
from models.synthesizer import LanguageUnspoken, Speech, Synthesizer
from tests.models.speech_server import SpeechServer
from tests.models.tiny_voices import tiny_kokoro, tiny_piper, tiny_vits

TEXT = "Your parcel is on its way. It comes tomorrow!\nAnything else? Say so."
SEVERAL: dict[str, list[str]] = {
    "espeak": ["en-us+f3", "en-gb"],
    "piper": ["en_US-hum-low", "en_US-sing-low"],
    "kokoro": ["af_heart", "bf_emma"],
    "vits": ["english", "second"],
    "openai": ["alloy", "nova"],
}


def _espeak(folder: Path, **more: object) -> Synthesizer:
    from models.espeak import Espeak

    return Espeak(**more)


def _piper(folder: Path, **more: object) -> Synthesizer:
    from models.piper import Piper

    tiny_piper(folder)
    tiny_piper(folder, "en_US-sing-low", seed=6, sample_rate_hz=22_050)
    return Piper(str(folder), **more)


def _kokoro(folder: Path, **more: object) -> Synthesizer:
    from models.kokoro import KokoroSynthesizer

    tiny_kokoro(folder)
    return KokoroSynthesizer(str(folder), **more)


def _vits(folder: Path, **more: object) -> Synthesizer:
    from models.vits import Vits

    tiny_vits(folder / "english")
    tiny_vits(folder / "second", seed=6)
    return Vits(str(folder), **more)


MAKERS = {"espeak": _espeak, "piper": _piper, "kokoro": _kokoro, "vits": _vits}


@pytest.fixture(scope="module")
def server() -> Iterator[SpeechServer]:
    with SpeechServer() as server:
        yield server


@pytest.fixture(params=[*MAKERS, "openai"])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, server: SpeechServer
) -> Callable[..., Synthesizer]:
    """Makes the engine, with what else is said."""
    name: str = request.param

    def made(**more: object) -> Synthesizer:
        if name == "openai":
            from models.openai_synthesizer import OpenAISynthesizer

            return OpenAISynthesizer("tts", base_url=server.url, **more)
        return MAKERS[name](tmp_path / "voices", **more)

    made.engine = name
    return made


def sound(pieces: list[Speech]) -> np.ndarray:
    return np.concatenate([piece.samples for piece in pieces])


def test_it_speaks_sentence_by_sentence(make: Callable[..., Synthesizer]) -> None:
    pieces = list(make().synthesize(TEXT, "en"))
    assert [piece.text for piece in pieces if piece.ends] == list(sentences(TEXT))
    for piece in pieces:
        assert piece.samples.dtype == np.float32
        assert piece.samples.ndim == 1
        assert np.abs(piece.samples).max() <= 1
        assert len(piece.samples)
    assert np.abs(sound(pieces)).max() > 0.01


def test_a_sentence_is_made_when_it_is_asked_for(make: Callable[..., Synthesizer]) -> None:
    spoken = make().synthesize("One comes. " + "Another follows. " * 10_000, "en")
    assert next(spoken).text == "One comes."


def test_all_sound_has_one_sample_rate(make: Callable[..., Synthesizer]) -> None:
    several = SEVERAL[make.engine]
    engine = make(voice=several)
    rates = {
        piece.sample_rate_hz
        for number in range(8)
        for piece in engine.synthesize("Hello.", "en", f"con_{number}")
    }
    assert len(rates) == 1


def test_each_listener_hears_one_voice(make: Callable[..., Synthesizer]) -> None:
    several = SEVERAL[make.engine]
    engine, another = make(voice=several), make(voice=several)
    alone = {name: sound(list(make(voice=name).synthesize("Hello.", "en"))) for name in several}
    heard = set()
    for number in range(8):
        first = sound(list(engine.synthesize("Hello.", "en", f"con_{number}")))
        again = sound(list(another.synthesize("Hello.", "en", f"con_{number}")))
        who = min(several, key=lambda name: apart(alone[name], first))
        assert who == min(several, key=lambda name: apart(alone[name], again))
        heard.add(who)
    assert heard == set(several)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """How differently they sound; espeak-ng does not say the same twice to the last sample."""
    spectra = [np.abs(np.fft.rfft(each, 32_768)) for each in (one, other)]
    return float(np.abs(spectra[0] - spectra[1]).sum())


def test_every_listed_voice_can_be_chosen(make: Callable[..., Synthesizer]) -> None:
    voices = make().voices()
    assert voices
    for voice in voices[:: max(1, len(voices) // 4)]:
        chosen = make(voice=voice.name)
        language = "en" if voice.language == "mul" else voice.language
        assert len(sound(list(chosen.synthesize("Hello.", language))))


def test_an_unknown_voice_is_told_with_those_that_there_are(
    make: Callable[..., Synthesizer],
) -> None:
    known = make().voices()[0].name
    with pytest.raises(EngineMissing, match="no voice 'nobody'") as caught:
        make(voice=["nobody"])
    assert "choose one of: " in caught.value.remedy
    assert known in caught.value.remedy or "more" in caught.value.remedy


@pytest.mark.parametrize("make", MAKERS, indirect=True)
def test_a_language_without_a_voice_is_told(make: Callable[..., Synthesizer]) -> None:
    """Of all but a server, which does not say what it speaks."""
    with pytest.raises(LanguageUnspoken) as caught:
        next(make().synthesize("Saluton.", "xx"))
    assert caught.value.language == "xx"


def test_it_speaks_faster_when_it_is_told_to(make: Callable[..., Synthesizer]) -> None:
    usual, hurried = (
        len(sound(list(make(words_per_minute=pace).synthesize(TEXT, "en")))) for pace in (165, 300)
    )
    assert hurried < 0.8 * usual


@pytest.mark.parametrize("text", ["", "...", "\n\n", "!?"])
def test_nothing_to_say_is_no_sound(make: Callable[..., Synthesizer], text: str) -> None:
    assert list(make().synthesize(text, "en")) == []


def test_letters_that_it_does_not_know_do_no_harm(make: Callable[..., Synthesizer]) -> None:
    engine = make()
    pieces = list(engine.synthesize("漢字. ١٢٣. Hello.", "en"))
    assert pieces[-1].text == "Hello."


def test_several_threads_may_speak_at_once(make: Callable[..., Synthesizer]) -> None:
    engine = make()

    def spoken(text: str) -> int:
        return len(sound(list(engine.synthesize(text, "en"))))

    texts = ["Hello.", "Good morning.", "Your parcel is on its way."] * 4
    alone = [spoken(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(spoken, texts))
    assert np.allclose(together, alone, rtol=0.02)
