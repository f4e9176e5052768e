"""Which parts of a picture spoke for an intent, by the image encoder's eyes.

Occlusion (Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", 2014): each cell
of a grid is painted over in turn, and what the intent loses by it is the cell's share. What stands
in the picture's lines is the business of `attribution`; both may speak for the same place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageStat

from models.images import shrink
from models.understanding.attribution import probability_of
from models.understanding.features import Floats
from models.understanding.observation import Observation
from models.understanding.predictor import Predictor

GRID = 4
"""Cells of a row, and rows."""
_SIDE = 512
"""Pixels: more than image encoders look at, and little enough to be held seventeen times."""
_ALIKE = 0.95
"""Cosine of the picture's vector now and then, the sizes it was shrunk to being different."""


@dataclass(frozen=True)
class RegionShare:
    """A rectangle of a picture, its edges as shares of width and height, and what it did for the
    probability."""

    left: float
    top: float
    right: float
    bottom: float
    value: float


def occluded(picture: Image.Image) -> list[Image.Image]:
    """The picture as it is, then once for each cell with that painted over: row by row, from the
    left. Small copies; `picture` itself is not changed.

    The paint is the picture's mean colour: a grey patch on a white screen would be a sight of its
    own, and cells with nothing in them would seem to matter.
    """
    whole = shrink(picture, _SIDE).convert("RGB")
    red, green, blue = (round(mean) for mean in ImageStat.Stat(whole).mean)
    variants = [whole]
    for left, top, right, bottom in _cells():
        width, height = whole.size
        box = (round(left * width), round(top * height))
        edge = (round(right * width), round(bottom * height))
        variant = whole.copy()
        if edge[0] > box[0] and edge[1] > box[1]:
            variant.paste((red, green, blue), (*box, *edge))
        variants.append(variant)
    return variants


def region_shares(
    predictor: Predictor, seen: Observation, intent: str, vectors: Sequence[Floats]
) -> tuple[RegionShare, ...]:
    """One for each cell. `vectors`: the image encoder's, of each of `occluded(picture)`.

    Empty where the picture does not look as it did in `seen`: its encoder is another by now.
    """
    if not seen.image or not _alike(np.array(seen.image, np.float32), vectors[0]):
        return ()
    variants = [replace(seen, image=tuple(map(float, vector))) for vector in vectors]
    found = predictor.predict(predictor.encode(variants))
    whole, *without = [probability_of(each, intent) for each in found]
    return tuple(
        RegionShare(*cell, whole - left) for cell, left in zip(_cells(), without, strict=True)
    )


def _cells() -> list[tuple[float, float, float, float]]:
    edges = [number / GRID for number in range(GRID + 1)]
    return [
        (edges[column], edges[row], edges[column + 1], edges[row + 1])
        for row in range(GRID)
        for column in range(GRID)
    ]


def _alike(one: Floats, other: Floats) -> bool:
    if one.shape != other.shape:
        return False
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return lengths > 0 and float(one @ other) / lengths >= _ALIKE
