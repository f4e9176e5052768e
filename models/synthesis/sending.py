"""What happens to a screenshot until it is a file: left alone, photographed, squeezed."""

import io
import random
from typing import Literal

from PIL import Image

from models.training.disturbances import disturb

Way = Literal["kept", "photographed", "jpeg", "webp"]

_SHARES: dict[Way, float] = {"kept": 0.5, "photographed": 0.2, "jpeg": 0.15, "webp": 0.15}
_QUALITIES = {"photographed": (70, 90), "jpeg": (20, 75), "webp": (10, 60)}
"""Of JPEG and WebP: what messengers make of pictures."""
_LEAST_QUALITY = 20
_QUALITY_STEP = 15
_SMALLER = 0.8
_COLOURS = 256


def draw_way(rng: random.Random) -> Way:
    """Half are kept as they were taken; of the others, four in ten are photographs."""
    (way,) = rng.choices(list(_SHARES), list(_SHARES.values()))
    return way


def as_sent(image: Image.Image, way: Way, rng: random.Random, most_bytes: int) -> tuple[bytes, str]:
    """The file that arrives, of at most `most_bytes`, and its suffix: `.png`, `.jpg` or `.webp`."""
    if way == "kept":
        return _kept(image, most_bytes)
    if way == "photographed":
        image = disturb(image, rng)
    quality = rng.randint(*_QUALITIES[way])
    file_format = "WEBP" if way == "webp" else "JPEG"
    return _squeezed(image, file_format, quality, most_bytes), ".webp" if way == "webp" else ".jpg"


def _kept(image: Image.Image, most_bytes: int) -> tuple[bytes, str]:
    data = _written(image, "PNG", optimize=True)
    if len(data) > most_bytes:
        # Flat designs have few colours, and 256 of them make a third of the size.
        palette = image.quantize(_COLOURS, dither=Image.Dither.NONE)
        data = _written(palette, "PNG", optimize=True)
    if len(data) > most_bytes:
        return _squeezed(image, "JPEG", 85, most_bytes), ".jpg"
    return data, ".png"


def _squeezed(image: Image.Image, file_format: str, quality: int, most_bytes: int) -> bytes:
    """With lower quality, then with fewer pixels, until it is small enough."""
    data = _written(image, file_format, quality=quality)
    while len(data) > most_bytes:
        if quality > _LEAST_QUALITY:
            quality = max(quality - _QUALITY_STEP, _LEAST_QUALITY)
        else:
            width, height = (max(1, round(side * _SMALLER)) for side in image.size)
            image = image.resize((width, height), Image.Resampling.LANCZOS)
        data = _written(image, file_format, quality=quality)
    return data


def _written(image: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()
