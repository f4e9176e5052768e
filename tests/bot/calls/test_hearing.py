"""The ears of a call: the transcriber in threads, and never more sound than is needed."""

import threading
from typing import Any

import numpy as np
import pytest

from bot.calls.hearing import SAMPLE_RATE_HZ, Hearing, SoundMemory
from bot.errors import Unavailable
from models.moonshine import MoonshineTranscriber
from models.smart_turn import SmartTurn
from tests.bot.cli.test_call import saying
from tests.models.media import samples_of
from tests.models.test_smart_turn import small_model


async def test_a_turn_is_heard_while_it_is_spoken(tmp_path: Any) -> None:
    samples = samples_of(saying("What are your opening hours?", tmp_path / "q.wav"))
    partials: list[str] = []
    hearing = Hearing(MoonshineTranscriber, threads=1)
    ear = hearing.listen(partials.append)
    for at in range(0, len(samples), 320):
        ear.hear(samples[at : at + 320])
    caught = await ear.finish()
    hearing.close()
    assert "opening hours" in caught.transcript.text  # espeak speaks no sentence twice alike
    assert caught.melody is not None


async def test_smart_turn_hears_the_end_of_the_turn(tmp_path: Any) -> None:
    samples = samples_of(saying("What are your opening hours?", tmp_path / "q.wav"))
    turn = SmartTurn(small_model(tmp_path / "turn.onnx"))
    hearing = Hearing(MoonshineTranscriber, threads=1, complete=turn.complete)
    ear = hearing.listen(lambda text: None)
    ear.hear(samples)
    caught = await ear.finish()
    hearing.close()
    assert caught.complete == turn.complete(samples)


async def test_a_transcriber_that_hangs_is_given_up() -> None:
    released = threading.Event()

    def hang() -> Any:
        released.wait(20)
        raise AssertionError

    hearing = Hearing(hang, threads=1, wait_s=0.05)
    ear = hearing.listen(lambda text: None)
    with pytest.raises(Unavailable, match="gave nothing in"):
        await ear.finish()
    released.set()
    hearing.close()


def test_the_memory_of_sound_is_bounded() -> None:
    memory = SoundMemory(2.0)
    for n in range(1000):
        memory.add(np.full(1600, n, np.float32))
    assert len(memory.since(0)) <= 2.1 * SAMPLE_RATE_HZ
    assert memory.since(99.9)[0] == 999
