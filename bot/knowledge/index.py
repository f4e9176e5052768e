"""The index on disk and in memory: passages, their words (BM25) and their vectors.

A folder holds generations, each written completely before the file `current` names it, so that a
reader never sees half an index and a crash while writing leaves the former one in use. Vectors are
mapped into memory, not read.
"""

import itertools
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple, Self

import bm25s
import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.errors import OperatorError
from bot.knowledge.article import Asked, Passage
from bot.knowledge.passages import plain
from bot.knowledge.words import surface_words, terms
from bot.messages import ArticleId

# It sets its own level to DEBUG when it is imported.
logging.getLogger("bm25s").setLevel(logging.WARNING)

FORMAT = 5
"""Raised when an index written before can no longer be read."""
ARTICLE_CHARACTERS = 2_000
"""More than the encoder takes in."""
BM25_K1 = 1.5
BM25_B = 0.75

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class FileRecord(msgspec.Struct, frozen=True):
    """What is known of a file since it was last read."""

    digest: str
    articles: tuple[str, ...] = ()
    reason: str = ""
    """Why it was not read; empty if it was."""
    asked: tuple[Asked, ...] = ()


class Manifest(msgspec.Struct, frozen=True):
    """What an index was made from."""

    format: int
    encoder: str
    files: dict[str, FileRecord]


class Contents(msgspec.Struct, frozen=True):
    """What is written beside the vectors."""

    passages: list[Passage]
    vocabulary: dict[str, int]
    surface: dict[str, int]
    asked: list[Asked]


class Vectors(NamedTuple):
    """What the encoder made of the texts: float32 rows of length 1, (n, dimensions)."""

    passages: Floats
    units: Floats
    """Of passage p: `units[unit_starts[p]:unit_starts[p + 1]]`."""
    unit_starts: Ints
    titles: Floats
    """Of each article."""
    articles: Floats
    """As much of each article as the encoder takes in."""
    asked: Floats
    """Of each of `Contents.asked`."""
    probe: Floats
    """See `bot.knowledge.probe`."""


class Postings(NamedTuple):
    """BM25 by term: documents `posted[starts[t]:starts[t + 1]]` score `weights[…]`."""

    weights: Floats
    posted: Ints
    starts: Ints

    def of(self, term: int) -> tuple[Ints, Floats]:
        """The documents with a term, and what it is worth in each."""
        start, end = self.starts[term], self.starts[term + 1]
        return self.posted[start:end], self.weights[start:end]


