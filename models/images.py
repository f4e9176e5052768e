"""Pictures as they are sent to pictures as they are looked at, by Pillow.

The dimensions in the header are looked at before anything is decoded.
"""

import io
import struct
import zlib

from PIL import Image, ImageOps
from pillow_heif import register_heif_opener

from models.errors import MediaError
from models.media_type import HEAD_BYTES, sniff

LIMIT_PIXELS = 50_000_000
"""The largest phone cameras' pictures; decoded, that is 150 MB."""
ENOUGH_PIXELS = 2560
"""A JPEG with longer sides is decoded at a half, a quarter or an eighth, which is much faster."""

_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/heic": "HEIF",
}
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    RuntimeError,
    IndexError,
    struct.error,
    zlib.error,
)
"""What Pillow and libheif raise on files that are cut off or made up."""

# Pillow knows few formats until it is told to look for all of them.
Image.init()
register_heif_opener()


def open_image(data: bytes) -> Image.Image:
    """The picture upright, in RGB, transparent parts on white; of an animation the first frame.

    Raises `MediaError`: `upload_empty`, `media_unreadable` (not a picture), `media_truncated`
    (cut off or damaged), `image_too_many_pixels` (`megapixels`, `limit_megapixels`).
    """
    if not data:
        raise MediaError("upload_empty")
    file_format = _FORMATS.get(sniff(data[:HEAD_BYTES]) or "")
    if file_format is None:
        raise MediaError("media_unreadable")
    try:
        with Image.open(io.BytesIO(data), formats=[file_format]) as image:
            _refuse_bomb(image.width, image.height)
            image.draft("RGB", (ENOUGH_PIXELS, ENOUGH_PIXELS))
            image.load()
            upright = ImageOps.exif_transpose(image)
            return _on_white(upright)
    except Image.DecompressionBombError as error:
        limit = LIMIT_PIXELS // 1_000_000
        raise MediaError(
            "image_too_many_pixels", megapixels=limit, limit_megapixels=limit
        ) from error
    except _DAMAGED as error:
        raise MediaError("media_truncated") from error


def shrink(image: Image.Image, longest_side: int) -> Image.Image:
    """The picture with no side longer than `longest_side` pixels."""
    if max(image.size) <= longest_side:
        return image
    smaller = image.copy()
    smaller.thumbnail((longest_side, longest_side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return smaller


def _refuse_bomb(width: int, height: int) -> None:
    if width * height > LIMIT_PIXELS:
        raise MediaError(
            "image_too_many_pixels",
            megapixels=round(width * height / 1_000_000),
            limit_megapixels=LIMIT_PIXELS // 1_000_000,
        )


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        background = Image.new("RGBA", layer.size, "white")
        image = Image.alpha_composite(background, layer)
    return image.convert("RGB")
