"""Transcription by a server: its words are judged, and its failures told in a sentence."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.errors import EngineFailed, EngineMissing
from models.openai_transcriber import OpenAITranscriber
from models.speech_parts import Samples
from models.voice_activity import SAMPLE_RATE_HZ
from tests.models.media import samples_of
from tests.models.transcription_server import KEY, TranscriptionServer, transcription_server


def segment(text: str, start: float, end: float, **more: float) -> dict[str, object]:
    about = {"avg_logprob": -0.1, "compression_ratio": 1.1, "no_speech_prob": 0.01, **more}
    return {"id": 0, "seek": 0, "text": text, "start": start, "end": end, **about}


ANSWER = {
    "task": "transcribe",
    "language": "german",
    "duration": 3.0,
    "text": "Wo ist meine Bestellung? Danke!",
    "segments": [segment(" Wo ist meine Bestellung?", 0.0, 2.0), segment(" Danke!", 2.4, 3.0)],
    "words": [
        {"word": "Wo", "start": 0.1, "end": 0.3},
        {"word": "ist", "start": 0.3, "end": 0.5},
        {"word": "Danke", "start": 2.4, "end": 3.0},
    ],
}


@pytest.fixture
def server() -> Iterator[TranscriptionServer]:
    with transcription_server() as running:
        running.answer = dict(ANSWER)
        yield running


@pytest.fixture
def speech(shared_data: Path) -> Samples:
    return samples_of(shared_data / "speech" / "jfk.flac")[: 4 * SAMPLE_RATE_HZ]


def client(server: TranscriptionServer, **settings: object) -> OpenAITranscriber:
    return OpenAITranscriber(**{"base_url": server.url, "api_key": KEY, **settings})


def test_text_language_and_words_with_their_times(
    server: TranscriptionServer, speech: Samples
) -> None:
    heard = client(server, model="whisper-large").transcribe(speech)
    assert (heard.text, heard.language, heard.problem) == (ANSWER["text"], "de", "")
    assert heard.confidence == pytest.approx(np.exp(-0.1), abs=0.01)
    assert [word.text for word in heard.words] == ["Wo", "ist", "Danke"]
    # The part that was sent begins where the speech does.
    assert heard.words[0].start_s > 0.1
    (asked,) = server.asked
    assert asked["model"] == "whisper-large"
    assert "language" not in asked
    # 16-bit samples of the speech, and none of the silence around it.
    assert 2 < len(server.heard[0]) / SAMPLE_RATE_HZ < 4


def test_language_and_vocabulary_go_to_the_server(
    server: TranscriptionServer, speech: Samples
) -> None:
    client(server, language="de", vocabulary=["Voltaro", "EcoCharge"]).transcribe(speech)
    assert server.asked[0]["language"] == "de"
    assert server.asked[0]["prompt"] == "Voltaro, EcoCharge."


def test_a_server_without_segments_is_asked_for_plain_text_ever_after(
    server: TranscriptionServer, speech: Samples
) -> None:
    server.knows_segments = False
    engine = client(server)
    for _ in range(2):
        heard = engine.transcribe(speech)
        assert (heard.text, heard.problem) == (ANSWER["text"], "")
    formats = [asked["response_format"] for asked in server.asked]
    assert formats == ["verbose_json", "json", "json"]


def test_what_the_server_invents_is_left_out(server: TranscriptionServer, speech: Samples) -> None:
    server.answer["segments"] = [
        segment(" Thanks for watching!", 0, 4, avg_logprob=-1.6, no_speech_prob=0.9)
    ]
    heard = client(server).transcribe(speech)
    assert (heard.text, heard.problem) == ("", "audio_not_speech")


def test_silence_never_leaves_the_machine(server: TranscriptionServer) -> None:
    heard = client(server).transcribe(np.zeros(3 * SAMPLE_RATE_HZ, np.float32))
    assert heard.problem == "audio_silence"
    assert server.asked == []


def test_who_is_asked_too_often_is_asked_again(
    server: TranscriptionServer, speech: Samples
) -> None:
    server.failures = [429, 503]
    assert client(server).transcribe(speech).text == ANSWER["text"]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ([429] * 3, "asked too often, or its credit is used up"),
        ([500] * 3, "failed with 500"),
        ([404], "has no model 'whisper-1'"),
        ([401], "refuses the key"),
        ([0], "half an answer"),
    ],
)
def test_a_failure_is_told_in_a_sentence(
    server: TranscriptionServer, speech: Samples, failures: list[int], said: str
) -> None:
    engine = client(server)
    server.failures = failures
    with pytest.raises(EngineFailed, match=said):
        engine.transcribe(speech)
    assert engine.transcribe(speech).text == ANSWER["text"], "it did not recover"


def test_a_draft_that_fails_is_no_failure(
    server: TranscriptionServer, speech: Samples, caplog: pytest.LogCaptureFixture
) -> None:
    listener = client(server).listen()
    server.failures = [404]
    with caplog.at_level(logging.WARNING):
        for piece in np.array_split(speech, 40):
            partial = listener.hear(piece)
    assert "transcriber.no_draft" in [record.message for record in caplog.records]
    assert partial.text
    assert listener.finish().text == ANSWER["text"]


def test_a_server_that_is_gone_is_told_in_a_sentence(speech: Samples) -> None:
    with transcription_server() as server:
        engine = client(server)
    engine._server.client = engine._server.client.with_options(max_retries=0)
    with pytest.raises(EngineFailed, match="cannot be reached"):
        engine.transcribe(speech)


def test_a_wrong_key_is_told_at_start(server: TranscriptionServer) -> None:
    with pytest.raises(EngineMissing, match=r"(?s)refuses the key \(401\).*api_key"):
        client(server, api_key="sk-expired")


def test_no_key_is_told_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EngineMissing, match="OPENAI_API_KEY"):
        OpenAITranscriber()
