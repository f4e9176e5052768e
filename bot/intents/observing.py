"""Written examples as a model sees them: pictures read and looked at, recordings heard.

The running desk perceives the same way in `bot.perception`. Each medium is worked on once: what was
found is kept on disk, by its bytes and the engines' names.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import get_ident

import msgspec
import numpy as np

from bot.errors import OperatorError
from bot.intents.intent import Medium, WrittenExample, refuse
from bot.perception import Box, Limits
from models.audio import decode
from models.errors import EngineMissing, MediaError
from models.image_encoder import ImageEncoder
from models.images import open_image, shrink
from models.memory import give_back
from models.text_reader import TextReader
from models.transcriber import Transcriber
from models.understanding.observation import Example, Line, Observation, Prosody
from models.understanding.prosody import prosody_of

log = logging.getLogger(__name__)

VERSION = 2
"""Raised when the same bytes and engines give another result."""
MOST_AT_ONCE = 4
MEDIUM_BYTES = 400_000_000
"""Memory that one picture of the largest size may take while it is read."""
_WHY = {
    "upload_empty": "is empty",
    "media_unreadable": "cannot be opened; it may be damaged",
    "media_truncated": "is cut off or damaged",
    "image_too_many_pixels": "has more than {limit_megapixels} megapixels",
    "audio_too_long": "is longer than {limit_minutes} minutes",
    "audio_missing": "has no sound",
    "audio_silence": "is silent",
    "audio_not_speech": "holds no words",
    "audio_language": "is in a language that the transcriber does not know",
    "audio_unclear": "could not be understood",
}
"""The codes of `MediaError` and `Transcript.problem`, told to an operator."""

Progress = Callable[[int, int], None]
"""Called with how many media are done, and of how many."""


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is in one medium. Kept on disk as MessagePack."""

    lines: tuple[Line, ...] = ()
    image: tuple[float, ...] = ()
    said: str = ""
    prosody: Prosody | None = None
    problem: str = ""
    """Why no words were understood in a recording: `Transcript.problem`."""


@dataclass(frozen=True)
class Observed:
    """What the written examples have become."""

    examples: tuple[Example, ...]
    """One for each that was written, in their order. Where nothing was understood, and nothing was
    typed or shown, its weight is 0."""
    warnings: tuple[str, ...]
    """A sentence for each recording in which no words were understood."""


def lines_in(boxes: Iterable[Box], size: tuple[int, int]) -> tuple[Line, ...]:
    """The text of a picture that is `size` (width, height) pixels large, as a model sees it."""
    width, height = max(size[0], 1), max(size[1], 1)
    return tuple(
        Line(b.text, b.left / width, b.top / height, b.right / width, b.bottom / height)
        for b in boxes
    )


class Observer:
    """Makes training examples of written ones. Blocks; for use in one thread."""

    def __init__(
        self,
        reader: Callable[[], TextReader],
        image_encoder: Callable[[], ImageEncoder],
        transcriber: Callable[[], Transcriber],
        cache_folder: Path,
        limits: Limits | None = None,
    ) -> None:
        """The engines are given as what makes them; each is made when a medium first needs it.
        `cache_folder` is made if it is not there, and may be deleted at any time."""
        self._engines = _Engines(reader, image_encoder, transcriber, limits or Limits())
        self._cache = _Cache(cache_folder)

    def observe(
        self, written: Sequence[WrittenExample], progress: Progress = lambda done, total: None
    ) -> Observed:
        """Raises one `OperatorError` that names every picture and recording that cannot be used."""
        media = _media_of(written)
        found: dict[tuple[str, Medium], Found] = {}
        problems: dict[tuple[str, Medium], str] = {}
        if media:
            self._prepare({kind for kind, _ in media})
        with ThreadPoolExecutor(_at_once(), thread_name_prefix="observer") as pool:
            running = {pool.submit(self._look, *wanted): wanted for wanted in media}
            try:
                for done, future in enumerate(as_completed(running), 1):
                    try:
                        found[running[future]] = future.result()
                    except MediaError as error:
                        why = _WHY.get(error.code, error.code).format_map(error.params)
                        problems[running[future]] = why
                    except OSError as error:
                        problems[running[future]] = f"cannot be read: {error.strerror}"
                    progress(done, len(media))
            finally:
                pool.shutdown(cancel_futures=True)
        refuse(
            [
                _told(*wanted, why, media[wanted])
                for wanted, why in sorted(problems.items(), key=_by_path)
            ],
            "mend or replace these files; nothing was trained",
        )
        warnings = [
            _told(*wanted, _WHY.get(what.problem, what.problem), media[wanted])
            for wanted, what in sorted(found.items(), key=_by_path)
            if what.problem
        ]
        return Observed(tuple(_example(each, found) for each in written), tuple(warnings))

    def _prepare(self, kinds: Iterable[str]) -> None:
        """Make the engines here: two threads would make them twice."""
        try:
            for kind in kinds:
                self._engines.names(kind)
        except EngineMissing as error:
            problem = str(error).partition("\n")[0]
            raise OperatorError(problem, remedy=error.remedy) from error

    def _look(self, kind: str, medium: Medium) -> Found:
        data = medium.path.read_bytes()
        key = _Cache.key(data, kind, *self._engines.names(kind))
        kept = self._cache.read(key)
        if kept is not None:
            return kept
        try:
            found = self._engines.shown(data) if kind == "image" else self._engines.heard(data)
        finally:
            give_back()
        self._cache.write(key, found)
        return found


