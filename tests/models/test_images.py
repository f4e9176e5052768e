"""Pictures are opened upright and whole, or refused with the reason, bombs before decoding."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import MediaError
from models.images import open_image, shrink
from tests.models.media import PICTURE_FORMATS, picture, screenshot


def code_of(data: bytes) -> str:
    with pytest.raises(MediaError) as caught:
        open_image(data)
    return caught.value.code


def png_header(width: int, height: int) -> bytes:
    """A whole PNG by its structure, with hardly any pixels in it."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("media_type", PICTURE_FORMATS)
def test_every_format_gives_rgb(media_type: str) -> None:
    image = open_image(picture(media_type, Image.new("RGB", (64, 32), (200, 30, 30))))
    assert (image.mode, image.size) == ("RGB", (64, 32))
    red, green, blue = image.getpixel((5, 5))
    assert red > 150 > 100 > green
    assert blue < 100


def test_phone_photo_is_turned_upright() -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 32)).save(file, "JPEG", exif=exif)
    assert open_image(file.getvalue()).size == (32, 64)


def test_transparent_parts_are_white() -> None:
    for mode in ("RGBA", "LA", "P"):
        file = io.BytesIO()
        Image.new("RGBA", (8, 8), (0, 0, 0, 0)).convert(mode).save(file, "PNG")
        assert open_image(file.getvalue()).getpixel((4, 4)) == (255, 255, 255), mode


def test_sixteen_bits_become_eight() -> None:
    file = io.BytesIO()
    Image.new("I;16", (8, 8), 0x8000).save(file, "PNG")
    assert open_image(file.getvalue()).getpixel((4, 4)) == (128, 128, 128)


def test_animation_gives_its_first_picture() -> None:
    file = io.BytesIO()
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    first.save(file, "GIF", save_all=True, append_images=[second], duration=100)
    assert open_image(file.getvalue()).getpixel((4, 4)) == (255, 0, 0)


@pytest.mark.parametrize("media_type", PICTURE_FORMATS)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_cut_off_picture_is_refused(media_type: str, kept: float) -> None:
    whole = picture(media_type, Image.effect_noise((128, 128), 80).convert("RGB"))
    assert code_of(whole[: int(len(whole) * kept)]) == "media_truncated"


def test_empty_file_is_refused() -> None:
    assert code_of(b"") == "upload_empty"


def test_something_else_is_refused() -> None:
    assert code_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>") == "media_unreadable"
    assert code_of(b"fLaC") == "media_unreadable"


@pytest.mark.parametrize("size", [(20_000, 20_000), (60_000, 60_000), (2**31 - 1, 1), (9000, 6000)])
def test_pixel_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(MediaError) as caught:
        open_image(png_header(*size))
    assert caught.value.code == "image_too_many_pixels"
    assert caught.value.params["limit_megapixels"] == 50


def test_gif_frame_larger_than_its_screen_is_refused() -> None:
    file = picture("image/gif", Image.new("RGB", (8, 8)))
    at = file.index(b"\x2c\x00\x00\x00\x00\x08\x00\x08\x00")
    bomb = file[: at + 5] + b"\xff\xff\xff\xff" + file[at + 9 :]
    assert code_of(bomb) in {"image_too_many_pixels", "media_truncated"}


@settings(max_examples=80, deadline=None)
@given(data=st.data(), media_type=st.sampled_from(sorted(PICTURE_FORMATS)))
def test_damage_gives_a_picture_or_a_reason(data: st.DataObject, media_type: str) -> None:
    file = bytearray(picture(media_type, screenshot("hello", size=(64, 48))))
    for at in data.draw(st.lists(st.integers(0, len(file) - 1), min_size=1, max_size=20)):
        file[at] ^= data.draw(st.integers(1, 255))
    try:
        image = open_image(bytes(file))
    except MediaError:
        return
    assert image.mode == "RGB"


def test_shrinking_keeps_the_shape_and_never_enlarges() -> None:
    assert shrink(Image.new("RGB", (4000, 1000)), 2000).size == (2000, 500)
    assert shrink(Image.new("RGB", (300, 200)), 2000).size == (300, 200)
