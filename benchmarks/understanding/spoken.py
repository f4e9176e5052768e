"""What is said: BANKING77's test set spoken over a telephone, heard, and understood."""

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
from benchmarks.understanding.models import evaluated, opened
from benchmarks.understanding.text import SEEDS, banking_model
from models.audio import SAMPLE_RATE_HZ, resampled
from models.moonshine import MoonshineTranscriber
from models.synthesis.speech import SpeechLook, recorded
from models.understanding.observation import Example, Observation

VOICES = ("en-us", "en-gb", "en-us+f3")
"""Each speaks every third text."""


def spoken_banking(folder: Path) -> list[Figure]:
    """Typed and heard, by the same models."""
    typed = banking("test")
    texts = _heard(typed, folder / "heard.json")
    heard = [
        replace(each, observation=Observation(text=text))
        for each, text in zip(typed, texts, strict=True)
    ]
    of_typed, of_heard = [], []
    for seed in SEEDS:
        predictor = opened(folder / f"banking-{seed}") or banking_model(folder, seed).predictor
        of_typed.append(evaluated(predictor, typed).accuracy)
        of_heard.append(evaluated(predictor, heard).accuracy)
    lost = 100 * (float(np.mean(of_typed)) - float(np.mean(of_heard)))
    silent = sum(not text for text in texts)
    return [
        Figure("BANKING77 spoken, accuracy", round(100 * float(np.mean(of_heard)), 2), "%"),
        Figure("spoken, below typed", round(lost, 2), "points", at_most=4),
        Figure("spoken, nothing heard", silent, "texts"),
    ]


def _heard(examples: Sequence[Example], kept: Path) -> list[str]:
    """A transcript of each; kept, for it takes minutes."""
    if kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=list[str])
    transcriber = MoonshineTranscriber()

    def hear(numbered: tuple[int, Example]) -> str:
        number, example = numbered
        voice = VOICES[number % len(VOICES)]
        rng = random.Random(number)
        look = SpeechLook(voice, words_per_minute=rng.randint(130, 170), phone=True)
        samples, rate_hz = recorded(example.observation.text, look, rng)
        return transcriber.transcribe(resampled(samples, rate_hz, SAMPLE_RATE_HZ)).text

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        texts = list(pool.map(hear, enumerate(examples)))
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(msgspec.json.encode(texts))
    return texts
