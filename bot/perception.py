"""What is in an attachment: recordings are heard, pictures and documents read, videos both.

Comes before `bot.understanding`. The engines are of `models/`; each works in a thread of its own,
so that a long recording keeps neither the event loop nor the reading of screenshots waiting.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from bot import engines
from bot.engines import engine
from bot.errors import Unavailable
from bot.messages import Attachment, AttachmentId, AttachmentKind
from bot.trace import Stopwatch
from bot.worker import Worker
from models.audio import decode
from models.errors import EngineFailed, EngineMissing, MediaError
from models.images import open_image, shrink
from models.pdf import read_pdf, scanned_pages
from models.text_reader import TextBox, TextReader, lines_of
from models.transcriber import Transcriber, Transcript
from models.understanding.prosody import prosody_of
from models.video import Video, open_video

if TYPE_CHECKING:
    from models.image_encoder import ImageEncoder

log = logging.getLogger(__name__)

Out = TypeVar("Out")

WARM_UP_SIDE = 64


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an attachment is looked at, and for how long."""

    timeout_s: float = 60.0
    """For one attachment, its waiting for an engine included."""
    audio_s: float = 600.0
    video_s: float = 120.0
    video_frames: int = 4
    pdf_pages: int = 30
    scanned_pages: int = 4
    """Pages without text of their own that are read as pictures."""
    characters: int = 12_000
    """Of what was heard or read in one attachment; the rest is dropped."""
    boxes: int = 200
    at_once: int = 4
    """Attachments that are open at the same time, over all conversations; bounds the memory."""
    image_side: int = 2000
    """Pixels; a larger picture is scaled down."""


class Box(msgspec.Struct, frozen=True, array_like=True):
    """A line of text in a picture: where it stands and what it says."""

    left: int
    top: int
    right: int
    bottom: int
    score: float
    text: str


