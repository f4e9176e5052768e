"""The desk's transcriber: made once, and told how the business spells its names.

They are those of the knowledge (`bot/knowledge/names.py`), and are looked up anew with each of its
generations. An engine that cannot be told any is left as it is.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from threading import Lock

from bot.knowledge import Knowledge
from bot.knowledge.index import Index
from bot.knowledge.names import names_in
from models.transcriber import TakesNames, Transcriber

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0


class ToldTranscriber:
    """Called, it gives the same engine to all who ask, in whichever threads: its model is large."""

    def __init__(self, make: Callable[[], Transcriber], names: Sequence[str] = ()) -> None:
        """`names`: those that are told always, such as the business's own."""
        self._make = make
        self._lock = Lock()
        self._made: Transcriber | None = None
        self._always = tuple(names)
        self._names = self._always

    def __call__(self) -> Transcriber:
        with self._lock:
            if self._made is None:
                self._made = self._make()
                self._tell()
            return self._made

    async def follow(self, knowledge: Knowledge) -> None:
        """Tell the names of each generation of the knowledge, until cancelled."""
        seen: Index | None = None
        while True:
            if knowledge.index is not seen:
                seen = knowledge.index
                names = await asyncio.to_thread(names_in, seen.passages, knowledge.familiar)
                await asyncio.to_thread(self.told, names)
            await asyncio.sleep(_LOOK_EVERY_S)

    def told(self, names: Sequence[str]) -> None:
        """Have the engine told these names now, or once it is made."""
        with self._lock:
            self._names = (*self._always, *names)
            self._tell()

    def _tell(self) -> None:
        if self._names and isinstance(self._made, TakesNames):
            self._made.tell_names(self._names)
            log.info("transcriber.told_names", extra={"names": len(self._names)})
