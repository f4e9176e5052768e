"""Reads text in pictures with PP-OCRv6 small: finds lines, straightens each, reads its characters.

The two networks come in the `rapidocr` wheel and are run here by onnxruntime, so that threads and
memory are ours to bound. Finding is differentiable binarization (Liao et al.,
https://arxiv.org/abs/1911.08947), reading is SVTR with CTC (https://arxiv.org/abs/2205.00159).
"""

import math
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from models.downloads import Weights
from models.images import shrink
from models.published import open_session, published_file
from models.text_reader import TextBox, in_reading_order

Pixels = NDArray[np.uint8]
Corners = NDArray[np.float32]

PACKAGE = "rapidocr"
REMEDY = "pip install --force-reinstall 'rapidocr>=3.10'"

LONGEST_SIDE = 2000
"""Larger pictures are scaled down first: text that is legible then was legible before."""
SEARCHED_PIXELS = 960 * 576
"""Lines are looked for in a picture of this area, which suffices down to text of 11 pixels in a
screenshot; they are then read in the picture itself."""
ENLARGED_AT_MOST = 2.0
"""A small cut-out of a screen is enlarged, or words that stand close together become one."""
SMALLEST_SEARCHED = 64
"""Shorter sides are scaled up to this, for the networks halve them five times."""
TEXT_LIKELY = 0.3
LINE_LIKELY = 0.5
GROW = 1.6
"""The network marks the core of a line; this restores its full height."""
LINES_AT_MOST = 300
LINE_HEIGHT = 48
SHORTEST_LINE = 160
LONGEST_LINE = 3200
LEAST_SCORE = 0.5

_LETTER_O_BEFORE_HEX = re.compile(r"\b[Oo](?=x[0-9A-Fa-f]{2,}\b)")
"""Error codes begin with a zero, which looks like an O in most fonts."""


def _graphs() -> list[Path]:
    """Of what finds lines, and of what reads one."""
    parts = ("PP-OCRv6_det_small", "PP-OCRv6_rec_small")
    return [published_file(PACKAGE, f"models/{part}.onnx", remedy=REMEDY) for part in parts]