class Index:
    """Everything a search needs, read-only."""

    def __init__(
        self,
        manifest: Manifest,
        contents: Contents,
        vectors: Vectors,
        postings: tuple[Postings, Postings],
    ) -> None:
        self.manifest = manifest
        self.passages = contents.passages
        self.asked = contents.asked
        """Customers' ways to ask for articles, by article."""
        self.vocabulary = contents.vocabulary
        self.surface = contents.surface
        """Words as they are written, with how many passages use them."""
        self.vectors = vectors
        self.postings, self.article_postings = postings
        """BM25 of passages and of whole articles; terms are numbered by `vocabulary`."""
        self.articles = list(dict.fromkeys(p.article for p in self.passages))
        number: dict[str, int] = {article: n for n, article in enumerate(self.articles)}
        self.number_of = number
        self.row_of = {p.id: row for row, p in enumerate(self.passages)}
        self.article_of = np.array([number[p.article] for p in self.passages], dtype=np.int32)
        """Number of the article of each passage."""
        self.asked_of = np.array([number[asked.article] for asked in self.asked], dtype=np.int32)
        """Number of the article that each question asks for."""
        self._languages = np.array([p.language for p in self.passages], dtype=np.str_)
        self._asked_by: dict[str, set[str]] = {}
        for asked in self.asked:
            self._asked_by.setdefault(_bare(asked.question), set()).add(asked.article)

    @classmethod
    def build(
        cls,
        passages: list[Passage],
        asked: list[Asked],
        vectors: Vectors,
        manifest: Manifest,
    ) -> Self:
        """Count the words of the passages."""
        counted = [terms(lexical_text(p), p.language or "en") for p in passages]
        by_article: dict[str, list[str]] = {}
        for passage, words in zip(passages, counted, strict=True):
            by_article.setdefault(passage.article, []).extend(words)
        vocabulary: dict[str, int] = {}
        for words in counted:
            for word in words:
                vocabulary.setdefault(word, len(vocabulary))
        postings = _count(counted, vocabulary)
        article_postings = _count(list(by_article.values()), vocabulary)
        surface: dict[str, int] = {}
        for passage in passages:
            for word in set(surface_words(lexical_text(passage))):
                surface[word] = surface.get(word, 0) + 1
        contents = Contents(passages, vocabulary, surface, asked)
        return cls(manifest, contents, vectors, (postings, article_postings))

    def asked_outright(self, text: str) -> list[ArticleId]:
        """The articles that a customers' question with just these words asks for."""
        found = self._asked_by.get(_bare(text), ())
        return [article for article in self.articles if article in found]

    def written_in(self, language: str) -> Floats:
        """1 for each passage in this language (`de`), else 0."""
        return np.equal(self._languages, language).astype(np.float32)

    def passages_of(self, article: ArticleId) -> list[Passage]:
        """An article's passages in reading order; none if there is no such article."""
        first = self.row_of.get(f"{article}#0")
        if first is None:
            return []
        rest = itertools.islice(self.passages, first, None)
        return list(itertools.takewhile(lambda passage: passage.article == article, rest))

    def save(self, folder: Path) -> None:
        """Write a new generation and make it the current one; older ones are removed."""
        folder.mkdir(parents=True, exist_ok=True)
        former = _generations(folder)
        number = 1 + max((int(g.name.split("-")[1]) for g in former), default=0)
        new = folder / f"generation-{number}"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        contents = Contents(self.passages, self.vocabulary, self.surface, self.asked)
        (new / "manifest.json").write_bytes(msgspec.json.encode(self.manifest))
        (new / "contents.msgpack").write_bytes(msgspec.msgpack.encode(contents))
        for name in ("vectors", "postings", "article_postings"):
            for part, values in getattr(self, name)._asdict().items():
                np.save(new / f"{name}.{part}.npy", values)
        for file in new.iterdir():
            _sync(file)
        pointer = folder / "current.new"
        pointer.write_text(new.name)
        _sync(pointer)
        os.replace(pointer, folder / "current")
        _sync(folder)
        for old in former:
            shutil.rmtree(old, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The current generation. Raises `OperatorError` if there is none that can be read."""
        try:
            return cls._load(folder / (folder / "current").read_text().strip())
        except FileNotFoundError as error:
            raise OperatorError(
                f"there is no knowledge index in {folder}", remedy="frontdesk ingest"
            ) from error
        except (msgspec.DecodeError, ValueError, EOFError) as error:
            raise OperatorError(
                f"the knowledge index in {folder} cannot be read: {error}",
                remedy=f"remove {folder} and run `frontdesk ingest`",
            ) from error

    def require_encoder(self, name: str) -> None:
        """Raises `OperatorError` unless the vectors are those of the encoder called `name`."""
        if self.manifest.encoder != name:
            raise OperatorError(
                f"the knowledge index was made with the encoder {self.manifest.encoder}, "
                f"and the desk uses {name}",
                remedy="frontdesk ingest",
            )

    @classmethod
    def _load(cls, generation: Path) -> Self:
        manifest = msgspec.json.decode((generation / "manifest.json").read_bytes(), type=Manifest)
        if manifest.format != FORMAT:
            raise ValueError(f"it was written in format {manifest.format}, this is {FORMAT}")
        contents = msgspec.msgpack.decode(
            (generation / "contents.msgpack").read_bytes(), type=Contents
        )

        def read(name: str) -> NDArray[Any]:
            # An empty file cannot be mapped.
            return np.asarray(
                np.load(generation / f"{name}.npy", mmap_mode="r" if contents.passages else None)
            )

        postings, article_postings = (
            Postings(*(read(f"{name}.{part}") for part in Postings._fields))
            for name in ("postings", "article_postings")
        )
        vectors = Vectors(*(read(f"vectors.{part}") for part in Vectors._fields))
        return cls(manifest, contents, vectors, (postings, article_postings))


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def written_at(folder: Path) -> int:
    """When the current generation became current, in nanoseconds; 0 if there is none."""
    try:
        return (folder / "current").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _count(documents: list[list[str]], vocabulary: dict[str, int]) -> Postings:
    """BM25 of every term in every document."""
    if not vocabulary:
        return Postings(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(1, np.int32))
    retriever = bm25s.BM25(method="lucene", k1=BM25_K1, b=BM25_B)
    numbered = [[vocabulary[word] for word in words] for words in documents]
    corpus = bm25s.tokenization.Tokenized(ids=numbered, vocab=vocabulary)
    retriever.index(corpus, create_empty_token=False, show_progress=False)
    scores = retriever.scores
    return Postings(
        np.asarray(scores["data"], np.float32),
        np.asarray(scores["indices"], np.int32),
        np.asarray(scores["indptr"], np.int32),
    )


def lexical_text(passage: Passage) -> str:
    """What BM25 counts of a passage: title and headings weigh more than the text."""
    return f"{passage.title}\n{' '.join(passage.headings)}\n{plain(passage.text)}"


def semantic_text(passage: Passage) -> str:
    """What the encoder reads of a passage."""
    return f"{passage.context}\n{plain(passage.text)}"


def article_texts(passages: list[Passage]) -> tuple[list[str], list[str]]:
    """What the encoder reads of each article: its title, and the whole, article by article."""
    titles: dict[str, str] = {}
    wholes: dict[str, str] = {}
    for passage in passages:
        titles.setdefault(passage.article, passage.title)
        whole = wholes.get(passage.article, passage.title)
        if len(whole) < ARTICLE_CHARACTERS:
            whole = f"{whole}\n{' '.join(passage.headings)}\n{plain(passage.text)}"
        wholes[passage.article] = whole
    return list(titles.values()), list(wholes.values())


def _generations(folder: Path) -> list[Path]:
    return [g for g in folder.glob("generation-*") if g.name.split("-")[1].isdigit()]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
