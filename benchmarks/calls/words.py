"""How much of what the desk says over a telephone is understood: its own voice, a telephone's band,
its own transcriber."""

import re
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from benchmarks.calls.measuring import Run, progress
from benchmarks.calls.speech import RATE_HZ, sentences
from benchmarks.figures import Figure
from benchmarks.turn_ends.people import ordered, orders
from bot.calls.transport import Sound
from models.audio import decode, resampled
from models.espeak import Espeak
from models.moonshine import MoonshineTranscriber
from models.synthesis.transmission import phone_band

_NAMES = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_NUMBERS = {word: str(number) for number, word in enumerate(_NAMES.split())}
_SHORT = {"i'm": "i am", "it's": "it is", "can't": "can not", "cannot": "can not",
          "doesn't": "does not", "i'd": "i would", "that's": "that is"}  # fmt: skip


def word_errors(folder: Path, run: Run) -> list[Figure]:
    """A hundred sentences; and the same without a telephone, to tell what it is that costs."""
    texts = [
        text.replace(" |", "")
        for kind in ("paused", "whole", "interruptions", "answers")
        for text in sentences(kind)
    ]
    voice, transcriber = Espeak(), MoonshineTranscriber()
    wrong, wide = 0, 0
    faultless, lost = 0, 0
    for n, text in enumerate(texts, 1):
        pieces = list(voice.synthesize(text, "en"))
        sound, rate_hz = np.concatenate([each.samples for each in pieces]), pieces[0].sample_rate_hz
        heard = transcriber.transcribe(resampled(*phone_band(sound, rate_hz), RATE_HZ)).text
        errors = _errors(text, heard)
        wrong, faultless, lost = wrong + errors, faultless + (not errors), lost + (not heard)
        wide += _errors(text, transcriber.transcribe(resampled(sound, rate_hz, RATE_HZ)).text)
        if n % 25 == 0:
            progress(n, len(texts))
    words = sum(len(_words(text)) for text in texts)
    return [
        Figure("sentences", len(texts), ""),
        Figure("word error rate over a telephone", round(100 * wrong / words, 1), "%", at_most=5),
        Figure("sentences without an error", faultless, ""),
        Figure("sentences of which nothing was understood", lost, ""),
        Figure("word error rate without a telephone", round(100 * wide / words, 1), "%"),
        *_orders(transcriber),
    ]


def _orders(transcriber: MoonshineTranscriber) -> list[Figure]:
    """Of what people order, what is not in the transcript; nothing where their recordings are not
    beside this checkout, which hold no other words to compare."""
    figures = []
    for name, line in (("as recorded", lambda sound: sound), ("over a telephone", _telephoned)):
        wanted = missing = 0
        for file in orders():
            heard = transcriber.transcribe(line(decode(file.read_bytes(), limit_s=60))).text
            said = f" {' '.join(_words(heard))} "
            things = ordered(file)
            wanted += len(things)
            missing += sum(f" {' '.join(_words(thing))} " not in said for thing in things)
        if wanted:
            share = round(100 * missing / wanted, 1)
            figures.append(Figure(f"missing of what people order, {name}", share, "%"))
    return figures


def _telephoned(sound: Sound) -> Sound:
    return resampled(*phone_band(sound, RATE_HZ), RATE_HZ)


def _errors(said: str, heard: str) -> int:
    return int(Levenshtein.distance(_words(said), _words(heard)))


def _words(text: str) -> list[str]:
    """Words to compare: without case and punctuation, numbers digit by digit, short forms whole."""
    found: list[str] = []
    for word in re.findall(r"[a-z]+(?:'[a-z]+)?|\d", text.lower().replace("’", "'")):
        found += _NUMBERS.get(word) or _SHORT.get(word, word).split()
    return found
