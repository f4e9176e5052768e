"""Makes `samples/`: screenshots, voice notes and a screen recording such as customers send.

    python examples/voltaro/make_samples.py [NAME…]

The screens are the pages in `screens/`, photographed by Chromium; the voices are espeak-ng's. What
each sample shows or says, and the article that answers it, is written to `samples/samples.jsonl`.
"""

import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from models.audio import encode_m4a, encode_ogg_opus
from models.espeak import Espeak
from models.synthesizer import Speech

HERE = Path(__file__).resolve().parent
SCREENS = HERE / "screens"
SAMPLES = HERE / "samples"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PHONE = (390, 844)
DESKTOP = (1280, 800)
FRAMES_PER_SECOND = 10


@dataclass(frozen=True)
class Sample:
    file: str
    article: str
    """Path below `knowledge/` of the article that answers it."""
    says: str = ""
    """What is spoken in it."""
    language: str = "en-us"
    """BCP 47 tag of the voice."""


@dataclass(frozen=True)
class Screenshot:
    page: str
    sample: Sample
    size: tuple[int, int]
    """CSS pixels."""
    scale: float = 2


SCREENSHOTS = [
    Screenshot(
        "payment-declined-51",
        Sample("payment-declined-51.png", "payments/declined-51-insufficient-funds.md"),
        PHONE,
    ),
    Screenshot(
        "payment-declined-54",
        Sample("payment-declined-54.webp", "payments/declined-54-expired-card.md"),
        PHONE,
    ),
    Screenshot(
        "sign-in-e-104",
        Sample("sign-in-e-104.jpg", "account/e-104-account-locked.md"),
        PHONE,
    ),
    Screenshot(
        "checkout-e-203", Sample("checkout-e-203.png", "app/e-203-checkout-error.md"), PHONE
    ),
    Screenshot("3d-secure-failed", Sample("3d-secure-failed.png", "payments/3d-secure.md"), PHONE),
    Screenshot(
        "update-required-e-201",
        Sample("update-required-e-201.jpg", "app/e-201-update-required.md"),
        PHONE,
    ),
    Screenshot(
        "invoice-wrong-vat",
        Sample("invoice-wrong-vat.png", "invoices/correct-an-invoice.md"),
        (1000, 860),
        1.25,
    ),
    Screenshot(
        "tracking-delivered",
        Sample("tracking-delivered.png", "delivery/lost-parcel.md"),
        (1280, 720),
        1,
    ),
    Screenshot(
        "order-confirmed",
        Sample("order-confirmed.webp", "orders/track-an-order.md"),
        DESKTOP,
        1,
    ),
    Screenshot(
        "router-admin", Sample("router-admin.jpg", "products/router-setup.html"), DESKTOP, 1
    ),
]

VOICE_NOTES = [
    Sample(
        "code-fifty-one.ogg",
        "payments/declined-51-insufficient-funds.md",
        "Hi, I tried to pay with my card and the app says payment declined, code fifty one. "
        "What does that mean?",
    ),
    Sample(
        "parcel-not-there.m4a",
        "delivery/lost-parcel.md",
        "Hello. The tracking page says that my parcel was delivered, but nobody here has it. "
        "What can I do?",
        "en-gb",
    ),
    Sample(
        "return-headphones.mp3",
        "returns/how-to-return.md",
        "I would like to send back the headphones that I bought last week. How does that work?",
        "en-gb",
    ),
    Sample(
        "account-locked.wav",
        "account/e-104-account-locked.md",
        "My account is locked because I typed the wrong password too often. How long does it last?",
    ),
    Sample(
        "delivery-to-norway.ogg",
        "delivery/delivery-norway.md",
        "How much is the delivery to Norway, and do I have to pay tax when the parcel arrives?",
    ),
    Sample(
        "laptop-does-not-charge.m4a",
        "products/laptop-does-not-charge.md",
        "My laptop does not charge any more. I plugged it in, but the light stays off.",
    ),
    Sample(
        "german.ogg",
        "returns/how-to-return.md",
        "Guten Tag, ich möchte meine Kopfhörer zurückschicken. Wie geht das?",
        "de",
    ),
]

RECORDING = Sample(
    "checkout-fails.mp4",
    "app/e-203-checkout-error.md",
    "Look, when I tap order and pay, this error comes up. What should I do?",
    "en-gb",
)
MOMENTS = (("review", 1.6), ("wait", 1.2), ("error", 2.6))
"""Parts of the recording: the screen's moment, and how many seconds it is seen."""


