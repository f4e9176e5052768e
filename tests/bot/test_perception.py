"""What is in attachments: all at once, within their limits, with whatever is wrong told."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bot.errors import Unavailable
from bot.messages import Attachment, AttachmentId, AttachmentKind
from bot.perception import Limits, Perceived, Perception
from bot.texts import say
from models.errors import EngineMissing
from models.moonshine import MoonshineTranscriber
from models.ppocr import PaddleTextReader
from models.text_reader import TextBox
from models.transcriber import Transcript
from tests.models.media import picture, recording, samples_of, screenshot, tone, video

DECLINED = "Payment declined (code 51)"


class Bytes(dict[str, bytes]):
    """Media in memory."""

    async def read(self, attachment: AttachmentId) -> bytes:
        return self[attachment]

    def add(self, kind: AttachmentKind, data: bytes, media_type: str = "") -> Attachment:
        name = AttachmentId(f"att_{len(self)}")
        self[name] = data
        return Attachment(id=name, kind=kind, media_type=media_type, size_bytes=len(data))


class Brightness:
    """An image encoder of two dimensions: how light, how dark."""

    name = "brightness"
    dimensions = 2

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        self.batches.append(len(images))
        light = [float(np.asarray(image).mean() / 255) for image in images]
        vectors = np.array([[each, 1 - each] for each in light], np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Gate:
    """A transcriber that does not come back until it is let go."""

    name = "gate"
    languages = frozenset({"en"})

    def __init__(self) -> None:
        self.started = threading.Event()
        self.open = threading.Event()
        self.heard = 0

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        self.heard += 1
        self.started.set()
        assert self.open.wait(timeout=20)
        return Transcript("at last", "en", 1.0, 1.0)


@pytest.fixture(scope="session")
def hearing() -> MoonshineTranscriber:
    return MoonshineTranscriber()


@pytest.fixture(scope="session")
def reading() -> PaddleTextReader:
    return PaddleTextReader()


@pytest.fixture
def media() -> Bytes:
    return Bytes()


Make = Callable[..., Perception]


@pytest.fixture
async def make(
    media: Bytes, hearing: MoonshineTranscriber, reading: PaddleTextReader
) -> AsyncIterator[Make]:
    made: list[Perception] = []

    def perception(**parts: object) -> Perception:
        parts = {
            "transcriber": lambda: hearing,
            "text_reader": lambda: reading,
            "image_encoder": Brightness,
            "media": media,
            **parts,
        }
        made.append(Perception(**parts))
        return made[-1]

    yield perception
    for each in made:
        await each.close()


async def test_voice_note_is_written_down(make: Make, media: Bytes, shared_data: Path) -> None:
    samples = samples_of(shared_data / "ljspeech" / "LJ001-0008.wav")
    for media_type in ("audio/ogg", "audio/webm", "audio/mp4"):
        note = media.add(AttachmentKind.AUDIO, recording(media_type, samples))
        heard = await make().perceive(note)
        assert "never been surpassed" in heard.said.lower()
        assert (heard.language, heard.problem, heard.shown) == ("en", "", "")
        assert set(heard.milliseconds) == {"fetch", "decode", "hear", "prosody"}


async def test_screenshot_is_read_with_its_boxes(make: Make, media: Bytes) -> None:
    image = screenshot(DECLINED, "Try another card.", dark=True)
    shown = await make().perceive(media.add(AttachmentKind.IMAGE, picture("image/png", image)))
    assert shown.shown == f"{DECLINED}\nTry another card."
    assert [box.text for box in shown.boxes] == shown.shown.splitlines()
    assert shown.confidence > 0.9
    light, dark = np.frombuffer(shown.embedding, "<f2")
    assert dark > light


async def test_video_is_heard_and_seen(make: Make, media: Bytes, shared_data: Path) -> None:
    clip = video(
        [screenshot("Checkout"), screenshot("Checkout", DECLINED)],
        sound=samples_of(shared_data / "ljspeech" / "LJ001-0008.wav"),
    )
    perceived = await make().perceive(media.add(AttachmentKind.VIDEO, clip))
    assert "surpassed" in perceived.said
    assert perceived.shown == f"Checkout\n{DECLINED}"
    assert perceived.text == f"{perceived.said}\n{perceived.shown}"
    assert perceived.problem == ""


async def test_video_of_sound_alone_is_a_recording(
    make: Make, media: Bytes, shared_data: Path
) -> None:
    clip = recording("audio/webm", samples_of(shared_data / "ljspeech" / "LJ001-0008.wav"))
    perceived = await make().perceive(media.add(AttachmentKind.VIDEO, clip))
    assert "surpassed" in perceived.said


async def test_silent_video_is_no_problem(make: Make, media: Bytes) -> None:
    clip = video([screenshot(DECLINED)], sound=np.zeros(24_000, np.float32))
    perceived = await make().perceive(media.add(AttachmentKind.VIDEO, clip))
    assert (perceived.problem, perceived.shown) == ("", DECLINED)


async def test_scanned_document_is_read(make: Make, media: Bytes) -> None:
    file = io.BytesIO()
    screenshot("Invoice INV-2026-00417", font_px=30).save(file, "PDF")
    perceived = await make().perceive(media.add(AttachmentKind.FILE, file.getvalue()))
    assert "INV-2026-00417" in perceived.shown


async def test_what_is_kept_reads_back_the_same(make: Make, media: Bytes) -> None:
    shown = await make().perceive(
        media.add(AttachmentKind.IMAGE, picture("image/png", screenshot(DECLINED)))
    )
    kept = msgspec.json.encode(shown)
    assert msgspec.json.decode(kept, type=Perceived) == shown
    assert len(kept) < 1000


async def test_long_text_is_cut(make: Make, media: Bytes) -> None:
    perception = make(limits=Limits(characters=10, boxes=1))
    shown = await perception.perceive(
        media.add(AttachmentKind.IMAGE, picture("image/png", screenshot(DECLINED, DECLINED)))
    )
    assert shown.shown == DECLINED[:10]
    assert len(shown.boxes) == 1


PNG = picture("image/png", screenshot(DECLINED))
WAV = recording("audio/wav", tone(1.0))


@pytest.mark.parametrize(
    ("kind", "data", "problem"),
    [
        (AttachmentKind.IMAGE, b"", "upload_empty"),
        (AttachmentKind.IMAGE, PNG[: len(PNG) // 2], "media_truncated"),
        (AttachmentKind.IMAGE, WAV, "media_unreadable"),
        (AttachmentKind.AUDIO, b"", "upload_empty"),
        (AttachmentKind.AUDIO, WAV[: len(WAV) // 2], "media_truncated"),
        (AttachmentKind.AUDIO, PNG, "media_unreadable"),
        (AttachmentKind.AUDIO, WAV, "audio_not_speech"),
        (AttachmentKind.AUDIO, recording("audio/wav", tone(9.0)), "audio_too_long"),
        (AttachmentKind.AUDIO, recording("audio/wav", 0 * tone(1.0)), "audio_silence"),
        (AttachmentKind.AUDIO, video([Image.new("RGB", (64, 64))]), "audio_missing"),
        (AttachmentKind.VIDEO, video([Image.new("RGB", (64, 64))] * 6), "video_too_long"),
        (AttachmentKind.VIDEO, b"\x00\x00\x00\x18ftypisom", "media_truncated"),
        (AttachmentKind.FILE, b"%PDF-1.7", "media_truncated"),
    ],
)
@pytest.mark.parametrize("locale", ["en", "ar"])
async def test_what_is_wrong_is_told_in_words(
    make: Make, media: Bytes, kind: AttachmentKind, data: bytes, problem: str, locale: str
) -> None:
    perception = make(limits=Limits(audio_s=5, video_s=5))
    perceived = await perception.perceive(media.add(kind, data))
    assert perceived.problem == problem
    assert perceived.text == ""
    sentence = say(perceived.problem, locale, **perceived.problem_params)
    assert sentence
    assert "{" not in sentence


async def test_expired_medium_is_told(make: Make) -> None:
    gone = Attachment(AttachmentId("att_gone"), AttachmentKind.IMAGE, "image/png", 10)
    assert (await make().perceive(gone)).problem == "media_unreadable"


async def test_store_out_of_reach_is_not_the_files_fault(make: Make) -> None:
    class Away:
        async def read(self, attachment: AttachmentId) -> bytes:
            raise Unavailable("the media store does not answer")

    attachment = Attachment(AttachmentId("att_1"), AttachmentKind.IMAGE, "image/png", 10)
    with pytest.raises(Unavailable):
        await make(media=Away()).perceive(attachment)


async def test_missing_engine_is_told_and_others_go_on(make: Make, media: Bytes) -> None:
    def missing() -> MoonshineTranscriber:
        raise EngineMissing("no model", remedy="install it")

    perception = make(transcriber=missing)
    await perception.warm_up()
    note = await perception.perceive(media.add(AttachmentKind.AUDIO, WAV))
    assert note.problem == "perception_missing"
    shown = await perception.perceive(media.add(AttachmentKind.IMAGE, PNG))
    assert shown.shown == DECLINED


async def test_engine_that_fails_on_a_file_spoils_nothing_else(make: Make, media: Bytes) -> None:
    class Fragile:
        name = "fragile"

        def read(self, image: Image.Image) -> list[TextBox]:
            if image.width > 100:
                raise RuntimeError("too wide for me")
            return []

    perception = make(text_reader=Fragile)
    wide = await perception.perceive(media.add(AttachmentKind.IMAGE, PNG))
    assert wide.problem == "perception_missing"
    small = picture("image/png", Image.new("RGB", (50, 50)))
    assert (await perception.perceive(media.add(AttachmentKind.IMAGE, small))).problem == ""


async def test_slow_engine_is_told_and_its_result_dropped(make: Make, media: Bytes) -> None:
    gate = Gate()
    perception = make(transcriber=lambda: gate, limits=Limits(timeout_s=0.2))
    notes = [media.add(AttachmentKind.AUDIO, WAV) for _ in range(3)]
    perceived = await asyncio.gather(*map(perception.perceive, notes))
    assert [each.problem for each in perceived] == ["perception_timeout"] * 3
    gate.open.set()
    await perception.close()
    # The two that still waited for their turn were never worked on.
    assert gate.heard == 1


async def test_pictures_are_read_while_a_recording_is_heard(make: Make, media: Bytes) -> None:
    gate = Gate()
    perception = make(transcriber=lambda: gate)
    note = asyncio.create_task(perception.perceive(media.add(AttachmentKind.AUDIO, WAV)))
    assert await asyncio.to_thread(gate.started.wait, 20)
    shown = await perception.perceive(media.add(AttachmentKind.IMAGE, PNG))
    assert shown.shown == DECLINED
    assert not note.done()
    gate.open.set()
    assert (await note).said == "at last"


async def test_pictures_of_many_conversations_are_encoded_together(
    make: Make, media: Bytes
) -> None:
    encoder = Brightness()
    perception = make(image_encoder=lambda: encoder, limits=Limits(at_once=8))
    small = picture("image/png", Image.new("RGB", (50, 50)))
    pictures = [media.add(AttachmentKind.IMAGE, small) for _ in range(8)]
    await asyncio.gather(*map(perception.perceive, pictures))
    assert sum(encoder.batches) == 8
    assert len(encoder.batches) < 8


async def test_loop_is_never_held_up(make: Make, media: Bytes, shared_data: Path) -> None:
    perception = make()
    await perception.warm_up()
    jfk = recording("audio/ogg", samples_of(shared_data / "speech" / "jfk.flac"))
    files = [
        media.add(AttachmentKind.AUDIO, jfk),
        media.add(AttachmentKind.IMAGE, PNG),
        media.add(AttachmentKind.VIDEO, video([screenshot(DECLINED)])),
    ]
    work = asyncio.gather(*map(perception.perceive, files))
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100
    assert all(each.problem == "" for each in await work)
