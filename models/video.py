"""Short videos to what is in them: their sound, and the few pictures that differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from models.audio import Samples, decode, open_container, refuse_longer
from models.errors import MediaError

LIMIT_PIXELS = 4096 * 2304
"""Of one picture of the video; 4K is within."""
LOOKED_AT_PER_SECOND = 4
DECODED_AT_MOST = 900
"""Pictures that are decoded of one video: half a minute at 30 a second. Of a longer one only those
that stand by themselves (key frames) are."""
KEY_FRAMES_AT_MOST = 200
SCENES_AT_MOST = 12
"""Candidates kept while decoding; bounds the memory of a video in which all moves."""
FRAME_SIDE = 1280
SIGNATURE_SIZE = (64, 36)
CHANGED_LEVELS = 12
"""A pixel of the signature has changed if its grey has by more than this, of 255."""
CHANGED_SHARE = 0.003
"""The picture has changed if this share of its pixels has: a line of text has come up."""

Signature = NDArray[np.int16]


@dataclass(frozen=True)
class Frame:
    """One picture of a video."""

    at_s: float
    image: Image.Image


@dataclass(frozen=True)
class Video:
    """What is to be heard and seen."""

    duration_s: float
    sound: Samples | None
    """Mono at 16 kHz; None for a video without sound."""
    frames: list[Frame]
    """Distinct ones in their order; none for a container that holds sound alone."""


@dataclass
class _Scene:
    """Pictures in a row that look alike; the last one stands for them, for it has settled."""

    signature: Signature
    first_s: float
    last_s: float
    image: Image.Image | None


def open_video(data: bytes, *, limit_s: float, limit_frames: int = 4) -> Video:
    """The sound and at most `limit_frames` distinct pictures of a video.

    Raises `MediaError`: `upload_empty`, `media_unreadable`, `media_truncated`, `video_too_long`
    (`limit_minutes`), `image_too_many_pixels`.
    """
    with open_container(data) as container:
        refuse_longer(container, limit_s, "video_too_long")
        has_sound = bool(container.streams.audio)
        scenes = _scenes(container, limit_s)
    try:
        sound = decode(data, limit_s=limit_s) if has_sound else None
    except MediaError as error:
        if error.code == "audio_too_long":
            raise MediaError("video_too_long", **error.params) from error
        if not scenes:
            raise
        sound = None
    if not scenes and sound is None:
        raise MediaError("media_truncated")
    seen_s = scenes[-1].last_s if scenes else 0.0
    heard_s = len(sound) / 16_000 if sound is not None else 0.0
    frames = [
        Frame(scene.last_s, scene.image)
        for scene in _most_distinct(scenes, limit_frames)
        if scene.image is not None
    ]
    return Video(max(seen_s, heard_s), sound, frames)


def _scenes(container: InputContainer, limit_s: float) -> list[_Scene]:
    scenes: list[_Scene] = []
    if not container.streams.video:
        return scenes
    stream = container.streams.video[0]
    size = stream.codec_context
    if size.width * size.height > LIMIT_PIXELS:
        raise MediaError(
            "image_too_many_pixels",
            megapixels=round(size.width * size.height / 1_000_000),
            limit_megapixels=LIMIT_PIXELS // 1_000_000,
        )
    pending: VideoFrame | None = None
    for frame in _looked_at(container, stream, limit_s):
        at_s = frame.time or 0.0
        signature = _signature(frame)
        if scenes and not _changed(scenes[-1].signature, signature):
            scenes[-1].last_s = at_s
        else:
            # A picture is converted only when its scene is over.
            _settle(scenes, pending)
            scenes.append(_Scene(signature, at_s, at_s, None))
        pending = frame
    _settle(scenes, pending)
    return scenes


def _settle(scenes: list[_Scene], frame: VideoFrame | None) -> None:
    """Give the last scene its picture; of too many scenes, forget the one most like its
    predecessor."""
    if not scenes or frame is None:
        return
    scenes[-1].image = _image(frame)
    if len(scenes) > SCENES_AT_MOST:
        changes = [
            _changed_share(before.signature, after.signature) for before, after in pairwise(scenes)
        ]
        del scenes[1 + int(np.argmin(changes))]


def _looked_at(
    container: InputContainer, stream: VideoStream, limit_s: float
) -> Iterator[VideoFrame]:
    """Pictures at a steady pace; what is damaged is left out."""
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = 2
    expected = _expected_frames(container, stream)
    # What a browser records announces neither its length nor its number of pictures.
    dense_left = DECODED_AT_MOST if (expected or 0) <= DECODED_AT_MOST else 0
    sparse_left = KEY_FRAMES_AT_MOST
    if not dense_left:
        stream.codec_context.skip_frame = "NONKEY"
    next_s = 0.0
    for frame in _decoded(container, stream):
        at_s = frame.time or 0.0
        if at_s > limit_s:
            raise MediaError("video_too_long", limit_minutes=max(1, round(limit_s / 60)))
        if at_s >= next_s:
            yield frame
            next_s = at_s + 1 / LOOKED_AT_PER_SECOND
        if dense_left:
            dense_left -= 1
            if not dense_left:
                stream.codec_context.skip_frame = "NONKEY"
        else:
            sparse_left -= 1
            if not sparse_left:
                return


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            return
        if packet is None:
            return
        try:
            yield from (frame for frame in packet.decode() if isinstance(frame, VideoFrame))
        except av.error.FFmpegError:
            continue


def _expected_frames(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.frames:
        return stream.frames
    if container.duration is None or not stream.average_rate:
        return None
    return container.duration / av.time_base * float(stream.average_rate)


def _signature(frame: VideoFrame) -> Signature:
    width, height = SIGNATURE_SIZE
    small = frame.reformat(width=width, height=height, format="gray", interpolation="AREA")
    return small.to_ndarray().astype(np.int16)


def _image(frame: VideoFrame) -> Image.Image:
    image: Image.Image = frame.to_image()
    image.thumbnail((FRAME_SIDE, FRAME_SIDE))
    return image


def _changed(before: Signature, after: Signature) -> bool:
    return _changed_share(before, after) > CHANGED_SHARE


def _changed_share(before: Signature, after: Signature) -> float:
    return float((np.abs(before - after) > CHANGED_LEVELS).mean())


def _most_distinct(scenes: list[_Scene], limit: int) -> list[_Scene]:
    """The scene that lasts longest, then again and again the one that is least like those taken.

    In their order; one that comes back is taken once.
    """
    if not scenes:
        return []
    taken = [
        max(range(len(scenes)), key=lambda index: scenes[index].last_s - scenes[index].first_s)
    ]
    while len(taken) < limit:
        distances = [
            min(_changed_share(scene.signature, scenes[index].signature) for index in taken)
            for scene in scenes
        ]
        farthest = int(np.argmax(distances))
        if distances[farthest] <= CHANGED_SHARE:
            break
        taken.append(farthest)
    return [scenes[index] for index in sorted(taken)]