class _Engines:
    """What looks and listens."""

    def __init__(
        self,
        reader: Callable[[], TextReader],
        image_encoder: Callable[[], ImageEncoder],
        transcriber: Callable[[], Transcriber],
        limits: Limits,
    ) -> None:
        self._make = (reader, image_encoder, transcriber)
        self._limits = limits

    @cached_property
    def _reader(self) -> TextReader:
        return self._make[0]()

    @cached_property
    def _image_encoder(self) -> ImageEncoder:
        return self._make[1]()

    @cached_property
    def _transcriber(self) -> Transcriber:
        return self._make[2]()

    def names(self, kind: str) -> tuple[str, ...]:
        """Of all engines that work on this kind of medium."""
        if kind == "image":
            return (self._reader.name, self._image_encoder.name)
        return (self._transcriber.name,)

    def shown(self, data: bytes) -> Found:
        """Raises `MediaError`."""
        picture = shrink(open_image(data), self._limits.image_side)
        boxes = [
            Box(*box.box, box.score, box.text)
            for box in self._reader.read(picture)[: self._limits.boxes]
        ]
        # The running desk keeps vectors with half the digits; here they are to be the same.
        vector = self._image_encoder.encode([picture])[0].astype(np.float16)
        return Found(
            lines=lines_in(boxes, picture.size), image=tuple(vector.astype(float).tolist())
        )

    def heard(self, data: bytes) -> Found:
        """Raises `MediaError`."""
        samples = decode(data, limit_s=self._limits.audio_s)
        heard = self._transcriber.transcribe(samples)
        return Found(
            said=heard.text[: self._limits.characters],
            prosody=prosody_of(samples, heard.text) if heard.text else None,
            problem=heard.problem,
        )


class _Cache:
    """What was found in media before, a file for each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._decoder = msgspec.msgpack.Decoder(Found)

    @staticmethod
    def key(data: bytes, *names: str) -> str:
        digest = hashlib.sha256(data).hexdigest()
        return hashlib.sha256("\n".join((str(VERSION), digest, *names)).encode()).hexdigest()

    def read(self, key: str) -> Found | None:
        """None if it is not there, or is damaged."""
        try:
            return self._decoder.decode(self._path(key).read_bytes())
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, key: str, found: Found) -> None:
        """In one step, so that a process that dies leaves no half of it. What cannot be kept is
        found anew next time."""
        path = self._path(key)
        unfinished = path.with_suffix(f".{os.getpid()}-{get_ident()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(msgspec.msgpack.encode(found))
            unfinished.replace(path)
        except OSError as error:
            log.warning("observing.not_kept", extra={"reason": error.strerror})
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.msgpack"


def _at_once() -> int:
    """As many media as cores, and as there is free memory for."""
    most = min(MOST_AT_ONCE, os.cpu_count() or 1)
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 1
    return max(1, min(most, free // MEDIUM_BYTES))


def _media_of(written: Sequence[WrittenExample]) -> dict[tuple[str, Medium], list[str]]:
    """Every medium, by its kind, with the places of the examples that have it."""
    media: dict[tuple[str, Medium], list[str]] = {}
    for example in written:
        for kind, medium in (("image", example.image), ("recording", example.recording)):
            if medium:
                media.setdefault((kind, medium), []).append(example.place)
    return media


def _example(written: WrittenExample, found: Mapping[tuple[str, Medium], Found]) -> Example:
    shown = found["image", written.image] if written.image else Found()
    heard = found["recording", written.recording] if written.recording else Found()
    text = "\n".join(part for part in (written.text, heard.said) if part)
    seen = Observation(
        text=text,
        lines=shown.lines,
        image=shown.image,
        prosody=heard.prosody,
        history=written.history,
    )
    known = bool(text or shown.lines or shown.image)
    return Example(seen, written.labels, written.place, weight=1.0 if known else 0.0)


def _by_path(item: tuple[tuple[str, Medium], object]) -> tuple[str, str]:
    (kind, medium), _ = item
    return str(medium.path), kind


def _told(kind: str, medium: Medium, why: str, places: Sequence[str]) -> str:
    return f"{', '.join(places)}: the {kind} {medium.path.name} {why}"
