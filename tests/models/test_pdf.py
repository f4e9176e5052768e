"""Documents give their text by page; a scanned page gives a picture to be read."""

import hashlib
import io
import struct

import pypdfium2
import pytest
from PIL import Image

from models.errors import MediaError
from models.pdf import read_pdf, scanned_pages
from tests.models.media import screenshot


def pdf_of(*pages: str) -> bytes:
    """A minimal document, a line of Helvetica on each page."""
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for page, text in enumerate(pages):
        stream = f"BT /F1 18 Tf 50 700 Td ({text}) Tj ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * page} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    body, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        f"{body}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF"
    ).encode()


def locked_pdf(password: bytes) -> bytes:
    """The same with a password, by the standard's revision 2: RC4 with a key of 40 bits."""
    padding = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    padded = (password + padding)[:32]
    owner = rc4(hashlib.md5(padded).digest()[:5], padded)
    permissions = struct.pack("<i", -4)
    key = hashlib.md5(padded + owner + permissions + b"0123456789abcdef").digest()[:5]
    user = rc4(key, padding)
    locked = (
        f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{user.hex()}> /P -4 >> "
        f"/ID [<{b'0123456789abcdef'.hex()}> <{b'0123456789abcdef'.hex()}>]"
    )
    return pdf_of("secret").replace(b"/Root 1 0 R", b"/Root 1 0 R " + locked.encode())


def rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def scan_of(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PDF")
    return file.getvalue()


def code_of(data: bytes) -> str:
    with pytest.raises(MediaError) as caught:
        read_pdf(data, 10)
    return caught.value.code


def test_each_page_gives_its_text() -> None:
    assert read_pdf(pdf_of("Invoice 417", "Total due"), 10) == ["Invoice 417", "Total due"]


def test_no_more_pages_than_asked_for() -> None:
    assert read_pdf(pdf_of("one", "two", "three"), 2) == ["one", "two"]


def test_scanned_page_gives_a_picture() -> None:
    data = scan_of(screenshot("Invoice INV-2026-00417"))
    assert read_pdf(data, 10) == [""]
    ((page, image),) = scanned_pages(data, 10)
    assert page == 0
    assert max(image.size) == pytest.approx(1600, abs=2)


def test_page_with_text_is_not_rendered() -> None:
    assert scanned_pages(pdf_of("Invoice number 417"), 10) == []


def test_page_of_any_size_is_rendered_within_bounds() -> None:
    document = pypdfium2.PdfDocument.new()
    document.new_page(14_400, 14_400)
    file = io.BytesIO()
    document.save(file)
    ((_, image),) = scanned_pages(file.getvalue(), 10)
    assert max(image.size) <= 1601


def test_password_is_asked_for() -> None:
    assert code_of(locked_pdf(b"open sesame")) == "pdf_password"


def test_document_that_only_forbids_printing_is_read() -> None:
    assert len(read_pdf(locked_pdf(b""), 10)) == 1


def test_empty_and_damaged_files_are_refused() -> None:
    assert code_of(b"") == "upload_empty"
    assert code_of(b"%PDF-1.7\n") == "media_truncated"
    assert code_of(b"not a document") == "media_truncated"
