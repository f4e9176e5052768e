"""The default text encoder, as a desk asks it, beside sentence-transformers with the same weights.

Short questions come one by one, and then from fifty customers at once. sentence-transformers is
used as its documentation does, `SentenceTransformer(…).encode(question)`, in float32: with as many
threads as torch takes, and with one, which is quicker where other programs run. The ratio is to the
quicker of both.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from benchmarks.text_turns import questions
from models.batching import Batcher
from models.minilm import MiniLM, published_folder

_ROUNDS = 2
_AT_ONCE = 50
Floats = NDArray[np.float32]


def measure(folder: Path) -> list[Figure]:
    import torch
    from sentence_transformers import SentenceTransformer

    asked = [question for question in questions() if len(question.split()) <= 15][:150]
    reference = SentenceTransformer(str(published_folder()), device="cpu")
    encoder = MiniLM()
    reference.encode(asked[:10])
    encoder.encode_queries(asked[:10])
    theirs_ms, theirs_on_one_ms, ours_ms = [], [], []
    threads = torch.get_num_threads()
    # In turns, so that what else the machine does meets both.
    for _ in range(_ROUNDS):
        theirs_ms += _each(reference.encode, asked)
        torch.set_num_threads(1)
        theirs_on_one_ms += _each(reference.encode, asked)
        torch.set_num_threads(threads)
        ours_ms += asyncio.run(_one_by_one(encoder, asked))
    started = time.perf_counter()
    asyncio.run(_at_once(encoder, asked * _ROUNDS))
    rate = len(asked) * _ROUNDS / (time.perf_counter() - started)
    started = time.perf_counter()
    expected: Floats = reference.encode(asked, normalize_embeddings=True)
    in_batches = len(asked) / (time.perf_counter() - started)
    cosines = (encoder.encode_queries(asked) * expected).sum(1)
    theirs, on_one, ours = median(theirs_ms), median(theirs_on_one_ms), median(ours_ms)
    return [
        Figure("one short question, sentence-transformers float32, p50", round(theirs, 2), "ms"),
        Figure("… the same on one thread", round(on_one, 2), "ms"),
        Figure("… the default encoder through its batcher, p50", round(ours, 2), "ms"),
        Figure("… how many times as fast", round(min(theirs, on_one) / ours, 1), "×", at_least=4),
        Figure("cosine of both vectors, mean", round(float(cosines.mean()), 4), "", at_least=0.995),
        Figure("… the lowest of all questions", round(float(cosines.min()), 4), ""),
        Figure(f"questions a second, {_AT_ONCE} at once", round(rate), "/s"),
        Figure("… sentence-transformers, in batches of 32", round(in_batches), "/s"),
    ]


def _each(encode: Callable[[str], Any], asked: Sequence[str]) -> list[float]:
    """Milliseconds of each."""
    spent = []
    for question in asked:
        started = time.perf_counter()
        encode(question)
        spent.append(1000 * (time.perf_counter() - started))
    return spent


async def _one_by_one(encoder: MiniLM, asked: Sequence[str]) -> list[float]:
    """The same of the desk's way: a batcher on the event loop, the encoder in its thread."""
    batcher: Batcher[str, Floats] = Batcher(encoder.encode_queries)
    spent = []
    for question in asked:
        started = time.perf_counter()
        await batcher.run(question)
        spent.append(1000 * (time.perf_counter() - started))
    await batcher.close()
    return spent


async def _at_once(encoder: MiniLM, asked: Sequence[str]) -> None:
    batcher: Batcher[str, Floats] = Batcher(encoder.encode_queries)
    for at in range(0, len(asked), _AT_ONCE):
        await asyncio.gather(*(batcher.run(each) for each in asked[at : at + _AT_ONCE]))
    await batcher.close()
