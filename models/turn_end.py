"""How likely a caller has finished, from the words so far and how the voice ends; English.

Two small models, trained on questions that customers ask (`benchmarks/turn_ends`): a logistic
regression on the last words tells a whole sentence from the beginning of one; a network of one
hidden layer weighs that with the voice, and with Smart Turn where that listens too.
"""

import math
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.melody import Melody

Floats = NDArray[np.float64]

LANGUAGES = frozenset({"en"})
WEIGHTS = Path(__file__).parent / "weights" / "turn_end.npz"
BUCKETS = 1 << 14
"""Of the words' features, which are hashed (Weinberger et al., 2009)."""
_MOST_WORDS = 12
_START = "<s>"
UNKNOWN = "<?>"
_FUNCTION_WORDS = """
a an the my your his her its our their this that these those some any every all both each no
another and or but because so if when while although since unless until as than which who whom
whose whether of to in on at by for with from about into onto over under between through during
without after before against is are was were am be been being has have had having do does did
done doing can could will would shall should may might must cannot i you we he she they it me
him us them what where why how there here not very really just also too quite rather almost only
even still yet already again now then ever never please um uh er erm hmm like well okay ok yes
hi hello thanks thank it's i'm i've i'd i'll you're we're they're there's that's what's where's
isn't aren't wasn't can't couldn't don't didn't won't wouldn't doesn't hasn't haven't want need
get got go going know tell let make take give see use help think much many more most up out off
back down one two
"""
"""Words that say by themselves what may follow; all others count as one class besides."""
_FUNCTION = frozenset(_FUNCTION_WORDS.split())
_SURE = 6.0
"""Odds beyond which the words say no more."""
_LEAST, _MOST = 0.005, 0.995
"""Of Smart Turn's probability."""


def probability(
    words: Sequence[str], mark: str, melody: Melody | None, complete: float | None
) -> float:
    """That nothing follows. `words`: of the turn so far, in lower case; at least one. `mark`: the
    last character of the transcript. `complete`: by Smart Turn; None where it does not listen."""
    weights = _weights()
    seen = features(said_whole(words), len(words), mark, melody, complete)
    kind = "voice" if complete is None else "sound"
    scaled = (seen - weights[f"{kind}_mean"]) / weights[f"{kind}_spread"]
    hidden = np.tanh(scaled @ weights[f"{kind}_in"] + weights[f"{kind}_in_bias"])
    odds = float(hidden @ weights[f"{kind}_out"] + weights[f"{kind}_out_bias"])
    return 1 / (1 + math.exp(-odds))


def said_whole(words: Sequence[str]) -> float:
    """Odds (a logarithm) that these words are a whole sentence and not the beginning of one."""
    weights = _weights()
    table = weights["words"]
    scale, bias = weights["words_scale"]
    return float(table[word_features(words)].sum(dtype=np.float64) * scale + bias)


def word_features(words: Sequence[str]) -> list[int]:
    """Which buckets of the words' table are counted. A word that was never seen in training counts
    by its class alone; `UNKNOWN` stands for one."""
    said = ["0" if word.isdigit() else word for word in words]
    kinds = [_START] * 3 + [word if word in _FUNCTION or word == "0" else "C" for word in said]
    *_, third, second, last = [_START, _START, _START, *said]
    first, length = said[0], min(len(said), _MOST_WORDS)
    by_class = (
        f"k1 {kinds[-1]}",
        f"k2 {kinds[-2]} {kinds[-1]}",
        f"k3 {kinds[-3]} {kinds[-2]} {kinds[-1]}",
        f"k4 {' '.join(kinds[-4:])}",
        f"kf {kinds[3]} {kinds[-2]} {kinds[-1]}",
        f"kf2 {' '.join(kinds[3:5])} {kinds[-1]}",
        f"kn {kinds[-1]} {length}",
        f"kfn {kinds[3]} {length} {kinds[-1]}",
        f"n {length}",
    )
    by_word = (
        f"1 {last}",
        f"2 {second} {last}",
        f"3 {third} {second} {last}",
        f"g {third} {last}",
        f"p {second}",
        f"q {third}",
        f"s {last[-3:]}",
        f"s2 {second[-3:]} {last[-3:]}",
        f"f {first} {length}",
        f"fa {first} {last}",
        f"ff {' '.join(said[:2])} {length // 2}",
    )
    known = (each for each in by_word if UNKNOWN not in each)
    return [zlib.crc32(each.encode()) % BUCKETS for each in (*by_class, *known)]


def is_content(word: str) -> bool:
    """Whether it is one of the words without end, and not of those that hold them together."""
    return word not in _FUNCTION


def features(
    whole: float, words: int, mark: str, melody: Melody | None, complete: float | None
) -> Floats:
    """What the network sees. `whole`: see `said_whole`. Shape (n,), one more with `complete`."""
    whole = min(max(whole, -_SURE), _SURE)
    asks = float(mark in "?？؟")
    heard = melody or Melody(0.0)
    seen = [
        whole,
        whole * asks,
        asks,
        float(mark in ".!"),
        math.log1p(words),
        float(words < 3),
        float(melody is None),
        _between(heard.above, -8, 6),
        _between(heard.late, -8, 6),
        _between(heard.early, -8, 8),
        _between(heard.slope, -40, 40) / 20,
        _between(heard.over_lowest, -5, 10),
        _between(heard.over_highest, -10, 3),
        _between(heard.level, -40, 10) / 10,
        _between(heard.level_quarter, -40, 10) / 10,
        _between(heard.level_half, -40, 10) / 10,
        min(heard.stretch_s, 0.6),
        min(heard.after_s, 0.4),
        math.log(0.1 + heard.voiced_s),
    ]
    if complete is not None:
        sure = _between(complete, _LEAST, _MOST)
        seen.append(math.log(sure / (1 - sure)))
    return np.array(seen)


def _between(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)


@cache
def _weights() -> dict[str, Floats]:
    with np.load(WEIGHTS) as stored:
        return dict(stored)
