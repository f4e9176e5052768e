"""Sentences as customers might have recorded them: a voice, what is heard beside it, a line.

The voices are espeak-ng's, in English: of all its accents and persons those that Moonshine, tried
on a few sentences each, understood best, clean and disturbed. Mono sound throughout: float32 from
-1 to 1, shape (length,), with its sample rate in Hz.
"""

import random
from dataclasses import dataclass

import numpy as np

from models.audio import Samples
from models.errors import ModelError
from models.espeak import Espeak
from models.synthesis.noise import NOISES, Noise, with_noise
from models.synthesis.transmission import Codec, encoded, phone_band, through_codec

__all__ = [
    "VOICES", "Codec", "Noise", "SpeechLook", "draw_speech_look", "encoded", "phone_band",
    "recorded", "spoken", "through_codec", "with_noise",
]  # fmt: skip

VOICES = (
    "en-us", "en-us+m1", "en-us+m2", "en-us+m5", "en-us+m7", "en-us+f3", "en-us+f5", "en-us+steph",
    "en-us+victor", "en-us+max", "en-us+rob", "en-us+sandro", "en-us-nyc+m3", "en-gb", "en-gb+m2",
    "en-gb+Annie", "en-gb+robert", "en-gb+quincy", "en-gb+gustave", "en-gb-x-rp",
)  # fmt: skip
_LANGUAGE = "en"
_BREATH_S = 0.3
"""Quiet before, between and after sentences."""
_QUIET_SHARE = 0.25
_PHONE_SHARE = 0.15
_CODEC_SHARES: dict[Codec, float] = {"none": 0.25, "opus": 0.4, "aac": 0.25, "amr": 0.1}
_SNR_DB = (12.0, 30.0)
_WORDS_PER_MINUTE = (125, 175)
"""These are milder than what people's voices bear: a machine's voice is harder to understand, and
where nothing is understood nothing is learned."""


@dataclass(frozen=True)
class SpeechLook:
    """Who says it, where, and over what."""

    voice: str
    """One of `VOICES`, or any that `Espeak` takes."""
    words_per_minute: int = 160
    noise: Noise = "none"
    snr_db: float = 20.0
    """How much louder the voice is than the noise."""
    phone: bool = False
    """Over a telephone line (`phone_band`)."""
    codec: Codec = "none"


def draw_speech_look(rng: random.Random) -> SpeechLook:
    """Somebody, somewhere: a quarter in a quiet room, one of seven on the telephone."""
    (codec,) = rng.choices(list(_CODEC_SHARES), list(_CODEC_SHARES.values()))
    return SpeechLook(
        voice=rng.choice(VOICES),
        words_per_minute=rng.randint(*_WORDS_PER_MINUTE),
        noise="none" if rng.random() < _QUIET_SHARE else rng.choice(NOISES[1:]),
        snr_db=round(rng.uniform(*_SNR_DB), 1),
        phone=rng.random() < _PHONE_SHARE,
        codec=codec,
    )


def spoken(text: str, voice: SpeechLook) -> tuple[Samples, int]:
    """The text, said by the look's voice at its pace, clean, with a breath around it.

    Raises `EngineMissing` if there is no such voice, `ModelError` if nothing in the text can be
    said.
    """
    pieces = list(Espeak(voice.voice, voice.words_per_minute).synthesize(text, _LANGUAGE))
    if not pieces or not any(piece.samples.any() for piece in pieces):
        raise ModelError(f"nothing in “{text}” can be spoken")
    rate_hz = pieces[0].sample_rate_hz
    breath = np.zeros(round(_BREATH_S * rate_hz), np.float32)
    parts = [part for piece in pieces for part in (breath, piece.samples)]
    return np.concatenate([*parts, breath]), rate_hz


def recorded(text: str, look: SpeechLook, rng: random.Random) -> tuple[Samples, int]:
    """The text as it arrives, all of the look applied but its codec: `encoded` and `through_codec`
    do that. Raises what `spoken` does."""
    samples, rate_hz = spoken(text, look)
    samples = with_noise(samples, rate_hz, look.snr_db, look.noise, rng)
    return phone_band(samples, rate_hz) if look.phone else (samples, rate_hz)
