"""The first sound of a spoken answer: what the desk adds to one sentence's synthesis.

The answer has four sentences; the first is Markdown with a price and a time, which are put into
words. The engine is asked for its first sentence alone, in a thread of the same process, and then
through `Speaker.stream`, in turns. The second engine does nothing but take as long as a neural one
takes: its figure shows that no second sentence is waited for.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.figures import Figure, percentile
from bot.media import MediaStore
from bot.speakable import speakable
from bot.speech import Speaker
from models.espeak import Espeak
from models.sentences import sentences
from models.synthesizer import Speech, Synthesizer, Voice

_ROUNDS = 200
_SLOW_ROUNDS = 10
_SLOW_S = 0.15
_ANSWER = (
    "Your order **VT-482137** costs €129.50 and comes on 2026-12-03 at 14:30. It was handed to the "
    "carrier this morning. You can follow it in the app. Is there anything else?"
)


class _Slow:
    """Takes a while for each sentence, as a neural voice does."""

    def voices(self) -> list[Voice]:
        return [Voice("slow", "en")]

    def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
        for sentence in sentences(text):
            time.sleep(_SLOW_S)  # as long as a neural voice computes
            yield Speech(np.zeros(24_000, np.float32), 24_000, sentence)


def measure(folder: Path) -> list[Figure]:
    espeak = asyncio.run(_added_ms(Espeak(), folder, _ROUNDS))
    slow = asyncio.run(_added_ms(_Slow(), folder, _SLOW_ROUNDS))
    return [
        Figure("first sound of an answer beyond its first sentence, espeak, p50",
               round(median(espeak), 2), "ms", at_most=10),
        Figure("… p95", round(percentile(espeak, 0.95), 2), "ms", at_most=10),
        Figure(f"… an engine that takes {_SLOW_S * 1000:g} ms for each sentence, p50",
               round(median(slow), 2), "ms", at_most=10),
    ]  # fmt: skip


async def _added_ms(engine: Synthesizer, folder: Path, rounds: int) -> list[float]:
    """Milliseconds from an answer's text to its first sound, less those of the engine alone."""
    speaker = Speaker(engine, MediaStore(str(folder)))
    spoken = speakable(_ANSWER, "en")
    first = next(sentences(spoken))
    added = []
    for _ in range(rounds):
        alone_s = await asyncio.to_thread(_alone, engine, first)
        started = time.perf_counter()
        async with aclosing(speaker.stream(_ANSWER, "en", "con_1")) as pieces:
            piece = await anext(pieces)
            took_s = time.perf_counter() - started
        assert piece.text == first
        added.append((took_s - alone_s) * 1000)
        # What is made ahead is finished before the next round begins.
        await asyncio.to_thread(_alone, engine, first)
    speaker.close()
    return added


def _alone(engine: Synthesizer, sentence: str) -> float:
    started = time.perf_counter()
    next(iter(engine.synthesize(sentence, "en", "con_1")))
    return time.perf_counter() - started
