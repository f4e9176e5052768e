"""What a caller hears of the sound that comes on a line: played without a break where it comes in
time. Pure."""

from collections import deque

import numpy as np

from bot.calls.transport import Sound

_SILENCE = 0.0005
_END_S = 0.1
"""Of silence, which every sentence of the desk ends with: what comes after it is another one."""


class Earpiece:
    def __init__(self, rate_hz: int, ready_s: float = 0.0) -> None:
        """`ready_s`: how much has to be there before the first of it is played."""
        self._rate = rate_hz
        self._ready = round(ready_s * rate_hz)
        self._pieces: deque[Sound] = deque()
        self._stored = 0
        self._playing = False
        self._silent = round(_END_S * rate_hz)
        """Samples of silence that were played last."""
        self._dry: int | None = None
        """Samples for which something has been missing inside a sentence."""
        self.played = 0
        """Samples of what came, so far."""
        self.gaps_s: list[float] = []
        """Each break inside a sentence."""

    def put(self, samples: Sound) -> None:
        if len(samples):
            self._pieces.append(samples)
            self._stored += len(samples)
            self._playing = self._playing or self._stored >= self._ready

    def clear(self) -> None:
        """What has not been played is not to be played."""
        self._pieces.clear()
        self._stored = 0
        self._playing = False
        self._dry = None
        self._silent = self._rate

    def take(self, count: int) -> Sound:
        """The next samples that are heard; silence where nothing is there."""
        found = self._taken(count) if self._playing else np.zeros(0, np.float32)
        if len(found) and self._dry is not None:
            self.gaps_s.append(self._dry / self._rate)
            self._dry = None
        self.played += len(found)
        self._note_silence(found)
        missing = count - len(found)
        if missing and self._silent < _END_S * self._rate:
            self._dry = (self._dry or 0) + missing
        self._playing = self._playing and self._stored > 0
        return np.pad(found, (0, missing))

    def _taken(self, count: int) -> Sound:
        parts: list[Sound] = []
        left = min(count, self._stored)
        self._stored -= left
        while left:
            piece = self._pieces.popleft()
            parts.append(piece[:left])
            if len(piece) > left:
                self._pieces.appendleft(piece[left:])
            left -= len(parts[-1])
        return np.concatenate([np.zeros(0, np.float32), *parts])

    def _note_silence(self, played: Sound) -> None:
        loud = np.flatnonzero(np.abs(played) > _SILENCE)
        self._silent = len(played) - 1 - int(loud[-1]) if len(loud) else self._silent + len(played)
