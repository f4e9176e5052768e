"""Recordings are kept for as long as the operator says, and no longer."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from bot.calls.recordings import Recordings

DAY_S = 24 * 3600


def recorded(folder: Path, name: str, days_ago: float) -> Path:
    file = folder / name
    file.write_bytes(b"OggS")
    then = time.time() - days_ago * DAY_S
    os.utime(file, (then, then))
    return file


async def test_a_running_desk_deletes_what_is_too_old(tmp_path: Path) -> None:
    old, new = recorded(tmp_path, "call_1.ogg", 31), recorded(tmp_path, "call_2.ogg", 29)
    other = recorded(tmp_path, "notes.txt", 400)
    following = asyncio.create_task(Recordings(tmp_path, 30).follow())
    async with asyncio.timeout(10):
        while old.exists():
            await asyncio.sleep(0)
    following.cancel()
    assert new.exists()
    assert other.exists()


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert Recordings(tmp_path / "calls", 30).sweep(time.time()) == 0


def test_what_cannot_be_deleted_is_told_and_keeps_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    then = time.time() - 31 * DAY_S
    (tmp_path / "call_0.ogg").mkdir()
    os.utime(tmp_path / "call_0.ogg", (then, then))
    old = recorded(tmp_path, "call_1.ogg", 31)
    assert Recordings(tmp_path, 30).sweep(time.time()) == 1
    assert not old.exists()
    assert [record.message for record in caplog.records] == ["call.recording_not_deleted"]
