"""Small pictures, recordings and videos, made on the spot in each format."""

import io
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pillow_heif import register_heif_opener

from models.audio import decode

register_heif_opener()

LINES = (
    "Payment declined (code 51)",
    "Please check your card details and try again.",
    "Order #A-10293   Total: $270.61",
    "Contact support@example-shop.com",
)

SOUND_FORMATS = {
    "audio/wav": ("wav", "pcm_s16le", 16_000),
    "audio/mpeg": ("mp3", "libmp3lame", 44_100),
    "audio/ogg": ("ogg", "libopus", 48_000),
    "audio/webm": ("webm", "libopus", 48_000),
    "audio/mp4": ("ipod", "aac", 44_100),
    "audio/amr": ("amr", "libopencore_amrnb", 8_000),
    "audio/flac": ("flac", "flac", 44_100),
}
"""Container, codec and sample rate, as phones and browsers write them."""

PICTURE_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/heic": "HEIF",
}


def tone(seconds: float, hertz: float = 440.0) -> NDArray[np.float32]:
    at = np.arange(round(seconds * 16_000)) / 16_000
    return (0.3 * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def recording(
    media_type: str, samples: NDArray[np.float32], options: dict[str, str] | None = None
) -> bytes:
    """Mono samples at 16 kHz as a file. `options`: of FFmpeg's muxer."""
    container_format, codec, rate_hz = SOUND_FORMATS[media_type]
    file = io.BytesIO()
    with av.open(file, "w", format=container_format, options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="mono")
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = 16_000
        resampler = av.AudioResampler(stream.format, "mono", rate_hz, stream.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


def video(
    pictures: list[Image.Image],
    *,
    seconds_each: float = 1.5,
    sound: NDArray[np.float32] | None = None,
    container_format: str = "mp4",
    codec: str = "libx264",
    per_second: int = 10,
    live: bool = False,
) -> bytes:
    """Each picture for a while, with sound (mono at 16 kHz) or without. `live`: WebM as it is
    recorded in a browser."""
    file = io.BytesIO()
    options = {"live": "1"} if live else {}
    with av.open(file, "w", format=container_format, options=options) as container:
        stream = container.add_stream(codec, rate=per_second)
        stream.width, stream.height, stream.pix_fmt = *pictures[0].size, "yuv420p"
        track = None
        if sound is not None:
            name = "libopus" if container_format == "webm" else "aac"
            track = container.add_stream(name, rate=48_000, layout="mono")
        for picture in pictures:
            frame = av.VideoFrame.from_image(picture)
            for _ in range(round(seconds_each * per_second)):
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if track is not None and sound is not None:
            samples = AudioFrame.from_ndarray(sound.reshape(1, -1), format="flt", layout="mono")
            samples.sample_rate = 16_000
            container.mux(track.encode(samples))
            container.mux(track.encode(None))
    return file.getvalue()


def screenshot(
    *lines: str, size: tuple[int, int] = (800, 400), font_px: int = 24, dark: bool = False
) -> Image.Image:
    paper, ink = ("#1e1e1e", "#dddddd") if dark else ("white", "#222222")
    image = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(font_px)
    step = (size[1] - 40) // max(1, len(lines))
    for row, line in enumerate(lines):
        draw.text((40, 20 + row * step), line, fill=ink, font=font)
    return image


def picture(media_type: str, image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, PICTURE_FORMATS[media_type])
    return file.getvalue()


def samples_of(path: Path) -> NDArray[np.float32]:
    return decode(path.read_bytes(), limit_s=600)
