"""The intents as the running desk uses them: their titles and answers, followed as they change."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from bot.errors import OperatorError
from bot.intents.folder import SUFFIXES, read_intents
from bot.intents.intent import Intent, IntentSet

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 2.0


class IntentBook:
    def __init__(self, folder: Path) -> None:
        """Reads the folder. Raises `OperatorError` if something in it is wrong."""
        self._folder = folder
        self._stamp = _stamp(folder)
        self._intents = read_intents(folder)

    @property
    def intents(self) -> IntentSet:
        return self._intents

    @property
    def by_name(self) -> Mapping[str, Intent]:
        return self._intents.by_name

    async def follow(self) -> None:
        """Read the folder again whenever a file in it changes, until cancelled. While something in
        it is wrong, that is logged, and what was read before stays."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            stamp = await asyncio.to_thread(_stamp, self._folder)
            if stamp == self._stamp:
                continue
            self._stamp = stamp
            try:
                self._intents = await asyncio.to_thread(read_intents, self._folder)
            except OperatorError as error:
                log.warning("intents.not_read", extra={"reason": error.problem})
            else:
                log.info("intents.read", extra={"intents": len(self._intents.intents)})


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes when a file of the folder does."""
    if not folder.is_dir():
        return ()
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    found = []
    for path in files:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # deleted this moment; the next look sees it
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)
