"""The folder of calls' recordings, from which the desk deletes what has been kept for long enough.

Each recording is written by `recording`.
"""

import asyncio
import logging
import time
from pathlib import Path

log = logging.getLogger(__name__)

SUFFIX = ".ogg"
SWEEP_EVERY_S = 3600.0


class Recordings:
    def __init__(self, folder: Path, keep_days: int) -> None:
        self._folder = folder
        self._keep_s = keep_days * 24 * 3600

    def path(self, call: str) -> Path:
        return self._folder / f"{call}{SUFFIX}"

    async def follow(self) -> None:
        """Delete old recordings every hour, until cancelled."""
        while True:
            gone = await asyncio.to_thread(self.sweep, time.time())
            if gone:
                log.info("call.recordings_deleted", extra={"recordings": gone})
            await asyncio.sleep(SWEEP_EVERY_S)

    def sweep(self, now: float) -> int:
        """Delete what was written last more than `keep_days` ago; gives how many recordings that
        were. `now`: Unix time in seconds. What cannot be deleted is logged, and tried again."""
        gone = 0
        for file in self._folder.glob(f"*{SUFFIX}"):
            try:
                if file.lstat().st_mtime < now - self._keep_s:
                    file.unlink()
                    gone += 1
            except FileNotFoundError:
                continue  # another process was quicker
            except OSError as error:
                log.error("call.recording_not_deleted", extra={"reason": str(error)})
        return gone
