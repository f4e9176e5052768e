"""Pace, loudness, pitch and pauses, of sounds in which they are known."""

import time
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from models.audio import SAMPLE_RATE_HZ
from models.espeak import Espeak
from models.understanding.prosody import prosody_of

Samples = NDArray[np.float32]

SENTENCE = "I have been waiting for my parcel since last Tuesday and nobody tells me where it is"


def tone(hz: float, seconds: float = 1.0, level: float = 0.2, harmonics: int = 6) -> Samples:
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    parts = [np.sin(2 * np.pi * hz * k * at) / k for k in range(1, harmonics + 1)]
    return np.asarray(level * np.sum(parts, 0), np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)


def noise(seconds: float, level: float, seed: int = 0) -> Samples:
    count = round(seconds * SAMPLE_RATE_HZ)
    return np.random.default_rng(seed).normal(0, level, count).astype(np.float32)


def spoken(words_per_minute: int) -> Samples:
    speech = next(Espeak(words_per_minute=words_per_minute).synthesize(SENTENCE, "en"))
    count = round(speech.duration_s * SAMPLE_RATE_HZ)
    at = np.arange(count) * speech.sample_rate_hz / SAMPLE_RATE_HZ
    return np.interp(at, np.arange(len(speech.samples)), speech.samples).astype(np.float32)


@pytest.mark.parametrize("hz", [65, 82, 110, 156, 221, 305, 390])
@pytest.mark.parametrize("harmonics", [1, 6])
def test_pitch_is_right_within_two_percent(hz: float, harmonics: int) -> None:
    found = prosody_of(tone(hz, harmonics=harmonics))
    assert found is not None
    assert found.pitch_hz == pytest.approx(hz, rel=0.02)
    assert found.pitch_range < 0.1


def test_pitch_survives_noise() -> None:
    found = prosody_of(tone(140, 2.0) + noise(2.0, 0.05))
    assert found is not None
    assert found.pitch_hz == pytest.approx(140, rel=0.02)


def test_a_voice_that_moves_over_an_octave_has_its_range_in_semitones() -> None:
    found = prosody_of(np.concatenate([tone(140, 1.0), tone(140 * 2 ** (4 / 12), 1.0)]))
    assert found is not None
    # Half of the time four semitones higher: two above and two below their mean.
    assert found.pitch_range == pytest.approx(2.0, abs=0.2)


def test_noise_has_no_pitch() -> None:
    found = prosody_of(noise(2.0, 0.1))
    assert found is not None
    assert (found.pitch_hz, found.pitch_range, found.pace) == (0, 0, 0)


def test_pace_rises_with_the_speed_of_speech() -> None:
    paces = [found.pace for w in (110, 165, 250, 330) if (found := prosody_of(spoken(w)))]
    assert all(one * 1.1 < other for one, other in pairwise(paces)), paces
    # 22 syllables in five seconds.
    assert paces[1] == pytest.approx(22 / 5, rel=0.2)


def test_words_bound_the_number_of_syllables() -> None:
    wobble = (1 + np.sin(2 * np.pi * 8 * np.arange(5 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)) / 2
    trembling = np.asarray(tone(120, 5.0) * wobble, np.float32)
    alone, bounded = prosody_of(trembling), prosody_of(trembling, "yes no")
    assert alone is not None
    assert bounded is not None
    assert alone.pace == pytest.approx(8, rel=0.1)
    assert bounded.pace < 1


@pytest.mark.parametrize("gap_s", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("background", [0.0, 0.01])
def test_pauses_are_right_within_five_points(gap_s: float, background: float) -> None:
    parts = [silence(0.7), tone(150), silence(gap_s), tone(150), silence(1.3)]
    sound = np.concatenate(parts)
    found = prosody_of(sound + noise(len(sound) / SAMPLE_RATE_HZ, background))
    assert found is not None
    assert found.pauses == pytest.approx(gap_s / (2 + gap_s), abs=0.05)


def test_silence_around_speech_is_no_pause() -> None:
    found = prosody_of(np.concatenate([silence(2.0), tone(150), silence(3.0)]))
    assert found is not None
    assert found.pauses < 0.02


def test_loudness_is_measured_below_full_scale() -> None:
    # A sine of amplitude 0.1 has a mean square of 0.005.
    found = prosody_of(tone(150, level=0.1, harmonics=1))
    assert found is not None
    assert found.loudness_db == pytest.approx(10 * np.log10(0.005), abs=0.5)
    assert found.loudness_range_db < 0.5


def test_half_of_it_shouted_has_a_range_of_loudness() -> None:
    loud, soft = tone(150, level=0.2), tone(150, level=0.02)
    found = prosody_of(np.concatenate([silence(0.3), soft, loud, silence(0.3)]))
    assert found is not None
    assert found.loudness_range_db == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    "sound",
    [silence(0), silence(3), noise(3, 0.0005), tone(150, 0.1), tone(150, 0.01)],
    ids=["nothing", "silence", "hiss", "too short", "a click"],
)
def test_where_nothing_is_to_be_heard_there_is_no_prosody(sound: Samples) -> None:
    assert prosody_of(sound) is None


def test_a_click_within_silence_is_no_speech() -> None:
    sound = np.concatenate([silence(1), tone(150, 0.02, 0.9), silence(1)])
    assert prosody_of(sound) is None


def test_twelve_seconds_take_less_than_sixty_milliseconds() -> None:
    sound = np.tile(spoken(165), 4)[: 12 * SAMPLE_RATE_HZ]
    took = []
    for _ in range(5):
        start = time.perf_counter()
        prosody_of(sound)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.06


def test_ten_minutes_are_taken_in_pieces() -> None:
    found = prosody_of(np.tile(spoken(165), 120)[: 600 * SAMPLE_RATE_HZ])
    once = prosody_of(spoken(165))
    assert found is not None
    assert once is not None
    assert found.pitch_hz == pytest.approx(once.pitch_hz, rel=0.01)
    assert found.pace == pytest.approx(once.pace, rel=0.15)
