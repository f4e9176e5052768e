"""A voice note and a screenshot: from their last byte to the first sign of the answer."""

import io
from pathlib import Path

import numpy as np
import uvloop
from PIL import Image, ImageDraw, ImageFont

from benchmarks.desk_process import example_desk
from benchmarks.figures import Figure, percentile
from benchmarks.widget_client import WidgetClient
from models.audio import encode_ogg_opus
from models.espeak import Espeak
from models.synthesizer import Speech

_ROUNDS = 7
_SPOKEN = (
    "Hello, I ordered a pair of headphones from your shop about two weeks ago and they still "
    "have not arrived. The tracking page has said on its way since last Monday. Can you tell me "
    "what I should do when a parcel is lost?"
)
_LINES = [
    "Voltaro checkout",
    "Payment declined",
    "Your bank has declined this payment.",
    "Code 51",
    *(
        f"Line {number}: order number VT-48{number:04d}, amount 129.{number:02d} euro"
        for number in range(16)
    ),
]


def measure(folder: Path) -> list[Figure]:
    note, seconds = recording()
    with example_desk(folder) as desk:
        voice, image = uvloop.run(_send_both(desk.url, note, _screenshot()))
    return [
        Figure("length of the voice note", round(seconds, 1), "s"),
        Figure("voice note to first byte of the answer, p50", _seconds(voice), "s", at_most=1.5),
        Figure("1280×720 screenshot to the answer, p50", _seconds(image), "s", at_most=1.2),
    ]


async def _send_both(url: str, recording: bytes, picture: bytes) -> tuple[list[float], list[float]]:
    voice, image = [], []
    customer = await WidgetClient.open(url)
    for number in range(_ROUNDS + 1):
        name = await customer.upload(recording, "note.ogg", "audio/ogg")
        heard, _ = await customer.first_sign("", name)
        name = await customer.upload(picture, "screen.png", "image/png")
        seen, _ = await customer.first_sign("What does this mean?", name)
        if number:  # the first one may still have waited for the models
            voice.append(heard)
            image.append(seen)
    await customer.close()
    return voice, image


def recording() -> tuple[bytes, float]:
    """About ten seconds of speech."""
    parts = list(Espeak().synthesize(_SPOKEN, "en"))
    speech = Speech(np.concatenate([part.samples for part in parts]), parts[0].sample_rate_hz)
    return encode_ogg_opus(speech), len(speech.samples) / speech.sample_rate_hz


def _screenshot() -> bytes:
    """1280×720 with twenty lines of text."""
    image = Image.new("RGB", (1280, 720), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(22)
    for number, line in enumerate(_LINES):
        draw.text((60, 20 + number * 34), line, fill="black", font=font)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def _seconds(values: list[float]) -> float:
    return round(percentile(values, 0.5), 2)
