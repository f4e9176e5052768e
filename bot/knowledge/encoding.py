"""Gives an index its vectors; texts that the former index held are not encoded again."""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bot.knowledge.article import Asked, Passage
from bot.knowledge.index import Floats, Index, Manifest, article_texts, semantic_text
from bot.knowledge.quote import unit_texts
from models.text_encoder import TextEncoder

BATCH_TEXTS = 32

Progress = Callable[[str, int, int], None]
"""Called with the step (`read`, `encode`), how much of it is done, and of how much."""


def encoded(
    passages: list[Passage],
    asked: list[Asked],
    manifest: Manifest,
    encoder: TextEncoder,
    former: Index | None = None,
    progress: Progress = lambda step, done, of: None,
) -> tuple[Index, int]:
    """The index of these passages, and how many texts had to be encoded for it."""
    known = _known(former) if former else {}
    texts = [semantic_text(passage) for passage in passages]
    units = [unit_texts(passage) for passage in passages]
    titles, wholes = article_texts(passages)
    questions = [one.question for one in asked]
    wanted = dict.fromkeys(itertools.chain(texts, *units, titles, wholes, questions))
    # Texts of like length share a batch, so little is wasted on padding.
    missing = sorted((text for text in wanted if text not in known), key=len)
    batches = [missing[at : at + BATCH_TEXTS] for at in range(0, len(missing), BATCH_TEXTS)]
    done = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        for batch, vectors in zip(batches, threads.map(encoder.encode, batches), strict=True):
            known |= zip(batch, vectors, strict=True)
            done += len(batch)
            progress("encode", done, len(missing))

    def rows(wanted: list[str]) -> Floats:
        found = np.zeros((len(wanted), encoder.dimensions), np.float32)
        for row, text in enumerate(wanted):
            found[row] = known[text]
        return found

    starts = np.cumsum([0, *map(len, units)], dtype=np.int32)
    of_units = rows(list(itertools.chain(*units))), starts
    of_articles = rows(titles), rows(wholes)
    of_asked = asked, rows(questions)
    index = Index.build(passages, rows(texts), manifest, of_units, of_articles, of_asked)
    return index, len(missing)


def _known(former: Index) -> dict[str, Floats]:
    """The texts of an index and their vectors."""
    known: dict[str, Floats] = {}
    for row, passage in enumerate(former.passages):
        known[semantic_text(passage)] = former.vectors[row]
        start, end = former.unit_starts[row], former.unit_starts[row + 1]
        known |= zip(unit_texts(passage), former.unit_vectors[start:end], strict=True)
    titles, wholes = article_texts(former.passages)
    known |= zip(titles, former.title_vectors, strict=True)
    known |= zip(wholes, former.article_vectors, strict=True)
    known |= zip((one.question for one in former.asked), former.asked_vectors, strict=True)
    return known
