"""Says sentences on a line, one after the other, the next one made while one is played.

It can be held and go on where it was, or be stopped for good; what was really heard is told as it
happens. A sentence that cannot be spoken in time does not stop the others: the call goes on.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from bot.calls.ledger import Ledger, Piece, Said
from bot.calls.transport import Sound, Transport
from models.audio import resampled
from models.synthesizer import Speech

log = logging.getLogger(__name__)

GAP_S = 0.18
"""Silence after a sentence."""
LONGEST_WAIT_S = 4.0
"""For the synthesizer, for one sentence."""
_MOST_ON_THE_LINE = 2
"""The sentence that is heard, and the one behind it."""


class Mouth(Protocol):
    """Makes speech; `bot.calls.speaking.Speaking` is one."""

    async def speak(self, text: str, locale: str) -> Speech | None:
        """A sentence; None where it cannot be spoken."""

    def trouble(self, locale: str) -> tuple[str, Speech] | None:
        """What is said where speech cannot be made: words and sound, ready since the start."""


class Sentence(msgspec.Struct, frozen=True):
    source: str
    """See `bot.calls.ledger.Said`."""
    text: str
    locale: str


class _Ahead(NamedTuple):
    """The sound of a sentence that may be said."""

    text: str
    locale: str
    sound: "asyncio.Task[Speech | None]"


class Player:
    """One call's voice. `run` is to run while the call does."""

    def __init__(
        self,
        line: Transport,
        mouth: Mouth,
        *,
        sounds: Callable[[str, str], None],
        said: Callable[[Said], None],
        silent: Callable[[], None],
    ) -> None:
        """`sounds`: a sentence, its source first, is given to the line now. `said`: one was heard.
        `silent`: all that there was to say has been said."""
        self._line = line
        self._mouth = mouth
        self._sounds = sounds
        self._said = said
        self._silent = silent
        self._ledger = Ledger(line.sample_rate_hz)
        self._sentences: list[Sentence] = []
        self._rest: list[Piece] = []
        """What a hold has kept from the line."""
        self._held = False
        self._busy = False
        """A sentence is being made."""
        self._spoken = 0
        """Counts up when everything is given up: what is being made then is dropped."""
        self._changed = asyncio.Event()
        self._troubled = False
        self._ahead: _Ahead | None = None
        self._forgotten: asyncio.Task[Speech | None] | None = None
        """The sound made ahead that was forgotten last; a synthesizer cannot be interrupted."""

    @property
    def speaking(self) -> bool:
        """Whether there is anything that has not been said."""
        return bool(self._sentences or self._rest or self._busy or self._ledger.waiting)

    def say(self, *sentences: Sentence) -> None:
        """Say them after all that is to be said already."""
        self._sentences += sentences
        self._changed.set()

    def make_ahead(self, text: str, locale: str) -> None:
        """Make the sound of a sentence that may be said; of one at a time, so that the synthesizer
        is free for what is to be said."""
        if self._ahead is None and (self._forgotten is None or self._forgotten.done()):
            sound = asyncio.create_task(self._mouth.speak(text, locale), name="sound ahead")
            self._ahead = _Ahead(text, locale, sound)

    def forget_ahead(self) -> None:
        """It will not be said."""
        if self._ahead:
            self._forgotten, self._ahead = self._ahead.sound, None

    def take_back(self, source: str) -> int:
        """Do not say what has not been made of this source yet; gives how many sentences."""
        kept = [each for each in self._sentences if each.source != source]
        taken, self._sentences = len(self._sentences) - len(kept), kept
        return taken

    def played(self, samples: int) -> Sound:
        """The line reports; gives the sound that has gone out since the last time."""
        sound, said = self._ledger.advance(samples)
        for each in said:
            self._said(each)
        if said:
            self._changed.set()
            if not self.speaking:
                self._silent()
        return sound

    async def hold(self) -> Sound:
        """Fall silent and keep the rest. Gives the sound as `played` does."""
        self._held = True
        return await self._clear()

    def lost(self, played: int) -> Sound:
        """The line went down: what was on it is kept, as by `hold`."""
        self._held = True
        sound = self.played(played)
        self._rest = [*self._ledger.stop(), *self._rest]
        return sound

    def resume(self) -> None:
        """Go on where the hold has stopped it."""
        self._held = False
        self._changed.set()

    async def drop(self) -> Sound:
        """Fall silent, and give up what was not heard."""
        sound = np.zeros(0, np.float32) if self._held else await self._clear()
        self._spoken += 1
        self._sentences.clear()
        rest, self._rest = self._rest, []
        self._held = False
        for piece in rest:
            if said := self._ledger.heard_of(piece):
                self._said(said)
        self._changed.set()
        return sound

    async def run(self) -> None:
        """Bring sentences to the line, until cancelled."""
        try:
            await self._bring()
        finally:
            self.forget_ahead()
            if self._forgotten:
                self._forgotten.cancel()

    async def _bring(self) -> None:
        while True:
            await self._until(lambda: bool(self._rest or self._sentences) and not self._held)
            if self._rest:
                piece = self._rest.pop(0)
            else:
                made = await self._make(self._sentences.pop(0))
                if made is None:
                    if not self.speaking:
                        self._silent()
                    continue
                piece = made
            spoken = self._spoken
            self._busy = True
            await self._until(lambda: self._held or self._ledger.waiting < _MOST_ON_THE_LINE)
            self._busy = False
            if spoken != self._spoken:
                continue
            if self._held:
                self._rest.insert(0, piece)
                continue
            self._ledger.add(piece)
            self._sounds(piece.source, piece.text)
            await self._line.play(piece.left)

    async def _make(self, sentence: Sentence) -> Piece | None:
        spoken = self._spoken
        self._busy = True
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                speech = await self._speech(sentence)
        except TimeoutError:
            log.error("call.synthesizer_hangs", extra={"after_s": LONGEST_WAIT_S})
            sentence, speech = self._instead(sentence)
        finally:
            self._busy = False
        if speech is None or spoken != self._spoken:
            return None
        sound = resampled(speech.samples, speech.sample_rate_hz, self._line.sample_rate_hz)
        gap = np.zeros(round(GAP_S * self._line.sample_rate_hz), np.float32)
        return Piece(sentence.source, sentence.text, np.concatenate([sound, gap]))

    async def _speech(self, sentence: Sentence) -> Speech | None:
        ahead = self._ahead
        if ahead and (ahead.text, ahead.locale) == (sentence.text, sentence.locale):
            self._ahead = None
            if made := await ahead.sound:
                return made
        return await self._mouth.speak(sentence.text, sentence.locale)

    def _instead(self, sentence: Sentence) -> tuple[Sentence, Speech | None]:
        """What is said, once in a call, where the synthesizer does not answer."""
        found = None if self._troubled else self._mouth.trouble(sentence.locale)
        self._troubled = True
        if found is None:
            return sentence, None
        text, speech = found
        return Sentence("trouble", text, sentence.locale), speech

    async def _clear(self) -> Sound:
        played = await self._line.clear()
        sound = self.played(played)
        self._rest = [*self._ledger.stop(), *self._rest]
        return sound

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()
