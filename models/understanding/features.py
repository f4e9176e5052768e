"""Feature extraction: each modality of an observation as a few vectors ("tokens") of one width.

A modality says which texts it wants encoded; whoever calls encodes them (all at once, or through a
batching queue) and hands the vectors back. So extraction itself is a pure function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.understanding.observation import Observation

Floats = NDArray[np.float32]

LINES = 24
"""Lines of a picture that are looked at."""
TURNS_BEFORE = 3


class Modality(Protocol):
    """One way in which a customer tells something."""

    name: str
    width: int
    """Length of a token."""
    most: int
    """Tokens of one observation at most."""

    def texts(self, seen: Observation) -> Sequence[str]:
        """What the text encoder must encode for `tokens`."""

    def tokens(self, seen: Observation, vectors: Mapping[str, Floats]) -> Floats:
        """Shape (k, width), 0 ≤ k ≤ most: none where the modality is missing. `vectors` has one
        for each of `texts`, of length 1."""


class Text:
    """Typed and transcribed words: one token, the sentence encoder's vector."""

    name = "text"
    most = 1

    def __init__(self, dimensions: int) -> None:
        self.width = dimensions

    def texts(self, seen: Observation) -> Sequence[str]:
        return (seen.text,) if seen.text else ()

    def tokens(self, seen: Observation, vectors: Mapping[str, Floats]) -> Floats:
        return _stack([vectors[text] for text in self.texts(seen)], self.width)


class Screen:
    """The text in pictures: a token for each line, its vector and where it stands (centre, width
    and height as shares of the picture)."""

    name = "screen"
    most = LINES

    def __init__(self, dimensions: int) -> None:
        self.width = dimensions + 4

    def texts(self, seen: Observation) -> Sequence[str]:
        return [line.text for line in seen.lines if line.text.strip()][: self.most]

    def tokens(self, seen: Observation, vectors: Mapping[str, Floats]) -> Floats:
        lines = [line for line in seen.lines if line.text.strip()][: self.most]
        rows = []
        for line in lines:
            middle = ((line.left + line.right) / 2, (line.top + line.bottom) / 2)
            size = (line.right - line.left, line.bottom - line.top)
            place = np.array([*middle, *size], np.float32)
            rows.append(np.concatenate([vectors[line.text], place]))
        return _stack(rows, self.width)


class Image:
    """The picture itself: one token, the image encoder's vector."""

    name = "image"
    most = 1

    def __init__(self, dimensions: int) -> None:
        self.width = dimensions

    def texts(self, seen: Observation) -> Sequence[str]:
        return ()

    def tokens(self, seen: Observation, vectors: Mapping[str, Floats]) -> Floats:
        return _stack([np.array(seen.image, np.float32)] if seen.image else [], self.width)


class Prosody:
    """How it was said: one token, each value about -1 to 1 for ordinary speech."""

    name = "prosody"
    width = 6
    most = 1
    _MIDDLE = np.array([4.0, -26.0, 6.0, 150.0, 3.0, 0.15], np.float32)
    _SPREAD = np.array([1.5, 10.0, 3.0, 60.0, 2.0, 0.15], np.float32)

    def texts(self, seen: Observation) -> Sequence[str]:
        return ()

    def tokens(self, seen: Observation, vectors: Mapping[str, Floats]) -> Floats:
        if seen.prosody is None:
            return _stack([], self.width)
        p = seen.prosody
        values = (p.pace, p.loudness_db, p.loudness_range_db, p.pitch_hz, p.pitch_range, p.pauses)
        scaled = (np.array(values, np.float32) - self._MIDDLE) / self._SPREAD
        return _stack([np.clip(scaled, -3, 3)], self.width)


class History:
    """The customer's turns before: a token for each, its vector and how long ago it was."""

    name = "history"
    most = TURNS_BEFORE

    def __init__(self, dimensions: int) -> None:
        self.width = dimensions + 1

    def texts(self, seen: Observation) -> Sequence[str]:
        return [text for text in seen.history if text][-self.most :]

    def tokens(self, seen: Observation, vectors: Mapping[str, Floats]) -> Floats:
        texts = self.texts(seen)
        rows = [
            np.append(vectors[text], np.float32((len(texts) - at) / self.most))
            for at, text in enumerate(texts)
        ]
        return _stack(rows, self.width)