def main(names: list[str]) -> None:
    SAMPLES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        made = {shot.sample: lambda shot=shot: screenshot(browser, shot) for shot in SCREENSHOTS}
        made |= {note: lambda note=note: voice_note(note) for note in VOICE_NOTES}
        made |= {RECORDING: lambda: recording(browser)}
        for sample, make in made.items():
            if not names or sample.file in names:
                data = make()
                (SAMPLES / sample.file).write_bytes(data)
                print(f"{sample.file}: {len(data) / 1000:.0f} kB")
        browser.close()
    lines = (json.dumps(asdict(sample), ensure_ascii=False) + "\n" for sample in made)
    (SAMPLES / "samples.jsonl").write_text("".join(lines), encoding="utf-8")


def screenshot(browser: Browser, shot: Screenshot) -> bytes:
    image = _photograph(browser, shot.page, shot.size, shot.scale)
    file = io.BytesIO()
    match Path(shot.sample.file).suffix:
        case ".png":
            # 256 colours are enough for a flat design and make it a third of the size.
            image.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        case ".jpg":
            image.save(file, "JPEG", quality=82, optimize=True)
        case ".webp":
            image.save(file, "WEBP", quality=82, method=6)
    return file.getvalue()


def _photograph(
    browser: Browser, page_name: str, size: tuple[int, int], scale: float, moment: str = ""
) -> Image.Image:
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
    page.goto(f"{(SCREENS / page_name).as_uri()}.html#{moment}")
    data = page.screenshot()
    page.close()
    return Image.open(io.BytesIO(data)).convert("RGB")


def voice_note(note: Sample) -> bytes:
    speech = _spoken(note)
    match Path(note.file).suffix:
        case ".ogg":
            return encode_ogg_opus(speech)
        case ".m4a":
            return encode_m4a(speech)
        case ".mp3":
            return _recorded(speech, "mp3", "libmp3lame", 22_050, 48_000)
        case ".wav":
            return _recorded(speech, "wav", "pcm_s16le", 16_000, None)
        case other:
            raise ValueError(f"no voice notes are made as {other}")


def _spoken(sample: Sample) -> Speech:
    """The sentences with half a second of breath around them, as people record them."""
    pieces = list(Espeak(words_per_minute=140).synthesize(sample.says, sample.language))
    rate = pieces[0].sample_rate_hz
    breath = np.zeros(rate // 2, np.float32)
    parts = [breath]
    for piece in pieces:
        parts += [piece.samples, breath[: rate // 4]]
    return Speech(np.concatenate([*parts, breath]), rate)


def _recorded(
    speech: Speech, container_format: str, codec: str, rate_hz: int, bits_per_second: int | None
) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        _add_sound(container.add_stream(codec, rate=rate_hz, layout="mono"), bits_per_second)
        for packet in _sound_packets(container.streams.audio[0], speech):
            container.mux(packet)
    return file.getvalue()


def _add_sound(stream: AudioStream, bits_per_second: int | None) -> None:
    if bits_per_second:
        stream.bit_rate = bits_per_second


def _sound_packets(stream: AudioStream, speech: Speech) -> Iterator[av.Packet]:
    frame = AudioFrame.from_ndarray(speech.samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = speech.sample_rate_hz
    yield from stream.encode(frame)
    yield from stream.encode(None)


def recording(browser: Browser) -> bytes:
    """The checkout fails while the customer speaks: H.264 and AAC, as phones record."""
    file = io.BytesIO()
    speech = _spoken(RECORDING)
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = 2 * PHONE[0], 2 * PHONE[1], "yuv420p"
        video.options = {"crf": "30", "preset": "slow"}
        sound = container.add_stream("aac", rate=44_100, layout="mono")
        assert isinstance(sound, AudioStream)
        sound.bit_rate = 64_000
        for packet in (*_picture_packets(browser, video), *_sound_packets(sound, speech)):
            container.mux(packet)
    return file.getvalue()


def _picture_packets(browser: Browser, stream: VideoStream) -> Iterator[av.Packet]:
    number = 0
    for moment, seconds in MOMENTS:
        picture = _photograph(browser, "checkout-e-203", PHONE, 2, moment)
        for _ in range(round(seconds * FRAMES_PER_SECOND)):
            frame = VideoFrame.from_image(picture)
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            yield from stream.encode(frame)
            number += 1
    yield from stream.encode(None)


if __name__ == "__main__":
    main(sys.argv[1:])
