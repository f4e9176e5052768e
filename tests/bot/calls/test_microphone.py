"""This computer's microphone as a line: with a device at the library's boundary, and without."""

import asyncio
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bot.calls.microphone import RATE_HZ, Microphone
from bot.calls.transport import Caption, Ended, EndReason, Heard, LineEvent, Played, Sound
from bot.errors import OperatorError

FRAME = 320


class Stream:
    """One way of a device's."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.started = self.closed = False

    def start(self) -> None:
        self.started = True

    def close(self) -> None:
        self.closed = True

    def runs(self, frames: list[Sound]) -> None:
        """Have the callback take or fill frames, in a thread as PortAudio does."""

        def run() -> None:
            for frame in frames:
                self.settings["callback"](frame[:, np.newaxis], FRAME, None, "")

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()


class Device:
    """What `sounddevice` opens."""

    microphone: Stream
    loudspeaker: Stream

    def __init__(self) -> None:
        self.out: list[Sound] = []

    def hears(self, *frames: Sound) -> None:
        self.microphone.runs(list(frames))

    def plays(self, count: int) -> None:
        frames = [np.full(FRAME, 9, np.float32) for _ in range(count)]  # what was there before
        self.loudspeaker.runs(frames)
        self.out += frames


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    device = Device()
    library = ModuleType("sounddevice")

    def microphone(**settings: Any) -> Stream:
        device.microphone = Stream(**settings)
        return device.microphone

    def loudspeaker(**settings: Any) -> Stream:
        device.loudspeaker = Stream(**settings)
        return device.loudspeaker

    library.__dict__.update(
        InputStream=microphone,
        OutputStream=loudspeaker,
        PortAudioError=type("PortAudioError", (Exception,), {}),
    )
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    return device


def frame(level: float) -> Sound:
    return np.full(FRAME, level, np.float32)


async def take(events: Any, count: int) -> list[LineEvent]:
    async with asyncio.timeout(5):
        return [await anext(events) for _ in range(count)]


async def test_both_ways_are_open_once_the_call_is_taken(device: Device) -> None:
    line = Microphone()
    for stream in (device.microphone, device.loudspeaker):
        assert (stream.settings["samplerate"], stream.settings["blocksize"]) == (RATE_HZ, FRAME)
        assert not stream.started
    await line.answer()
    assert device.microphone.started
    assert device.loudspeaker.started
    await line.play(np.arange(FRAME + 100, dtype=np.float32))
    device.hears(frame(0.1), frame(0.2), frame(0.3))
    device.plays(3)
    found = await take(line.events(), 5)
    heard = [event.samples[0] for event in found if isinstance(event, Heard)]
    played = [event.samples for event in found if isinstance(event, Played)]
    assert heard == pytest.approx([0.1, 0.2, 0.3])
    assert played == [FRAME, FRAME + 100]
    out = np.concatenate(device.out)
    assert (out[: FRAME + 100] == np.arange(FRAME + 100)).all()
    assert not out[FRAME + 100 :].any()


async def test_what_was_not_played_is_dropped_for_an_interruption(device: Device) -> None:
    line = Microphone()
    await line.play(np.ones(10 * FRAME, np.float32))
    device.plays(1)
    assert await line.clear() == FRAME
    device.plays(1)
    assert not device.out[-1].any()


@pytest.mark.parametrize(
    ("end", "reason"),
    [(Microphone.leave, EndReason.CALLER), (Microphone.hang_up, EndReason.DESK)],
)
async def test_the_device_is_closed_with_the_call(
    device: Device, end: Callable[[Microphone], Any], reason: EndReason
) -> None:
    line = Microphone()
    events = line.events()
    waiting = asyncio.create_task(anext(events))
    await asyncio.sleep(0)
    await end(line)
    assert await waiting == Ended(reason)
    assert device.microphone.closed
    assert device.loudspeaker.closed
    device.hears(frame(0.1))  # one that was on its way
    assert [event async for event in events] == []


async def test_a_desk_that_does_not_listen_takes_no_memory(device: Device) -> None:
    line = Microphone()
    device.hears(*[frame(0.1)] * 2_000)
    await asyncio.sleep(0)
    assert len(line._waiting) == 500


async def test_captions_are_shown(device: Device) -> None:
    shown: list[Caption] = []
    Microphone(shown.append).caption(Caption(True, "hello", True))
    assert shown == [Caption(True, "hello", True)]


async def test_a_computer_without_a_loudspeaker_is_told(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    library: Any = sys.modules["sounddevice"]

    def refuse(**settings: Any) -> None:
        raise library.PortAudioError("Error querying device -1")

    monkeypatch.setattr(library, "OutputStream", refuse)
    with pytest.raises(OperatorError, match=r"no microphone .* device -1") as error:
        Microphone()
    assert "python -m sounddevice" in error.value.remedy
    assert device.microphone.closed


async def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(OperatorError, match="sounddevice") as error:
        Microphone()
    assert "frontdesk[microphone]" in error.value.remedy
