"""What is said: BANKING77's test set spoken over a telephone, heard, and understood.

The models are taught the training set as it is typed, and a part of it as the desk's transcriber
hears it from other voices, as `frontdesk synth --spoken` would make it: what is misheard the same
way again and again becomes a way to say it.
"""

import os
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.figures import Figure
from benchmarks.understanding.data import banking
from benchmarks.understanding.models import evaluated, trained
from benchmarks.understanding.text import SEEDS, percent
from models.audio import SAMPLE_RATE_HZ, resampled
from models.moonshine import MoonshineTranscriber
from models.synthesis.speech import VOICES, SpeechLook, recorded
from models.understanding.observation import Example, Observation
from models.understanding.settings import Settings

TEST_VOICES = ("en-us", "en-gb", "en-us+f3")
"""Each speaks every third text of the test set."""
TAUGHT = 1_000
"""Texts of the training set that are spoken to be taught."""
_WORDS_PER_MINUTE = (120, 170)


def spoken_banking(folder: Path) -> list[Figure]:
    """Typed and heard, by the same models."""
    teaching, typed = banking("train"), banking("test")
    some = random.Random(1).sample(teaching, TAUGHT)
    taught = _heard(some, VOICES, folder / "heard-train.json")
    heard = _heard(typed, TEST_VOICES, folder / "heard-test.json")
    silent = [each for each in heard if not each.observation.text]
    words = [each for each in taught if each.observation.text]
    of_typed, of_heard = [], []
    for seed in SEEDS:
        model = trained(folder / f"spoken-{seed}", [*teaching, *words], Settings(seed=seed))
        of_typed.append(evaluated(model.predictor, typed).accuracy)
        of_heard.append(evaluated(model.predictor, heard).accuracy)
    # The same as the part `frozen` trains.
    plain = trained(folder / "frozen-1", teaching, Settings(seed=1))
    lost = 100 * (float(np.mean(of_typed)) - float(np.mean(of_heard)))
    return [
        percent("BANKING77 spoken, accuracy", of_heard),
        percent("the same texts typed", of_typed),
        Figure("spoken, below typed", round(lost, 2), "points", at_most=4),
        Figure("spoken, heard as no words", round(100 * len(silent) / len(heard), 2), "%"),
        percent(
            "spoken, by a model that was taught typed texts alone",
            [evaluated(plain.predictor, heard).accuracy],
        ),
    ]


def _heard(examples: Sequence[Example], voices: Sequence[str], kept: Path) -> list[Example]:
    """As the transcriber hears them; kept, for it takes minutes."""
    if kept.exists():
        texts = msgspec.json.decode(kept.read_bytes(), type=list[str])
    else:
        transcriber = MoonshineTranscriber()

        def hear(numbered: tuple[int, Example]) -> str:
            number, example = numbered
            rng = random.Random(number)
            pace = rng.randint(*_WORDS_PER_MINUTE)
            look = SpeechLook(voices[number % len(voices)], words_per_minute=pace, phone=True)
            samples, rate_hz = recorded(example.observation.text, look, rng)
            return transcriber.transcribe(resampled(samples, rate_hz, SAMPLE_RATE_HZ)).text

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            texts = list(pool.map(hear, enumerate(examples)))
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(msgspec.json.encode(texts))
    return [
        replace(each, observation=Observation(text=text))
        for each, text in zip(examples, texts, strict=True)
    ]
