"""Gives an index its vectors; texts that the former index held are not encoded again."""

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bot.knowledge.article import Asked, Passage
from bot.knowledge.index import Floats, Index, Manifest, Vectors, article_texts, semantic_text
from bot.knowledge.probe import fit_probe
from bot.knowledge.quote import unit_texts
from bot.messages import ArticleId
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
    known, known_questions = _known(former) if former else ({}, {})
    texts = [semantic_text(passage) for passage in passages]
    units = [unit_texts(passage) for passage in passages]
    titles, wholes = article_texts(passages)
    questions = [one.question for one in asked]
    wanted = dict.fromkeys(itertools.chain(texts, *units, titles, wholes))
    missing = [text for text in wanted if text not in known]
    new_questions = [text for text in dict.fromkeys(questions) if text not in known_questions]
    of = len(missing) + len(new_questions)
    _encode(missing, encoder.encode, known, lambda done: progress("encode", done, of))
    _encode(
        new_questions,
        encoder.encode_queries,
        known_questions,
        lambda done: progress("encode", len(missing) + done, of),
    )

    def rows(wanted: list[str], known: Mapping[str, Floats] = known) -> Floats:
        found = np.zeros((len(wanted), encoder.dimensions), np.float32)
        for row, text in enumerate(wanted):
            found[row] = known[text]
        return found

    vectors = Vectors(
        passages=rows(texts),
        units=rows(list(itertools.chain(*units))),
        unit_starts=np.cumsum([0, *map(len, units)], dtype=np.int32),
        titles=rows(titles),
        articles=rows(wholes),
        asked=rows(questions, known_questions),
        probe=np.zeros(0, np.float32),
    )
    vectors = vectors._replace(probe=_probe(passages, asked, vectors))
    return Index.build(passages, asked, vectors, manifest), of


def _encode(
    missing: list[str],
    encode: Callable[[Sequence[str]], Floats],
    known: dict[str, Floats],
    progress: Callable[[int], None],
) -> None:
    """Add the vectors of what is missing to what is known."""
    # Texts of like length share a batch, so little is wasted on padding.
    missing = sorted(missing, key=len)
    batches = [missing[at : at + BATCH_TEXTS] for at in range(0, len(missing), BATCH_TEXTS)]
    done = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        for batch, encoded_batch in zip(batches, threads.map(encode, batches), strict=True):
            known |= zip(batch, encoded_batch, strict=True)
            done += len(batch)
            progress(done)


def _probe(passages: list[Passage], asked: list[Asked], vectors: Vectors) -> Floats:
    """Learned from all short texts: titles, passages, their units, the customers' questions."""
    number = {article: n for n, article in enumerate(dict.fromkeys(p.article for p in passages))}
    of_passages = np.array([number[p.article] for p in passages], np.int32)
    owners = (
        np.arange(len(number), dtype=np.int32),
        of_passages,
        np.repeat(of_passages, np.diff(vectors.unit_starts)),
        np.array([number[ArticleId(one.article)] for one in asked], np.int32),
    )
    texts = vectors.titles, vectors.passages, vectors.units, vectors.asked
    return fit_probe(np.concatenate(texts), np.concatenate(owners), len(number))


def _known(former: Index) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """The texts of an index and their vectors; and its questions, for some encoders give those
    other ones."""
    known: dict[str, Floats] = {}
    for row, passage in enumerate(former.passages):
        known[semantic_text(passage)] = former.vectors.passages[row]
        start, end = former.vectors.unit_starts[row], former.vectors.unit_starts[row + 1]
        known |= zip(unit_texts(passage), former.vectors.units[start:end], strict=True)
    titles, wholes = article_texts(former.passages)
    known |= zip(titles, former.vectors.titles, strict=True)
    known |= zip(wholes, former.vectors.articles, strict=True)
    questions = (one.question for one in former.asked)
    return known, dict(zip(questions, former.vectors.asked, strict=True))
