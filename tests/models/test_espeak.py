"""Voices of espeak-ng, and the persons that each can be given."""

import ctypes
import gc
import subprocess
import sys

import numpy as np
import pytest

from models.audio import resampled
from models.errors import EngineMissing
from models.espeak import Espeak, variants
from models.understanding.prosody import prosody_of

SENTENCE = "I would like to return the headphones that I bought last week."


def pitch_hz(voice: str, text: str = SENTENCE, language: str = "en") -> float:
    (speech,) = Espeak(voice).synthesize(text, language)
    return prosody_of(resampled(speech.samples, speech.sample_rate_hz, 16_000), text).pitch_hz


def test_a_variant_is_another_person() -> None:
    assert {"f1", "f3", "m1", "m7"} <= set(variants())
    own = pitch_hz("English (America)")
    assert pitch_hz("English (America)+f3") > 1.5 * own
    assert pitch_hz("English (America)+m7") < 1.3 * own
    assert pitch_hz("English (America)") == pytest.approx(own, rel=0.05)


def test_a_voice_may_be_named_by_its_language() -> None:
    assert pitch_hz("en-us+f3") == pytest.approx(pitch_hz("English (America)+f3"), rel=0.05)
    british, american = (
        np.concatenate([each.samples for each in Espeak(voice).synthesize(SENTENCE, "en")])
        for voice in ("en-gb", "en-us")
    )
    assert len(british) != len(american)


def test_every_listed_voice_can_be_chosen() -> None:
    for voice in Espeak().voices():
        Espeak(voice.name)


def test_a_variant_speaks_only_its_own_language() -> None:
    german = "Ich habe mein Passwort vergessen und komme nicht in mein Konto."
    own = pitch_hz("", german, "de")
    assert pitch_hz("en-us+f3", german, "de") == pytest.approx(own, rel=0.05)
    assert pitch_hz("de+f3", german, "de") > 1.5 * own


@pytest.mark.parametrize(
    ("voice", "problem"),
    [
        ("Nobody", "no voice 'Nobody'"),
        ("Nobody+f3", "no voice 'Nobody'"),
        ("en-us+nobody", "no variant 'nobody'"),
        ("en-us+", "no variant ''"),
        ("+f3", "no voice ''"),
        ("en-us+../x", "no variant '../x'"),
    ],
)
def test_an_unknown_voice_is_told_with_those_that_there_are(voice: str, problem: str) -> None:
    with pytest.raises(EngineMissing) as caught:
        Espeak(voice)
    assert problem in str(caught.value)
    assert "choose one of: " in caught.value.remedy


_AT_ONCE = """
import threading
from models.espeak import Espeak

start, heard = threading.Barrier(8), []

def speak():
    start.wait()
    heard.append(any(part.samples.any() for part in Espeak().synthesize("Good morning.", "en")))

threads = [threading.Thread(target=speak) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(heard), all(heard))
"""


def test_the_first_to_speak_may_be_several_at_once() -> None:
    """In a fresh process each time: the library is set up by whoever comes first."""
    for _ in range(5):
        ended = subprocess.run(
            [sys.executable, "-c", _AT_ONCE], capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stdout.split(), ended.stderr) == (0, ["8", "True"], "")


def test_speaking_leaves_nothing_behind() -> None:
    """ctypes keeps a type for each length of an array that it saw: megabytes in a long call."""
    espeak = Espeak()
    list(espeak.synthesize("The first one.", "en"))
    before = _array_types()
    for number in range(20):
        list(espeak.synthesize(f"This is number {number} of {number * 37}.", "en"))
    assert _array_types() == before


def _array_types() -> int:
    gc.collect()
    return sum(isinstance(each, type(ctypes.c_short * 1)) for each in gc.get_objects())
