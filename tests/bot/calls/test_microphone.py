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


class Device:
    """What `sounddevice.Stream` is made with, driven from a thread as PortAudio drives it."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.started = self.closed = False
        self.out: list[Sound] = []

    def start(self) -> None:
        self.started = True

    def close(self) -> None:
        self.closed = True

    def runs(self, *frames: Sound) -> None:
        def exchange() -> None:
            for frame in frames:
                out = np.full((FRAME, 1), 9, np.float32)  # whatever was there before
                self.settings["callback"](frame[:, np.newaxis], out, FRAME, None, "")
                self.out.append(out[:, 0])

        thread = threading.Thread(target=exchange)
        thread.start()
        thread.join()


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> list[Device]:
    opened: list[Device] = []
    library = ModuleType("sounddevice")

    def stream(**settings: Any) -> Device:
        opened.append(Device(**settings))
        return opened[-1]

    library.__dict__.update(Stream=stream, PortAudioError=type("PortAudioError", (Exception,), {}))
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    return opened


def frame(level: float) -> Sound:
    return np.full(FRAME, level, np.float32)


async def take(events: Any, count: int) -> list[LineEvent]:
    async with asyncio.timeout(5):
        return [await anext(events) for _ in range(count)]


async def test_both_ways_are_open_once_the_call_is_taken(devices: list[Device]) -> None:
    line = Microphone()
    (device,) = devices
    assert (device.settings["samplerate"], device.settings["blocksize"]) == (RATE_HZ, FRAME)
    assert not device.started
    await line.answer()
    assert device.started
    await line.play(np.arange(FRAME + 100, dtype=np.float32))
    device.runs(frame(0.1), frame(0.2), frame(0.3))
    found = await take(line.events(), 5)
    heard = [event.samples[0] for event in found if isinstance(event, Heard)]
    played = [event.samples for event in found if isinstance(event, Played)]
    assert heard == pytest.approx([0.1, 0.2, 0.3])
    assert played == [FRAME, FRAME + 100]
    out = np.concatenate(device.out)
    assert (out[: FRAME + 100] == np.arange(FRAME + 100)).all()
    assert not out[FRAME + 100 :].any()


async def test_what_was_not_played_is_dropped_for_an_interruption(devices: list[Device]) -> None:
    line = Microphone()
    await line.play(np.ones(10 * FRAME, np.float32))
    devices[0].runs(frame(0))
    assert await line.clear() == FRAME
    devices[0].runs(frame(0))
    assert not devices[0].out[-1].any()


@pytest.mark.parametrize(
    ("end", "reason"),
    [(Microphone.leave, EndReason.CALLER), (Microphone.hang_up, EndReason.DESK)],
)
async def test_the_device_is_closed_with_the_call(
    devices: list[Device], end: Callable[[Microphone], Any], reason: EndReason
) -> None:
    line = Microphone()
    events = line.events()
    waiting = asyncio.create_task(anext(events))
    await asyncio.sleep(0)
    await end(line)
    assert await waiting == Ended(reason)
    assert devices[0].closed
    devices[0].runs(frame(0.1))  # one that was on its way
    assert [event async for event in events] == []


async def test_a_desk_that_does_not_listen_takes_no_memory(devices: list[Device]) -> None:
    line = Microphone()
    devices[0].runs(*[frame(0.1)] * 2_000)
    await asyncio.sleep(0)
    assert len(line._waiting) == 500


async def test_captions_are_shown(devices: list[Device]) -> None:
    shown: list[Caption] = []
    Microphone(shown.append).caption(Caption(True, "hello", True))
    assert shown == [Caption(True, "hello", True)]


async def test_a_computer_without_a_device_is_told(
    devices: list[Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    library: Any = sys.modules["sounddevice"]

    def refuse(**settings: Any) -> None:
        raise library.PortAudioError("Error querying device -1")

    monkeypatch.setattr(library, "Stream", refuse)
    with pytest.raises(OperatorError, match=r"no microphone .* device -1") as error:
        Microphone()
    assert "python -m sounddevice" in error.value.remedy


async def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(OperatorError, match="sounddevice") as error:
        Microphone()
    assert "frontdesk[microphone]" in error.value.remedy
