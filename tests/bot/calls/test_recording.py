"""The caller left, the desk right, on the disk while the call goes on."""

from pathlib import Path

import av
import numpy as np
import pytest

from bot.calls.recording import Recording

RATE_HZ = 8000
FULL = Path("/dev/full")


async def record(path: Path) -> None:
    recording = Recording(path, RATE_HZ)
    recording.desk(np.full(RATE_HZ, 0.5, np.float32))
    for _ in range(100):
        recording.caller(np.full(160, 0.25, np.float32))
    await recording.close()


async def test_both_sides_stand_beside_each_other(tmp_path: Path) -> None:
    await record(tmp_path / "call.wav")
    with av.open(str(tmp_path / "call.wav")) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    both = np.concatenate(frames, axis=1).reshape(-1, 2) / 32768
    assert len(both) == 2 * RATE_HZ
    assert np.allclose(both[:, 0], 0.25, atol=0.001)
    assert np.allclose(both[:RATE_HZ, 1], 0.5, atol=0.001)
    assert np.allclose(both[RATE_HZ:, 1], 0, atol=0.001)


async def test_opus_is_small(tmp_path: Path) -> None:
    await record(tmp_path / "calls" / "call.ogg")
    assert 200 < (tmp_path / "calls" / "call.ogg").stat().st_size < 40_000


async def test_it_is_written_as_it_comes(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "call.wav", RATE_HZ)
    for _ in range(200):
        recording.caller(np.zeros(RATE_HZ // 10, np.float32))
    assert recording._length < RATE_HZ + 1
    await recording.close()
    assert (tmp_path / "call.wav").stat().st_size == pytest.approx(20 * RATE_HZ * 4, rel=0.01)


@pytest.mark.skipif(not FULL.exists(), reason="/dev/full, a disk that is always full, is Linux's")
async def test_a_full_disk_ends_the_recording_and_not_the_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "call.wav").symlink_to(FULL)
    recording = Recording(tmp_path / "call.wav", RATE_HZ)
    for _ in range(50):
        recording.caller(np.full(RATE_HZ // 10, 0.25, np.float32))
    await recording.close()
    assert [record.message for record in caplog.records] == ["call.recording_broken"]
