"""Sound that comes piece by piece: what has been understood so far, and the same words at last."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from models.growing import GrowingListener, _grown
from models.moonshine import MoonshineTranscriber
from models.speech_parts import Part, Samples, Speech
from models.transcriber import Listener, Partial, Transcript
from models.voice_activity import PIECE, SAMPLE_RATE_HZ, speech_probabilities
from tests.models.media import samples_of

FRAME = 320
"""Samples: 20 ms, as calls bring them."""


@dataclass
class Counting:
    """An engine that counts what it hears, and writes its length down."""

    longest_s: float = 15.0
    shortest_cut_s: float = 8.0
    overhead_s: float = 0.2
    passes: list[tuple[float, bool]] = field(default_factory=list)

    def hear_part(self, samples: Samples, draft: str | None, *, final: bool) -> str:
        self.passes.append((len(samples) / SAMPLE_RATE_HZ, final))
        return f"{len(samples)}"

    def text_of(self, heard: str) -> str:
        return heard

    def judge(self, parts: Sequence[Part[str]], speech: Speech) -> Transcript:
        return Transcript(" ".join(part.heard for part in parts), "en", 1.0, speech.seconds)


def told(listener: Listener, samples: Samples) -> Iterator[tuple[float, Partial]]:
    """The second, and what has been understood by then."""
    for at in range(0, len(samples), FRAME):
        yield (at + FRAME) / SAMPLE_RATE_HZ, listener.hear(samples[at : at + FRAME])


@pytest.fixture
def speech(shared_data: Path) -> Samples:
    return samples_of(shared_data / "speech" / "jfk.flac")


def test_the_end_is_what_one_pass_would_tell(
    moonshine: MoonshineTranscriber, shared_data: Path
) -> None:
    clips = [
        samples_of(shared_data / "ljspeech" / "LJ001-0002.wav"),
        samples_of(shared_data / "speech" / "jfk.flac") * np.float32(0.02),
        samples_of(shared_data / "noise" / "siren.wav")[: 3 * SAMPLE_RATE_HZ],
    ]
    for samples in clips:
        listener = moonshine.listen()
        for _ in told(listener, samples):
            pass
        heard, whole = listener.finish(), moonshine.transcribe(samples)
        assert (heard.text, heard.problem) == (whole.text, whole.problem)
        assert heard.speech_s == whole.speech_s
        assert heard.confidence == pytest.approx(whole.confidence, abs=0.02)


def test_what_is_stable_stays(moonshine: MoonshineTranscriber, speech: Samples) -> None:
    listener = moonshine.listen()
    partials = [partial for _, partial in told(listener, np.tile(speech, 2))]
    for before, after in pairwise(partials):
        assert after.stable.startswith(before.stable)
    assert partials[-1].stable.startswith("And so")
    assert "my fellow Americans" in partials[-1].text
    assert len({partial.text for partial in partials}) >= 3


def test_the_first_words_come_early(moonshine: MoonshineTranscriber, shared_data: Path) -> None:
    for path in sorted((shared_data / "ljspeech").glob("*.wav")):
        samples = samples_of(path)
        begins_s = np.flatnonzero(speech_probabilities(samples) >= 0.5)[0] * PIECE / SAMPLE_RATE_HZ
        words_s = next(at for at, partial in told(moonshine.listen(), samples) if partial.text)
        assert words_s - begins_s <= 0.7, path.name


def test_passes_grow_so_that_all_of_them_cost_little(speech: Samples) -> None:
    engine = Counting(longest_s=300.0)
    listener = GrowingListener(engine)
    long = np.tile(speech, 12)
    for _ in told(listener, long):
        pass
    spent = [seconds + engine.overhead_s for seconds, _ in engine.passes]
    assert len(spent) >= 3
    assert all(after >= 6 * before for before, after in pairwise(spent))
    assert sum(spent[:-1]) <= 0.3 * spent[-1]


def test_the_end_may_be_asked_for_early_and_again(speech: Samples) -> None:
    """A pause is taken for the end; then the caller goes on."""
    engine = Counting()
    listener = GrowingListener(engine)
    pause = np.zeros(SAMPLE_RATE_HZ // 4, np.float32)
    for _ in told(listener, np.concatenate([speech[: 2 * SAMPLE_RATE_HZ], pause])):
        pass
    early = listener.finish()
    heard = len(engine.passes)
    for _ in told(listener, pause):
        pass
    assert listener.finish() == early
    assert len(engine.passes) == heard, "the same pause cost another pass"
    for _ in told(listener, speech[2 * SAMPLE_RATE_HZ :]):
        pass
    assert listener.finish().speech_s > early.speech_s


def test_what_is_complete_is_heard_no_more(speech: Samples) -> None:
    engine = Counting(longest_s=4.0, shortest_cut_s=2.0)
    listener = GrowingListener(engine)
    long = np.tile(speech, 4)
    for _ in told(listener, long):
        pass
    listener.finish()
    assert sum(seconds for seconds, _ in engine.passes) < 4 * len(long) / SAMPLE_RATE_HZ
    assert max(seconds for seconds, _ in engine.passes) <= 4.0


def test_silence_is_never_worked_on() -> None:
    engine = Counting()
    listener = GrowingListener(engine)
    hiss = np.random.default_rng(0).normal(size=5 * SAMPLE_RATE_HZ).astype(np.float32) * 0.001
    assert {partial.text for _, partial in told(listener, hiss)} == {""}
    assert listener.finish().problem == "audio_silence"
    assert engine.passes == []


def test_nothing_was_said_when_nothing_came() -> None:
    assert GrowingListener(Counting()).finish().problem == "audio_silence"


@pytest.mark.parametrize(
    ("before", "text", "stable", "tentative"),
    [
        (Partial("", ""), "Where is", "", "Where is"),
        (Partial("", "Where is."), "Where is my order", "Where is", " my order"),
        (Partial("Where is", " mine"), "Wear is my order", "Where is", " my order"),
        (Partial("", "我的订单"), "我的定单在哪里", "我的", "定单在哪里"),
        (Partial("Where is", " my"), "Where", "Where is", ""),
    ],
)
def test_words_are_stable_when_they_come_twice(
    before: Partial, text: str, stable: str, tentative: str
) -> None:
    assert _grown(before, text) == Partial(stable, tentative)