def modalities(text_dimensions: int, image_dimensions: int) -> tuple[Modality, ...]:
    """All of them, in the order that a model's inputs have."""
    return (
        Text(text_dimensions),
        Screen(text_dimensions),
        Image(image_dimensions),
        Prosody(),
        History(text_dimensions),
    )


@dataclass(frozen=True)
class Batch:
    """Some observations as arrays, padded to the most tokens that one of them has."""

    tokens: dict[str, Floats]
    """By modality, (n, k, width), k ≥ 1; zero where there is no token."""
    present: dict[str, NDArray[np.bool_]]
    """By modality, (n, k)."""


@dataclass(frozen=True)
class Features:
    """Many observations: by modality all tokens below one another, and where each begins."""

    tokens: dict[str, Floats]
    """(total, width)"""
    starts: dict[str, NDArray[np.int64]]
    """(n + 1,): observation i has the tokens `starts[i]` to `starts[i + 1]`."""

    def __len__(self) -> int:
        return len(next(iter(self.starts.values()))) - 1

    def batch(
        self,
        rows: Sequence[int] | NDArray[np.int64],
        keep: Mapping[str, NDArray[np.bool_]] | None = None,
    ) -> Batch:
        """These observations, in this order. `keep`: by modality, (total,), the tokens that are
        taken to be there; None: all."""
        tokens, present = {}, {}
        for name, values in self.tokens.items():
            starts = self.starts[name]
            counts = starts[1:][rows] - starts[:-1][rows]
            longest = max(int(counts.max(initial=0)), 1)
            there = np.arange(longest) < counts[:, None]
            which = (starts[:-1][rows][:, None] + np.arange(longest))[there]
            if keep is not None:
                there[there] = keep[name][which]
                which = which[keep[name][which]]
            padded = np.zeros((len(rows), longest, values.shape[1]), np.float32)
            padded[there] = values[which]
            tokens[name], present[name] = padded, there
        return Batch(tokens, present)

    def pooled(self) -> Floats:
        """Each modality's mean token side by side, shape (n, sum of widths)."""
        parts = []
        for name, values in self.tokens.items():
            counts = np.diff(self.starts[name])
            rows = np.repeat(np.arange(len(self)), counts)
            sums = np.zeros((len(self), values.shape[1]), np.float32)
            np.add.at(sums, rows, values)
            parts.append(sums / np.maximum(counts, 1)[:, None])
        return np.concatenate(parts, axis=1).astype(np.float32)


def texts_of(ways: Sequence[Modality], observations: Sequence[Observation]) -> list[str]:
    """Every text to encode for these, each once."""
    wanted = (text for seen in observations for way in ways for text in way.texts(seen))
    return list(dict.fromkeys(wanted))


def features_of(
    ways: Sequence[Modality], observations: Sequence[Observation], vectors: Mapping[str, Floats]
) -> Features:
    """`vectors`: for each of `texts_of(ways, observations)`."""
    tokens, starts = {}, {}
    for way in ways:
        found = [way.tokens(seen, vectors) for seen in observations]
        tokens[way.name] = np.concatenate([np.zeros((0, way.width), np.float32), *found])
        starts[way.name] = np.cumsum([0, *map(len, found)])
    return Features(tokens, starts)


def extract(
    ways: Sequence[Modality],
    observations: Sequence[Observation],
    encode: Callable[[Sequence[str]], Floats],
) -> Features:
    """Encode what has to be, and put it together."""
    texts = texts_of(ways, observations)
    rows = encode(texts) if texts else np.zeros((0, 0), np.float32)
    return features_of(ways, observations, dict(zip(texts, rows, strict=True)))


def _stack(rows: Sequence[Floats], width: int) -> Floats:
    return np.stack(rows).astype(np.float32) if rows else np.zeros((0, width), np.float32)
