"""Documents to text, page by page, by PDFium."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2
from PIL import Image

from models.errors import MediaError

RENDERED_SIDE = 1600
"""Pixels of the longer side of a page that is rendered to be read."""
LEAST_CHARACTERS = 8
"""A page with fewer is a picture of a page."""

# PDFium keeps global state: one thread at a time.
_PDFIUM = threading.Lock()


def read_pdf(data: bytes, limit_pages: int) -> list[str]:
    """The text of each page, of the first `limit_pages`; empty for a scanned page.

    Raises `MediaError`: `upload_empty`, `pdf_password`, `media_truncated`.
    """
    with _open(data) as document:
        return [_text_of(document, page) for page in range(min(limit_pages, len(document)))]


def scanned_pages(data: bytes, limit_pages: int) -> list[tuple[int, Image.Image]]:
    """The pages without text as pictures, with their index, of the first `limit_pages` pages.

    Raises as `read_pdf`.
    """
    with _open(data) as document:
        pages = range(min(limit_pages, len(document)))
        bare = [page for page in pages if len(_text_of(document, page)) < LEAST_CHARACTERS]
        return [(page, _render(document, page)) for page in bare]


@contextmanager
def _open(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
    if not data:
        raise MediaError("upload_empty")
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            protected = "assword" in str(error)
            raise MediaError("pdf_password" if protected else "media_truncated") from error
        try:
            yield document
        except pypdfium2.PdfiumError as error:
            raise MediaError("media_truncated") from error
        finally:
            document.close()


def _text_of(document: pypdfium2.PdfDocument, index: int) -> str:
    page = document[index]
    try:
        text_page = page.get_textpage()
        try:
            text: str = text_page.get_text_bounded()
        finally:
            text_page.close()
    finally:
        page.close()
    return text.replace("\r\n", "\n").strip()


def _render(document: pypdfium2.PdfDocument, index: int) -> Image.Image:
    page = document[index]
    try:
        # A page may claim to be kilometres wide.
        scale = RENDERED_SIDE / max(1.0, *page.get_size())
        image: Image.Image = page.render(scale=scale).to_pil().convert("RGB")
    finally:
        page.close()
    return image
