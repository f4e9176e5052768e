"""Voices, noise, telephone lines and codecs: each does what it says, and speech survives it."""

import random
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.audio import decode, resampled
from models.errors import ModelError
from models.espeak import Espeak
from models.media_type import kind_of, sniff
from models.moonshine import MoonshineTranscriber
from models.synthesis.noise import NOISES
from models.synthesis.speech import (
    VOICES,
    Codec,
    Noise,
    SpeechLook,
    draw_speech_look,
    encoded,
    phone_band,
    recorded,
    spoken,
    through_codec,
    with_noise,
)
from models.synthesis.transmission import CODECS
from tests.models.media import samples_of

SENTENCE = "My card was declined at the checkout."
LOOK = SpeechLook("en-us+m5", words_per_minute=145)

Sound = NDArray[np.float32]


def power(samples: Sound) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def likeness(sound: Sound, rate_hz: int, other: Sound, other_hz: int) -> float:
    """The correlation of two sounds at 8 kHz, up to 30 ms apart."""
    one, two = resampled(sound, rate_hz, 8_000), resampled(other, other_hz, 8_000)
    length = min(len(one), len(two)) - 800
    return max(
        float(np.corrcoef(one[400 : 400 + length], two[400 + at : 400 + at + length])[0, 1])
        for at in range(-240, 241)
    )


def test_every_voice_speaks_and_they_differ() -> None:
    said = {voice: spoken(SENTENCE, SpeechLook(voice))[0] for voice in VOICES}
    assert all(1.5 < len(samples) / 22_050 < 5 for samples in said.values())
    assert len({samples.tobytes() for samples in said.values()}) == len(VOICES)


def test_the_pace_is_as_asked() -> None:
    slow, fast = (len(spoken(SENTENCE, SpeechLook("en-us", pace))[0]) for pace in (120, 200))
    assert slow > 1.3 * fast


def test_what_cannot_be_said_is_refused() -> None:
    with pytest.raises(ModelError, match="can be spoken"):
        spoken("…", LOOK)


