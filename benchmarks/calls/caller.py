"""A caller who follows a script: says prepared clips when it is their turn, and notes when the desk
is heard and when not. Pure: time is sound, 20 ms a step.

All times are seconds of the call; the caller speaks and hears on the same clock.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.calls.transport import Sound

FRAME_S = 0.02
AUDIBLE = 0.005
"""What is softer is silence, whatever the codec makes of it."""
POLITE_S = 0.6
"""Of the desk's silence, before a caller who does not interrupt speaks."""
_PATIENT_S = 12.0
_STOPPED_S = 0.5
"""Of silence, which no desk makes between two sentences: it has stopped."""
_SHORT_S = 1.5
"""Of silence after an answer that was too short to be spoken over."""
_NEW_S = 0.1
"""Of silence between what the desk was saying and its answer."""


@dataclass
class Saying:
    """Something to be said, and what became of it."""

    sound: Sound
    over_desk_s: float | None = None
    """Said so many seconds after the desk began to speak; None: once the desk is silent."""
    interrupts: bool = False
    """The desk was heard when it began."""
    from_s: float = 0.0
    to_s: float = 0.0
    """Of the last sample; 0 until it is said."""
    answered_s: float | None = None
    """When the desk was first heard after the end, having been silent before."""
    silent_s: float | None = None
    """When the desk was last heard after the beginning, where it then stopped."""


class Caller:
    def __init__(
        self, sayings: Sequence[Saying], rate_hz: int, *, polite_s: float = POLITE_S,
        linger_s: float = 0.5,
    ) -> None:  # fmt: skip
        """`linger_s`: how long the caller listens to the last answer."""
        self._left = deque(sayings)
        self._rate = rate_hz
        self._frame = round(rate_hz * FRAME_S)
        self._polite_s = polite_s
        self._linger_s = linger_s
        self._steps = 0
        self._now: Saying | None = None
        self._sound = np.zeros(0, np.float32)
        self._heard_s = -1.0
        """When the desk was last heard."""
        self._speaks_s = 0.0
        """Since when it has been speaking."""
        self._turn_s = 0.0
        """The end of the caller's last words; patience is counted from here."""
        self._answered = False
        self.done = False

    @property
    def now_s(self) -> float:
        return self._steps * FRAME_S

    def step(self, heard: Sound) -> Sound:
        """`heard`: what is played in the next 20 ms. Gives what is said in them."""
        audible = np.flatnonzero(np.abs(heard) > AUDIBLE)
        if len(audible):
            first, last = (self.now_s + (int(audible[at]) + i) / self._rate
                           for at, i in ((0, 0), (-1, 1)))  # fmt: skip
            self._hears(first, last)
        elif self.now_s - self._heard_s >= _STOPPED_S:
            self._stopped()
        frame = self._says(audible=bool(len(audible)))
        self._steps += 1
        return frame

    def _hears(self, first: float, last: float) -> None:
        now = self._now
        said = now is not None and not len(self._sound) and first >= now.to_s
        # What goes on from before the caller spoke is no answer.
        new = first - self._heard_s >= _NEW_S
        if now and said and new and now.answered_s is None:
            self._stopped()
            now.answered_s = first
        if first - self._heard_s >= _STOPPED_S:
            self._speaks_s = first
        self._heard_s = last
        self._answered = self._answered or not len(self._sound)

    def _stopped(self) -> None:
        now = self._now
        if now and now.interrupts and now.silent_s is None and self._heard_s >= now.from_s:
            now.silent_s = self._heard_s

    def _says(self, *, audible: bool) -> Sound:
        if not len(self._sound):
            self._next(audible=audible)
        frame, self._sound = self._sound[: self._frame], self._sound[self._frame :]
        return np.pad(frame, (0, self._frame - len(frame)))

    def _next(self, *, audible: bool) -> None:
        quiet_s = self.now_s - max(self._heard_s, self._turn_s)
        given_up = quiet_s > _PATIENT_S
        if not self._left:
            answer_s = self._now.answered_s if self._now else None
            heard = answer_s is not None and self.now_s - answer_s >= self._linger_s
            self.done = heard or given_up
            return
        over_s = self._left[0].over_desk_s
        if over_s is None:
            ready = self._answered and quiet_s >= self._polite_s
        else:
            speaks = audible and self.now_s - self._speaks_s >= over_s
            ready = self._answered and (speaks or quiet_s >= _SHORT_S)
        if ready or given_up:
            self._begin(self._left.popleft(), interrupts=audible)

    def _begin(self, saying: Saying, *, interrupts: bool) -> None:
        saying.interrupts = interrupts
        saying.from_s = self.now_s
        saying.to_s = self._turn_s = saying.from_s + len(saying.sound) / self._rate
        self._now, self._sound, self._answered = saying, saying.sound, False