class PaddleTextReader:
    """Text reader for Latin, Chinese and Japanese script; 1280 × 720 pixels with 20 lines take
    about 0.5 s on two cores. Thread-safe.

    Raises `EngineMissing` if the wheel is not installed.
    """

    name = "PP-OCRv6-small"

    def __init__(self, threads: int = 2) -> None:
        self._finder, self._reader = (open_session(graph, threads) for graph in _graphs())
        characters = self._reader.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters = ["", *characters, " "]

    @staticmethod
    def weights() -> list[Weights]:
        """See `models.downloads.Downloading`."""
        return [Weights(path.stem, "Apache-2.0", path=path) for path in _graphs()]

    def read(self, image: Image) -> list[TextBox]:
        """What stands in an RGB picture, in reading order."""
        smaller = shrink(image, LONGEST_SIDE)
        scale_x, scale_y = image.width / smaller.width, image.height / smaller.height
        # The networks were trained on pictures in the order blue, green, red.
        pixels = np.ascontiguousarray(np.asarray(smaller.convert("RGB"))[:, :, ::-1])
        boxes: list[TextBox] = []
        for corners in self._find(pixels):
            text, score = self._read_line(_straightened(pixels, corners))
            if text and score >= LEAST_SCORE:
                left, top = corners.min(axis=0)
                right, bottom = corners.max(axis=0)
                box = (left * scale_x, top * scale_y, right * scale_x, bottom * scale_y)
                boxes.append(TextBox(text, score, tuple(map(round, box))))
        return in_reading_order(boxes)

    def _find(self, pixels: Pixels) -> list[Corners]:
        """The corners of each line, clockwise from its upper left, in pixels."""
        height, width = pixels.shape[:2]
        scale = min(ENLARGED_AT_MOST, math.sqrt(SEARCHED_PIXELS / (height * width)))
        scale = max(scale, SMALLEST_SEARCHED / min(height, width))
        # The network wants multiples of 32; a strip of a picture stays within bounds.
        searched = (
            min(4096, max(32, round(width * scale / 32) * 32)),
            min(4096, max(32, round(height * scale / 32) * 32)),
        )
        (likely,) = self._finder.run(None, {"x": _normalised(cv2.resize(pixels, searched))[None]})
        likely = likely[0, 0]
        mask = cv2.dilate((likely > TEXT_LIKELY).astype(np.uint8), np.ones((2, 2), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        found: list[Corners] = []
        for contour in contours[:LINES_AT_MOST]:
            corners = _line_around(contour, likely)
            if corners is not None:
                corners *= np.array([width / searched[0], height / searched[1]], np.float32)
                found.append(np.clip(corners, 0, [width, height]).astype(np.float32))
        return found

    def _read_line(self, line: Pixels) -> tuple[str, float]:
        """The characters of one straightened line, and the mean of their probabilities."""
        height, width = line.shape[:2]
        scaled_width = min(LONGEST_LINE, max(1, math.ceil(width * LINE_HEIGHT / height)))
        padded = np.zeros((3, LINE_HEIGHT, max(SHORTEST_LINE, scaled_width)), np.float32)
        padded[:, :, :scaled_width] = _normalised(cv2.resize(line, (scaled_width, LINE_HEIGHT)))
        (likely,) = self._reader.run(None, {"x": padded[None]})
        best = likely[0].argmax(axis=1)
        # CTC: 0 is "nothing here", and a character lasts until another one or nothing follows.
        starts = np.flatnonzero((best != 0) & (best != np.concatenate([[0], best[:-1]])))
        if not len(starts):
            return "", 0.0
        text = "".join(self._characters[best[at]] for at in starts)
        text = _LETTER_O_BEFORE_HEX.sub("0", text.strip())
        return text, float(likely[0][starts, best[starts]].mean())


def _normalised(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    """(height, width, 3) of 0 to 255 to (3, height, width) of -1 to 1."""
    scaled = np.asarray(pixels, np.float32) / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def _line_around(contour: NDArray[Any], likely: NDArray[np.float32]) -> Corners | None:
    """The rectangle around a line whose core is `contour`; None if it is no line."""
    (x, y), (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < 3:
        return None
    core = cv2.boxPoints(((x, y), (width, height), angle))
    left, top = np.maximum(np.floor(core.min(axis=0)).astype(int), 0)
    right, bottom = np.ceil(core.max(axis=0)).astype(int) + 1
    part = likely[top:bottom, left:right]
    inside = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(inside, [(core - [left, top]).astype(np.int32)], 1)
    if cv2.mean(part, inside)[0] < LINE_LIKELY:
        return None
    margin = GROW * width * height / (width + height)
    grown = cv2.boxPoints(((x, y), (width + margin, height + margin), angle))
    return _clockwise(grown.astype(np.float32))


def _clockwise(corners: Corners) -> Corners:
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    upper_left, lower_left = left[np.argsort(left[:, 1], kind="stable")]
    upper_right, lower_right = right[np.argsort(right[:, 1], kind="stable")]
    return np.array([upper_left, upper_right, lower_right, lower_left], np.float32)


def _straightened(pixels: Pixels, corners: Corners) -> Pixels:
    """The line cut out, level; one that stands upright is turned."""
    upper_left, upper_right, lower_right, lower_left = corners
    width = max(
        1,
        int(np.linalg.norm(upper_left - upper_right)),
        int(np.linalg.norm(lower_left - lower_right)),
    )
    height = max(
        1,
        int(np.linalg.norm(upper_left - lower_left)),
        int(np.linalg.norm(upper_right - lower_right)),
    )
    level = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    line = cv2.warpPerspective(
        pixels,
        cv2.getPerspectiveTransform(corners, level),
        (width, height),
        borderMode=cv2.BORDER_REPLICATE,
        flags=cv2.INTER_CUBIC,
    )
    return np.asarray(np.rot90(line) if height >= 1.5 * width else line, np.uint8)
