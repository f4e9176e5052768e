"""Speech from a server: streamed, understood in other forms, and what goes wrong with servers."""

import logging
import socket
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from models.errors import EngineFailed, EngineMissing
from models.openai_synthesizer import OpenAISynthesizer
from tests.models.speech_server import RATE_HZ, VOICES, SpeechServer, spoken

SENTENCE = "Your parcel is on its way and will be with you tomorrow."


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with SpeechServer() as server:
        yield server


def engine(server: SpeechServer, model: str = "tts", **more: Any) -> OpenAISynthesizer:
    return OpenAISynthesizer(model, base_url=server.url, **more)


def said(made: OpenAISynthesizer, text: str = SENTENCE) -> np.ndarray:
    return np.concatenate([piece.samples for piece in made.synthesize(text, "en")])


def failure(made: OpenAISynthesizer, text: str = SENTENCE) -> str:
    with pytest.raises(EngineFailed) as caught:
        said(made, text)
    return str(caught.value)


def test_it_says_what_the_server_says(server: SpeechServer) -> None:
    np.testing.assert_allclose(said(engine(server)), spoken(SENTENCE, "alloy"), atol=1e-4)
    assert server.asked == [
        {"model": "tts", "input": SENTENCE, "voice": "alloy", "response_format": "pcm"}
    ]


def test_what_is_set_reaches_the_server(server: SpeechServer) -> None:
    server.key = "sk-123"
    made = engine(
        server, voice="nova", api_key="sk-123", words_per_minute=198, instructions="Be calm."
    )
    said(made)
    assert server.asked[0]["voice"] == "nova"
    assert server.asked[0]["speed"] == pytest.approx(1.2)
    assert server.asked[0]["instructions"] == "Be calm."


def test_the_first_sound_comes_before_the_server_has_finished(server: SpeechServer) -> None:
    server.fault = "pauses"
    pieces = engine(server).synthesize(SENTENCE, "en")
    first = next(pieces)
    assert not server.go_on.is_set()
    assert not first.ends
    server.go_on.set()
    rest = list(pieces)
    assert [piece.ends for piece in rest] == [False] * (len(rest) - 1) + [True]
    whole = np.concatenate([piece.samples for piece in (first, *rest)])
    np.testing.assert_allclose(whole, spoken(SENTENCE, "alloy"), atol=1e-4)


def test_who_stops_listening_lets_the_server_go(server: SpeechServer) -> None:
    server.fault = "pauses"
    pieces = engine(server).synthesize(SENTENCE, "en")
    next(pieces)
    pieces.close()
    server.fault = ""
    server.go_on.set()
    assert len(said(engine(server)))


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 22_050])
@pytest.mark.parametrize("form", ["wav", "mp3"])
def test_a_server_that_sends_files_is_understood(
    server: SpeechServer, form: str, rate_hz: int
) -> None:
    server.form, server.rate_hz = form, rate_hz
    heard = said(engine(server))
    expected = spoken(SENTENCE, "alloy")
    assert len(heard) == pytest.approx(len(expected), abs=3000)
    cut = slice(4000, 12_000)
    spectra = [np.abs(np.fft.rfft(each[cut])) for each in (heard, expected)]
    assert np.argmax(spectra[0]) == np.argmax(spectra[1])


def test_another_rate_of_raw_samples_can_be_set(server: SpeechServer) -> None:
    server.rate_hz = 16_000
    (*_, piece) = engine(server, sample_rate_hz=16_000).synthesize(SENTENCE, "en")
    assert piece.sample_rate_hz == 16_000


def test_voices_are_the_servers(server: SpeechServer) -> None:
    assert [voice.name for voice in engine(server).voices()] == list(VOICES)
    with pytest.raises(EngineMissing, match="no voice 'joe'") as caught:
        engine(server, voice="joe")
    assert caught.value.remedy == "choose one of: alloy, nova, shimmer"


def test_a_server_that_names_no_voices_is_asked_for_the_one_chosen(server: SpeechServer) -> None:
    server.voices = None
    assert [voice.name for voice in engine(server, voice="nova").voices()] == ["nova"]
    assert [voice.name for voice in engine(server).voices()] == ["alloy"]
    assert "refused with 400" in failure(engine(server, voice="joe"))


class TestWhatGoesWrong:
    def test_a_wrong_key_is_told_at_start(self, server: SpeechServer) -> None:
        server.key = "right"
        with pytest.raises(EngineMissing, match=r"refuses the key \(401\)") as caught:
            engine(server, api_key="wrong")
        assert "wrong" not in str(caught.value)

    def test_a_key_that_ran_out_later(self, server: SpeechServer) -> None:
        made = engine(server, api_key="old")
        server.key = "new"
        assert "refuses the key" in failure(made)

    def test_no_key_for_openai(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        with pytest.raises(EngineMissing, match="wants a key") as caught:
            OpenAISynthesizer("tts")
        assert "OPENAI_API_KEY" in caught.value.remedy

    def test_a_server_that_is_down(self, caplog: pytest.LogCaptureFixture) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        with caplog.at_level(logging.WARNING):
            made = OpenAISynthesizer("tts", base_url=f"http://127.0.0.1:{port}/v1")
        assert "speech.server_unreachable" in caplog.text
        assert "cannot be reached" in failure(made)

    def test_a_server_that_says_nothing(self, server: SpeechServer) -> None:
        made = engine(server, timeout_s=0.2)
        server.fault = "silent"
        assert "has not answered within 0.2 s" in failure(made)

    def test_a_server_that_falls_silent_midway(self, server: SpeechServer) -> None:
        made = engine(server, timeout_s=0.3)
        server.fault = "pauses"
        assert "fell silent for 0.3 s" in failure(made)

    def test_half_an_answer(self, server: SpeechServer) -> None:
        server.fault = "half"
        assert "broke off" in failure(engine(server))

    def test_half_a_sample(self, server: SpeechServer) -> None:
        server.fault = "odd"
        assert "in the middle of a sample" in failure(engine(server))

    def test_an_answer_that_is_no_sound(self, server: SpeechServer) -> None:
        server.fault = "json"
        assert "sent 'application/json' in place of sound" in failure(engine(server))

    def test_an_empty_answer(self, server: SpeechServer) -> None:
        server.fault = "empty"
        assert "sent no sound" in failure(engine(server))

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            ("429", "asked too often"),
            ("503", "failed with 503"),
            ("422", "refused with 422"),
            ("403", "refuses the key"),
        ],
    )
    def test_a_refusal_is_put_into_words_without_what_was_said(
        self, server: SpeechServer, status: str, reason: str
    ) -> None:
        server.fault = status
        told = failure(engine(server), "My card is 4111 1111 1111 1111.")
        assert reason in told
        assert "4111" not in told

    def test_a_model_that_is_not_there(self, server: SpeechServer) -> None:
        assert "has no model 'other'" in failure(engine(server, model="other"))
