"""Text in pictures is read with its spaces, where it stands, in any size."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from models.images import open_image
from models.ppocr import PaddleTextReader
from models.text_reader import lines_of
from tests.models.media import LINES, picture, screenshot


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("font_px", [14, 22, 40])
def test_screenshot_is_read_exactly(ppocr: PaddleTextReader, font_px: int, dark: bool) -> None:
    image = screenshot(*LINES, size=(1280, 720), font_px=font_px, dark=dark)
    expected = [" ".join(line.split()) for line in LINES]
    assert lines_of(ppocr.read(image)).splitlines() == expected


def test_boxes_stand_where_the_text_is(ppocr: PaddleTextReader) -> None:
    (found,) = ppocr.read(screenshot("Payment declined", size=(900, 120)))
    left, top, right, bottom = found.box
    assert left == pytest.approx(40, abs=8)
    assert (top + bottom) / 2 == pytest.approx(36, abs=8)
    assert 200 < right < 260
    assert found.score > 0.9


def test_large_photo_is_read_in_its_own_pixels(ppocr: PaddleTextReader) -> None:
    image = screenshot("Invoice INV-2026-00417", size=(4000, 3000), font_px=120)
    (found,) = ppocr.read(image)
    assert found.text == "Invoice INV-2026-00417"
    assert 1200 < found.box[2] < 1700


def test_small_cut_out_is_read(ppocr: PaddleTextReader) -> None:
    assert lines_of(ppocr.read(screenshot("Error 0x80070005", size=(260, 60), font_px=16))) == (
        "Error 0x80070005"
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3000, 2), (16, 16), (640, 480)])
def test_picture_without_text_has_none(ppocr: PaddleTextReader, size: tuple[int, int]) -> None:
    assert ppocr.read(Image.new("RGB", size, "white")) == []


def test_real_screenshot_is_read(ppocr: PaddleTextReader, shared_data: Path) -> None:
    (path,) = (shared_data / "abcd" / "images").glob("faq_screenshot.png")
    text = lines_of(ppocr.read(open_image(path.read_bytes())))
    assert len(text.split()) > 50


def test_compressed_picture_is_read(ppocr: PaddleTextReader) -> None:
    image = screenshot("Payment declined (code 51)", size=(900, 120))
    for media_type in ("image/jpeg", "image/webp", "image/heic"):
        read = lines_of(ppocr.read(open_image(picture(media_type, image))))
        assert read == "Payment declined (code 51)", media_type


def test_several_threads_read_the_same(ppocr: PaddleTextReader) -> None:
    images = [screenshot(f"Order number {n}") for n in (17, 4242, 900_001)]
    alone = [ppocr.read(image) for image in images]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(ppocr.read, images * 2)) == alone * 2


def test_reading_logs_nothing(
    ppocr: PaddleTextReader, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, logger="RapidOCR"):
        PaddleTextReader().read(screenshot("hello"))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
