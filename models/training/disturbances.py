"""What happens to a picture between a screen and the desk: cut, photographed, squeezed, covered."""

import io
import random

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter


def disturb(image: Image.Image, rng: random.Random) -> Image.Image:
    """The same picture as another customer might send it."""
    image = _cut(image, rng)
    if rng.random() < 0.5:
        image = _from_the_side(image, rng)
    if rng.random() < 0.3:
        image = _covered(image, rng)
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.6, 1.35))
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.65, 1.3))
    image = ImageEnhance.Color(image).enhance(rng.uniform(0.3, 1.5))
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6)))
    if rng.random() < 0.4:
        pixels = np.asarray(image, np.int16)
        noise = np.random.default_rng(rng.randrange(2**32)).normal(
            0, rng.uniform(3, 14), pixels.shape
        )
        image = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    return _compressed(image, rng) if rng.random() < 0.6 else image


def _cut(image: Image.Image, rng: random.Random) -> Image.Image:
    width, height = image.size
    left, right = rng.uniform(0, 0.12), 1 - rng.uniform(0, 0.12)
    top, bottom = rng.uniform(0, 0.14), 1 - rng.uniform(0, 0.14)
    return image.crop(
        (int(left * width), int(top * height), int(right * width), int(bottom * height))
    )


def _from_the_side(image: Image.Image, rng: random.Random) -> Image.Image:
    """A photograph of the screen: turned a little, its corners pulled."""
    ground = tuple(rng.randrange(256) for _ in range(3))
    image = image.rotate(
        rng.uniform(-5, 5), Image.Resampling.BILINEAR, expand=True, fillcolor=ground
    )
    width, height = image.size

    def pull(share: float) -> float:
        return rng.uniform(-0.06, 0.06) * share

    corners = (
        (pull(width), pull(height)),
        (pull(width), height + pull(height)),
        (width + pull(width), height + pull(height)),
        (width + pull(width), pull(height)),
    )
    flat = [part for corner in corners for part in corner]
    return image.transform(
        (width, height), Image.Transform.QUAD, flat, Image.Resampling.BILINEAR, fillcolor=ground
    )


def _covered(image: Image.Image, rng: random.Random) -> Image.Image:
    """A finger, a reflection or a notification on it."""
    image = image.copy()
    width, height = image.size
    left, top = rng.randrange(width), rng.randrange(height)
    box = (left, top, left + rng.randint(4, 4 + width // 3), top + rng.randint(4, 4 + height // 4))
    colour = tuple(rng.randrange(256) for _ in range(3))
    draw = ImageDraw.Draw(image)
    (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=colour)
    return image


def _compressed(image: Image.Image, rng: random.Random) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=rng.randint(25, 90))
    return Image.open(data).convert("RGB")
