"""Written examples become what the model sees; each medium is worked on once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bot.errors import OperatorError
from bot.intents.intent import Medium, WrittenExample
from bot.intents.media import MediaFolder
from bot.intents.observing import Observer, lines_in
from bot.perception import Box
from models.audio import SAMPLE_RATE_HZ
from models.espeak import Espeak
from models.moonshine import MoonshineTranscriber
from models.ppocr import PaddleTextReader
from models.small_image_encoder import SmallImageEncoder
from models.understanding.observation import Labels, Line
from tests.models.media import picture, recording, screenshot, tone

REFUND = Labels(("refund",))
DECLINED = "Payment declined (code 51)"
SAID = "I want to have my money back"


@pytest.fixture(scope="module")
def reader() -> PaddleTextReader:
    return PaddleTextReader()


@pytest.fixture(scope="module")
def transcriber() -> MoonshineTranscriber:
    return MoonshineTranscriber()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def observer(reader: PaddleTextReader, transcriber: MoonshineTranscriber, cache: Path) -> Observer:
    return Observer(lambda: reader, SmallImageEncoder, lambda: transcriber, cache)


@pytest.fixture
def medium(tmp_path: Path) -> Callable[[str, bytes], Medium]:
    def made(name: str, data: bytes) -> Medium:
        (tmp_path / name).write_bytes(data)
        wanted = "image" if name.endswith(".png") else "recording"
        return MediaFolder(tmp_path).medium(name, tmp_path, wanted)

    return made


@pytest.fixture(scope="module")
def spoken() -> bytes:
    speech = next(Espeak(words_per_minute=150).synthesize(SAID, "en"))
    count = round(speech.duration_s * SAMPLE_RATE_HZ)
    at = np.arange(count) * speech.sample_rate_hz / SAMPLE_RATE_HZ
    samples = np.interp(at, np.arange(len(speech.samples)), speech.samples)
    return recording("audio/ogg", samples.astype(np.float32))


def unused() -> Iterator[None]:
    pytest.fail("an engine was made that nothing needs")


def test_text_alone_needs_no_engine(cache: Path) -> None:
    observer = Observer(unused, unused, unused, cache)
    written = WrittenExample("my money", REFUND, history=("hi",), place="refund.yaml:2")
    (example,) = observer.observe([written]).examples
    assert example.observation.text == "my money"
    assert example.observation.history == ("hi",)
    assert (example.labels, example.place, example.weight) == (REFUND, "refund.yaml:2", 1.0)


def test_a_picture_is_read_and_looked_at(
    observer: Observer, medium: Callable[[str, bytes], Medium]
) -> None:
    image = medium("x.png", picture("image/png", screenshot(DECLINED, "Try again")))
    written = WrittenExample("see picture", REFUND, image=image)
    (example,) = observer.observe([written]).examples
    first, second = example.observation.lines
    assert (first.text, second.text) == (DECLINED, "Try again")
    assert 0.03 < first.left < first.right < 0.6
    assert 0 < first.top < first.bottom < 0.25 < second.top < 1
    vector = np.array(example.observation.image)
    assert vector.shape == (SmallImageEncoder().dimensions,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=0.01)


def test_a_recording_is_heard_below_what_was_typed(
    observer: Observer, medium: Callable[[str, bytes], Medium], spoken: bytes
) -> None:
    written = WrittenExample("hello?", REFUND, recording=medium("y.ogg", spoken))
    (example,) = observer.observe([written]).examples
    typed, heard = example.observation.text.split("\n")
    assert typed == "hello?"
    assert "money" in heard.lower()
    assert example.observation.prosody is not None
    assert 60 < example.observation.prosody.pitch_hz < 250
    assert 2 < example.observation.prosody.pace < 6


def test_what_was_found_once_is_kept(
    observer: Observer,
    medium: Callable[[str, bytes], Medium],
    spoken: bytes,
    reader: PaddleTextReader,
    transcriber: MoonshineTranscriber,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = [
        WrittenExample("a", REFUND, image=medium("x.png", picture("image/png", screenshot("Hi")))),
        WrittenExample("b", REFUND, recording=medium("y.ogg", spoken)),
    ]
    first = observer.observe(written)
    monkeypatch.setattr(PaddleTextReader, "read", lambda *_: pytest.fail("read again"))
    monkeypatch.setattr(MoonshineTranscriber, "transcribe", lambda *_: pytest.fail("heard again"))
    again = Observer(lambda: reader, SmallImageEncoder, lambda: transcriber, cache)
    assert again.observe(written) == first


def test_another_engine_looks_again(
    observer: Observer,
    medium: Callable[[str, bytes], Medium],
    reader: PaddleTextReader,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = medium("x.png", picture("image/png", screenshot("Hi")))
    written = [WrittenExample("a", REFUND, image=image)]
    observer.observe(written)
    kept = set(cache.rglob("*.msgpack"))
    monkeypatch.setattr(PaddleTextReader, "name", "a newer model")
    observer.observe(written)
    assert len(set(cache.rglob("*.msgpack")) - kept) == 1


@pytest.mark.parametrize("damage", [b"", b"\x00nonsense", b"\x81\xa5lines\x05"])
def test_a_damaged_cache_is_made_anew(
    observer: Observer, medium: Callable[[str, bytes], Medium], cache: Path, damage: bytes
) -> None:
    image = medium("x.png", picture("image/png", screenshot(DECLINED)))
    written = [WrittenExample("a", REFUND, image=image)]
    first = observer.observe(written)
    (entry,) = cache.rglob("*.msgpack")
    whole = entry.read_bytes()
    entry.write_bytes(damage)
    assert observer.observe(written) == first
    assert entry.read_bytes() == whole


def test_a_cache_that_cannot_be_written_hinders_nothing(
    reader: PaddleTextReader, medium: Callable[[str, bytes], Medium], cache: Path
) -> None:
    cache.write_text("a file where the folder should be")
    observer = Observer(lambda: reader, SmallImageEncoder, MoonshineTranscriber, cache)
    image = medium("x.png", picture("image/png", screenshot(DECLINED)))
    (example,) = observer.observe([WrittenExample("a", REFUND, image=image)]).examples
    assert example.observation.lines[0].text == DECLINED


def test_all_unusable_media_are_named_with_their_places(
    observer: Observer, medium: Callable[[str, bytes], Medium], spoken: bytes
) -> None:
    whole = picture("image/png", screenshot(DECLINED))
    cut = medium("cut.png", whole[: len(whole) // 2])
    gone = medium("gone.ogg", spoken)
    gone.path.unlink()
    written = [
        WrittenExample("a", REFUND, image=cut, place="a.yaml:2"),
        WrittenExample("b", REFUND, image=cut, place="a.yaml:7"),
        WrittenExample("c", REFUND, recording=medium("cut.ogg", spoken[:400]), place="b.yaml:3"),
        WrittenExample("d", REFUND, recording=gone, place="b.yaml:9"),
        WrittenExample("e", REFUND, image=medium("fine.png", whole), place="c.yaml:1"),
    ]
    with pytest.raises(OperatorError) as caught:
        observer.observe(written)
    said = str(caught.value)
    assert "a.yaml:2, a.yaml:7: the image cut.png is cut off or damaged" in said
    assert "b.yaml:3: the recording cut.ogg is cut off or damaged" in said
    assert "b.yaml:9: the recording gone.ogg cannot be read" in said
    assert "fine.png" not in said


def test_a_recording_without_words_is_a_warning_and_teaches_nothing(
    observer: Observer, medium: Callable[[str, bytes], Medium]
) -> None:
    hum = medium("hum.ogg", recording("audio/ogg", tone(2.0)))
    written = [
        WrittenExample("", REFUND, recording=hum, place="a.yaml:2"),
        WrittenExample("typed as well", REFUND, recording=hum, place="a.yaml:3"),
    ]
    found = observer.observe(written)
    assert [example.weight for example in found.examples] == [0.0, 1.0]
    assert found.examples[0].observation.empty
    assert "a.yaml:2, a.yaml:3: the recording hum.ogg" in found.warnings[0]


def test_progress_counts_each_medium_once(
    observer: Observer, medium: Callable[[str, bytes], Medium]
) -> None:
    images = [medium(f"{n}.png", picture("image/png", screenshot(f"Page {n}"))) for n in range(3)]
    written = [WrittenExample("a", REFUND, image=image) for image in (*images, images[0])]
    told: list[tuple[int, int]] = []
    observer.observe(written, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_lines_stand_at_shares_of_the_picture() -> None:
    boxes = [Box(100, 50, 300, 70, 0.9, "E-203")]
    assert lines_in(boxes, (1000, 500)) == (Line("E-203", 0.1, 0.1, 0.3, 0.14),)