@pytest.mark.parametrize("kind", NOISES[1:])
@pytest.mark.parametrize("snr_db", [0.0, 10.0, 25.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_noise_is_as_loud_as_asked(kind: Noise, snr_db: float, seed: int) -> None:
    samples, rate_hz = spoken(SENTENCE, LOOK)
    noisy = with_noise(samples, rate_hz, snr_db, kind, random.Random(seed))
    assert noisy.dtype == np.float32
    assert noisy.shape == samples.shape
    assert np.abs(noisy).max() <= 1
    # What is left when as much of the voice as there is in it is taken out.
    voice = samples * (float(noisy @ samples) / float(samples @ samples))
    found_db = 10 * np.log10(power(voice) / power(noisy - voice))
    assert found_db == pytest.approx(snr_db, abs=0.5)


def test_kinds_of_noise_sound_different() -> None:
    voice = np.full(44_100, 1e-3, np.float32)
    shares = {}
    for kind in NOISES[1:]:
        noise = with_noise(voice, 22_050, -40, kind, random.Random(1))
        spectrum = np.abs(np.fft.rfft(noise)) ** 2
        hertz = np.fft.rfftfreq(len(noise), 1 / 22_050)
        shares[kind] = spectrum[hertz < 500].sum() / spectrum.sum()
    assert shares["hiss"] < 0.1 < shares["babble"] < shares["hum"]
    assert shares["street"] > 0.5


def test_without_noise_or_sound_nothing_changes() -> None:
    silence = np.zeros(1000, np.float32)
    assert with_noise(silence, 16_000, 10, "hiss", random.Random(1)) is silence
    empty = np.zeros(0, np.float32)
    assert len(with_noise(empty, 16_000, 10, "babble", random.Random(1))) == 0
    assert len(phone_band(empty, 16_000)[0]) == len(through_codec(empty, 16_000, "opus")[0]) == 0
    samples, rate_hz = spoken(SENTENCE, LOOK)
    assert with_noise(samples, rate_hz, 10, "none", random.Random(1)) is samples


def test_the_same_seed_gives_the_same_noise() -> None:
    samples, rate_hz = spoken(SENTENCE, LOOK)
    one, two, other = (
        with_noise(samples, rate_hz, 10, "street", random.Random(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 48_000])
def test_a_telephone_lets_only_its_band_through(rate_hz: int) -> None:
    white = np.random.default_rng(0).normal(0, 0.1, 3 * rate_hz).astype(np.float32)
    heard, heard_hz = phone_band(white, rate_hz)
    assert heard_hz == 8_000
    assert len(heard) == pytest.approx(3 * 8_000, abs=8)
    spectrum = np.abs(np.fft.rfft(heard)) ** 2
    hertz = np.fft.rfftfreq(len(heard), 1 / heard_hz)
    within = spectrum[(hertz > 400) & (hertz < 3300)].mean()
    # What is left outside is the noise of eight bits.
    assert spectrum[(hertz < 220) | (hertz > 3480)].mean() < 0.001 * within
    passing = spectrum[(hertz > 400) & (hertz < 1400)].mean()
    assert passing == pytest.approx(spectrum[(hertz > 2200) & (hertz < 3200)].mean(), rel=0.2)


def test_a_telephone_has_eight_bits() -> None:
    samples, rate_hz = spoken(SENTENCE, LOOK)
    heard, _ = phone_band(samples, rate_hz)
    assert len(np.unique(heard)) <= 255


def test_a_telephone_does_not_shift_the_voice() -> None:
    click = np.zeros(16_000, np.float32)
    click[8_000] = 0.9
    assert abs(int(np.abs(phone_band(click, 16_000)[0]).argmax()) - 4_000) <= 1


@pytest.mark.parametrize("codec", CODECS)
def test_a_voice_survives_every_codec(codec: Codec) -> None:
    samples, rate_hz = spoken(SENTENCE, LOOK)
    heard, heard_hz = through_codec(samples, rate_hz, codec)
    assert heard_hz == {"none": rate_hz, "opus": rate_hz, "aac": 16_000, "amr": 8_000}[codec]
    assert len(heard) / heard_hz == pytest.approx(len(samples) / rate_hz, abs=0.1)
    assert likeness(samples, rate_hz, heard, heard_hz) > 0.7
    assert 0.5 < power(heard) / power(samples) < 2
    if codec != "none":
        assert likeness(samples, rate_hz, heard, heard_hz) < 0.9999


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_holds_what_the_codec_leaves(codec: Codec) -> None:
    samples, rate_hz = spoken(SENTENCE, LOOK)
    data, suffix = encoded(samples, rate_hz, codec)
    assert suffix == {"none": ".wav", "opus": ".ogg", "aac": ".m4a", "amr": ".amr"}[codec]
    media_type = sniff(data)
    assert media_type is not None
    assert kind_of(media_type) == "audio"
    heard, heard_hz = through_codec(samples, rate_hz, codec)
    assert likeness(heard, heard_hz, decode(data, limit_s=60), 16_000) > 0.95


def test_a_file_is_no_larger_than_asked() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 60 * 16_000).astype(np.float32)
    assert encoded(samples, 16_000, "none", 5_000_000)[1] == ".wav"
    for codec in CODECS:
        data, _ = encoded(samples, 16_000, codec, 60_000)
        assert len(data) <= 60_000
        assert len(decode(data, limit_s=100)) == pytest.approx(60 * 16_000, rel=0.01)


def test_looks_are_drawn_by_seed_and_vary() -> None:
    looks = [draw_speech_look(random.Random(seed)) for seed in range(200)]
    assert looks == [draw_speech_look(random.Random(seed)) for seed in range(200)]
    assert {look.voice for look in looks} == set(VOICES)
    assert {look.noise for look in looks} == set(NOISES)
    assert {look.codec for look in looks} == set(CODECS)
    assert {look.phone for look in looks} == {True, False}
    for look in looks[:5]:
        Espeak(look.voice, look.words_per_minute)


def test_a_recording_has_all_of_its_look() -> None:
    look = SpeechLook("en-gb+f3", 150, "hiss", 10.0, phone=True)
    samples, rate_hz = recorded(SENTENCE, look, random.Random(1))
    clean, clean_hz = spoken(SENTENCE, look)
    assert rate_hz == 8_000
    assert len(samples) / rate_hz == pytest.approx(len(clean) / clean_hz, abs=0.01)
    # The breath before the words is silent in one and hisses in the other.
    assert power(clean[:4_000]) == 0 < power(samples[:1_600])


def test_a_sentence_on_the_telephone_is_understood(
    moonshine: MoonshineTranscriber, shared_data: Path
) -> None:
    voice = samples_of(shared_data / "speech" / "jfk.flac")
    heard = moonshine.transcribe(resampled(*phone_band(voice, 16_000), 16_000))
    assert "ask what you can do for your country" in heard.text
    amr = through_codec(voice, 16_000, "amr")
    assert "your country can do for you" in moonshine.transcribe(resampled(*amr, 16_000)).text