class Perceived(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was heard and read in one attachment. Kept with the conversation as JSON."""

    attachment: AttachmentId
    kind: AttachmentKind
    said: str = ""
    shown: str = ""
    language: str = ""
    """ISO 639-1, of what was said; empty where nothing was or it is not known."""
    confidence: float = 0.0
    """0 to 1: how sure the engines are of what was said and shown."""
    problem: str = ""
    """Code of a sentence in `bot/texts/` that tells the customer why it could not be used, or not
    all of it; empty where it could."""
    problem_params: dict[str, str | int | float] = {}
    boxes: tuple[Box, ...] = ()
    """Lines of a picture in reading order, in pixels of the picture as it was read."""
    size: tuple[int, int] = (0, 0)
    """Width and height of that picture."""
    prosody: tuple[float, ...] = ()
    """How it was said: the fields of `models.understanding.observation.Prosody`."""
    embedding: bytes = b""
    """Of a picture, or the mean of a video's: float16, little-endian, of length 1."""
    milliseconds: dict[str, float] = {}
    """Spent on each step, waiting for its engine included."""

    @property
    def text(self) -> str:
        """All words in it."""
        return "\n".join(part for part in (self.said, self.shown) if part)

    def account(self) -> dict[str, object]:
        """The facts for a trace."""
        return {
            "attachment": self.attachment,
            "kind": self.kind,
            "said": self.said,
            "shown": self.shown,
            "language": self.language,
            "confidence": round(self.confidence, 3),
            "problem": self.problem,
            "milliseconds": self.milliseconds,
        }


class Media(Protocol):
    """Where the bytes are; `bot.media.MediaStore` is one."""

    async def read(self, attachment: AttachmentId) -> bytes:
        """All bytes of an attachment. Raises `KeyError` if there are none, and `Unavailable`."""


class Perception:
    """Looks at attachments, those of all conversations at the same time.

    The engines are given as what makes them; each is made when it is first needed.
    """

    def __init__(
        self,
        *,
        transcriber: Callable[[], Transcriber],
        text_reader: Callable[[], TextReader],
        image_encoder: Callable[[], "ImageEncoder"],
        media: Media,
        limits: Limits | None = None,
    ) -> None:
        self.image_encoder = ""
        """Name of the image encoder; empty until it has been made."""
        self._media = media
        self._limits = limits or Limits()
        self._open = asyncio.Semaphore(self._limits.at_once)
        self._openers = ThreadPoolExecutor(2, thread_name_prefix="opener")
        self._hearing = Worker(transcriber, _hear, name="hearing", large=True)
        self._reading = Worker(text_reader, _read, name="reading", large=True)
        self._encoding = Worker(
            lambda: self._named(image_encoder()), _encode, name="encoding", max_batch=16
        )

    @classmethod
    def embedded(cls, media: Media, limits: Limits | None = None) -> "Perception":
        """With the engines that need nothing else."""
        return cls(
            transcriber=lambda: engine(engines.TRANSCRIBERS, "moonshine")(),
            text_reader=lambda: engine(engines.TEXT_READERS, "ppocr")(),
            image_encoder=lambda: engine(engines.IMAGE_ENCODERS, "small")(),
            media=media,
            limits=limits,
        )

    async def warm_up(self) -> None:
        """Make the engines now, so that the first customer does not wait for it. One that is
        missing is logged; a customer who needs it is told."""
        from PIL import Image as images

        picture = images.new("RGB", (WARM_UP_SIDE, WARM_UP_SIDE), "white")
        ready = await asyncio.gather(
            self._hearing.run(np.zeros(16_000, np.float32)),
            self._reading.run(picture),
            self._encoding.run(picture),
            return_exceptions=True,
        )
        for outcome in ready:
            if isinstance(outcome, EngineMissing):
                log.error("perception.engine_missing", extra={"reason": str(outcome)})
            elif isinstance(outcome, BaseException):
                raise outcome

    async def close(self) -> None:
        """Wait for what is being worked on; what waits is turned away."""
        await asyncio.gather(self._hearing.close(), self._reading.close(), self._encoding.close())
        self._openers.shutdown(wait=False, cancel_futures=True)

    async def perceive(self, attachment: Attachment) -> Perceived:
        """What is in an attachment. Whatever is wrong with the file stands in `problem`.

        Raises `Unavailable` if the media store does not answer.
        """
        look = _Look(attachment)
        try:
            async with asyncio.timeout(self._limits.timeout_s), self._open:
                perceived = await self._look(look, await self._fetched(look))
        except TimeoutError:
            perceived = look.problem("perception_timeout")
        except MediaError as error:
            perceived = look.problem(error.code, error.params)
        except EngineMissing as error:
            log.error("perception.engine_missing", extra={"reason": str(error)})
            perceived = look.problem("perception_missing")
        except EngineFailed as error:
            log.error("perception.engine_failed", extra={"reason": str(error)})
            perceived = look.problem("perception_missing")
        except Unavailable:
            raise
        except Exception:
            # One file's trouble is not its conversation's.
            log.exception("perception.failed", extra={"attachment": attachment.id})
            perceived = look.problem("perception_missing")
        if perceived.problem:
            log.info(
                "perception.problem",
                extra={"attachment": attachment.id, "problem": perceived.problem},
            )
        return msgspec.structs.replace(perceived, milliseconds=look.milliseconds)

    async def open_picture(self, attachment: AttachmentId) -> Image:
        """A picture as it was looked at. Raises `KeyError` if it is not kept any more, and
        `MediaError`, `Unavailable`."""
        async with self._open:
            return await self._image(await self._media.read(attachment))

    async def encode(self, images: Sequence[Image]) -> list[NDArray[np.float32]]:
        """What each picture looks like, as the image encoder's vector. Raises `EngineMissing`."""
        return await asyncio.gather(*(self._encoding.run(image) for image in images))

    def _named(self, encoder: "ImageEncoder") -> "ImageEncoder":
        self.image_encoder = encoder.name
        return encoder

    async def _fetched(self, look: "_Look") -> bytes:
        with look.step("fetch"):
            try:
                return await self._media.read(look.attachment.id)
            except KeyError as error:
                # It has expired since the message came.
                raise MediaError("media_unreadable") from error

    async def _look(self, look: "_Look", data: bytes) -> Perceived:
        match look.attachment.kind:
            case AttachmentKind.AUDIO:
                return await self._recording(look, data)
            case AttachmentKind.IMAGE:
                return await self._picture(look, data)
            case AttachmentKind.VIDEO:
                return await self._video(look, data)
            case AttachmentKind.FILE:
                return await self._document(look, data)

    async def _recording(self, look: "_Look", data: bytes) -> Perceived:
        with look.step("decode"):
            samples = await self._opened(partial(decode, data, limit_s=self._limits.audio_s))
        with look.step("hear"):
            heard = await self._hearing.run(samples)
        said = self._said(look, heard)
        if not heard.text:
            return said
        with look.step("prosody"):
            manner = await self._opened(partial(prosody_of, samples, heard.text))
        return msgspec.structs.replace(said, prosody=astuple(manner) if manner else ())

    async def _picture(self, look: "_Look", data: bytes) -> Perceived:
        with look.step("decode"):
            image = await self._image(data)
        boxes, embedding = await self._shown_in(look, [image])
        return look.found(
            shown=lines_of(boxes[0])[: self._limits.characters],
            confidence=_mean_score(boxes[0]),
            boxes=tuple(_box(box) for box in boxes[0][: self._limits.boxes]),
            size=image.size,
            embedding=embedding,
        )

    async def _image(self, data: bytes) -> Image:
        return await self._opened(lambda: shrink(open_image(data), self._limits.image_side))

    async def _video(self, look: "_Look", data: bytes) -> Perceived:
        limits = self._limits
        with look.step("decode"):
            video: Video = await self._opened(
                partial(open_video, data, limit_s=limits.video_s, limit_frames=limits.video_frames)
            )
        images = [frame.image for frame in video.frames]
        if not images and video.sound is not None:
            with look.step("hear"):
                return self._said(look, await self._hearing.run(video.sound))
        if video.sound is None:
            boxes, embedding = await self._shown_in(look, images)
            heard = Transcript("", "", 0.0, 0.0)
        else:
            with look.step("hear"):
                (boxes, embedding), heard = await asyncio.gather(
                    self._shown_in(look, images), self._hearing.run(video.sound)
                )
        # A video may well be silent, or have music to it; only unheard words are a problem.
        problem = heard.problem if heard.problem in ("audio_language", "audio_unclear") else ""
        shown = _distinct_lines([lines_of(each) for each in boxes])
        scores = [_mean_score(each) for each in boxes if each]
        sure = [score for score in (heard.confidence if heard.text else 0.0, *scores) if score]
        return look.found(
            said=heard.text[: limits.characters],
            shown=shown[: limits.characters],
            language=heard.language,
            confidence=min(sure, default=0.0),
            problem=problem,
            embedding=embedding,
        )

    async def _document(self, look: "_Look", data: bytes) -> Perceived:
        limits = self._limits
        with look.step("decode"):
            pages = await self._opened(partial(read_pdf, data, limits.pdf_pages))
        scores = [1.0 for page in pages if page]
        if not all(pages[: limits.scanned_pages]):
            with look.step("decode"):
                scanned = await self._opened(partial(scanned_pages, data, limits.scanned_pages))
            with look.step("read"):
                boxes = await asyncio.gather(*(self._reading.run(image) for _, image in scanned))
            for (page, _), found in zip(scanned, boxes, strict=True):
                pages[page] = lines_of(found)
                scores.append(_mean_score(found))
        shown = "\n\n".join(page for page in pages if page)
        return look.found(
            shown=shown[: limits.characters],
            confidence=min((score for score in scores if score), default=0.0),
        )

    def _said(self, look: "_Look", heard: Transcript) -> Perceived:
        return look.found(
            said=heard.text[: self._limits.characters],
            language=heard.language,
            confidence=heard.confidence,
            problem=heard.problem,
        )

    async def _shown_in(
        self, look: "_Look", images: Sequence[Image]
    ) -> tuple[list[list[TextBox]], bytes]:
        """The text of each picture, and what they look like together."""
        with look.step("read"):
            boxes, vectors = await asyncio.gather(
                asyncio.gather(*(self._reading.run(image) for image in images)),
                self.encode(images),
            )
        mean = np.mean(vectors, axis=0)
        mean /= max(float(np.linalg.norm(mean)), 1e-6)
        return list(boxes), mean.astype("<f2").tobytes()

    async def _opened(self, work: Callable[[], Out]) -> Out:
        """Decode something, in one of the threads for that."""
        return await asyncio.get_running_loop().run_in_executor(self._openers, work)


class _Look(Stopwatch):
    """One attachment while it is looked at."""

    def __init__(self, attachment: Attachment) -> None:
        super().__init__()
        self.attachment = attachment

    def found(self, **facts: object) -> Perceived:
        perceived = Perceived(self.attachment.id, self.attachment.kind)
        return msgspec.structs.replace(perceived, **facts)

    def problem(self, code: str, params: dict[str, str | int | float] | None = None) -> Perceived:
        return self.found(problem=code, problem_params=params or {})


def _hear(transcriber: Transcriber, recordings: list[NDArray[np.float32]]) -> list[Transcript]:
    return [transcriber.transcribe(samples) for samples in recordings]


def _read(reader: TextReader, images: list[Image]) -> list[list[TextBox]]:
    return [reader.read(image) for image in images]


def _encode(encoder: "ImageEncoder", images: list[Image]) -> list[NDArray[np.float32]]:
    return list(encoder.encode(images))


def _box(found: TextBox) -> Box:
    return Box(*found.box, round(found.score, 3), found.text)


def _mean_score(boxes: Sequence[TextBox]) -> float:
    """Weighted by length, for a long line says more than a button."""
    characters = sum(len(box.text) for box in boxes)
    return sum(box.score * len(box.text) for box in boxes) / characters if characters else 0.0


def _distinct_lines(texts: Sequence[str]) -> str:
    """The lines of several pictures, each once."""
    return "\n".join(dict.fromkeys(line for text in texts for line in text.splitlines()))
