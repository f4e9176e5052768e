"""Chooses what of an article is quoted: the sentences, steps or rows that answer.

A passage falls into units that can stand alone: a sentence, a row of a table with its head, an
entry of a list, all steps of a procedure. `ingest` encodes them, so that choosing costs no encoder.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
import numpy as np

from bot.knowledge.article import Passage
from bot.knowledge.index import Floats
from bot.knowledge.passages import (
    count_words,
    is_list,
    is_numbered,
    is_table,
    plain,
    sentences,
)
from bot.knowledge.words import terms

WHOLE_WORDS = 55
"""A passage no longer than this is quoted whole."""
LIMIT_WORDS = 80
STEPS_LIMIT_WORDS = 220
"""Steps are told in full, up to this."""
ENOUGH_WORDS = 40
"""An article's beginning is told on until so much was said."""
NEAR_BEST = 0.8
"""Further units are quoted if they score this share of the best one's."""


class Unit(msgspec.Struct, frozen=True):
    """A piece of a passage that makes sense by itself."""

    text: str
    """Markdown."""
    block: int
    """Which block of the passage it belongs to."""
    head: str = ""
    """What must stand before it: the head of a table, the sentence that introduces a list."""
    joint: str = " "
    """What parts it from the unit of the same block before it."""


def units_of(passage_text: str) -> list[Unit]:
    """The units of a passage in reading order."""
    units: list[Unit] = []
    opening = ""
    for number, block in enumerate(passage_text.split("\n\n")):
        if not block.strip():
            continue
        if is_table(block):
            lines = block.splitlines()
            head = "\n".join(filter(None, (opening and opening + "\n", *lines[:2])))
            units += [Unit(line, number, head, "\n") for line in lines[2:]]
        elif is_numbered(block):
            units.append(Unit(block, number, opening and opening + "\n", "\n"))
        elif is_list(block):
            entries = re.split(r"\n(?=[-+*]\s)", block)
            units += [Unit(e, number, opening and opening + "\n", "\n") for e in entries]
        else:
            units += [Unit(sentence, number) for sentence in sentences(block)]
        opening = ""
        if block.rstrip().endswith(":") and units and not is_list(block):
            opening = units.pop().text
    if opening:
        units.append(Unit(opening, len(units)))
    return units


def unit_texts(passage: Passage) -> list[str]:
    """What the encoder reads of each unit; nothing for a passage that is quoted whole anyway."""
    units = units_of(passage.text)
    if _is_whole(passage.text, units):
        return []
    return [f"{passage.title}: {plain(unit.text)}" for unit in units]


def _is_whole(text: str, units: list[Unit]) -> bool:
    return len(units) < 2 or count_words(text) <= WHOLE_WORDS


def choose(
    passage_text: str,
    unit_vectors: Floats,
    vectors: Floats,
    words: Mapping[str, float],
    language: str,
) -> str:
    """The part of a passage that answers, as Markdown.

    `unit_vectors` (units, d) are those of `unit_texts`, none for a passage that is quoted whole;
    `vectors` (n, d) are the query's.
    """
    units = units_of(passage_text)
    if len(unit_vectors) != len(units) or not len(vectors):
        return passage_text
    meaning = (unit_vectors @ vectors.T).max(axis=1)
    covers = np.array([cover(plain(u.text), words, language) for u in units], np.float32)
    scores = np.maximum(meaning, 0) + 0.6 * covers
    best = int(scores.argmax())
    chosen = {best}
    limit = STEPS_LIMIT_WORDS if is_numbered(units[best].text) else LIMIT_WORDS
    spent = _words_of(units[best])
    for at in np.argsort(-scores, kind="stable").tolist():
        near = scores[at] >= NEAR_BEST * scores[best]
        if at not in chosen and near and spent + _words_of(units[at]) <= limit:
            chosen.add(at)
            spent += _words_of(units[at])
    return _joined([units[at] for at in sorted(chosen)])


def opening(passages: Sequence[Passage]) -> str:
    """How an article begins, as Markdown: whole units, from further passages with their headings
    where the first is short."""
    parts: list[str] = []
    spent = 0
    for passage in passages:
        if spent >= ENOUGH_WORDS:
            break
        taken: list[Unit] = []
        for unit in units_of(passage.text):
            limit = STEPS_LIMIT_WORDS if is_numbered(unit.text) else LIMIT_WORDS
            if spent + _words_of(unit) > limit and (taken or parts):
                break
            taken.append(unit)
            spent += _words_of(unit)
        if taken:
            parts.append(under_heading(passage, _joined(taken)))
    return "\n\n".join(parts)


def under_heading(passage: Passage, text: str) -> str:
    """The text of a passage below its heading, if it has one."""
    return f"**{passage.headings[-1]}**\n\n{text}" if passage.headings else text


def _words_of(unit: Unit) -> int:
    return count_words(unit.text) + count_words(unit.head)


def cover(text: str, words: Mapping[str, float], language: str) -> float:
    """Share of the weight of `words` found in a text."""
    total = sum(words.values())
    found = _words_of_text(text, language)
    return sum(w for word, w in words.items() if word in found) / total if total else 0.0


@lru_cache(maxsize=4_096)
def _words_of_text(text: str, language: str) -> frozenset[str]:
    """Passages and units are looked at again with every question about their article."""
    return frozenset(terms(text, language))


def _joined(units: list[Unit]) -> str:
    text = ""
    before: Unit | None = None
    for unit in units:
        if before is not None and before.block == unit.block:
            # After such an end Chinese and Japanese have no space.
            text += (unit.joint if text[-1] not in "。！？" else unit.joint.strip(" ")) + unit.text
        else:
            text += ("\n\n" if text else "") + (unit.head + "\n" if unit.head else "") + unit.text
        before = unit
    return text
