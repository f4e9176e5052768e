"""What the desk said in a call, to the sample: what was given to the line, and what went out. Pure.

Only what went out counts as said. Positions are samples of the line's own rate, counted over all
that was ever played in the call, as the transport counts them.
"""

from collections import deque
from dataclasses import dataclass

import msgspec
import numpy as np

from bot.calls.transport import Sound

BACK_S = 0.8
"""How far back, at most, a sentence is taken up again after it was stopped."""
_WINDOW_S = 0.03


class Said(msgspec.Struct, frozen=True):
    """A sentence, or the part of it, that the caller could hear."""

    source: str
    """What it is part of: a reply's id, or the code of a fixed phrase."""
    text: str
    """The words that were played; of a sentence that was stopped, those before the stop."""
    whole: bool
    from_s: float
    """Seconds of sound played in the call, as are all times here."""
    to_s: float


@dataclass
class Piece:
    """A sentence on its way."""

    source: str
    text: str
    sound: Sound
    begin: int = 0
    """Where in `sound` it is taken up again after it was stopped; 0 for its beginning."""
    start: int = 0
    """Where it stands among all that is played."""
    reached: int = 0
    """Samples of `sound` up to which it was heard."""
    since: int | None = None
    """Where its first sample stood, though it may have been stopped since."""

    @property
    def end(self) -> int:
        return self.start + len(self.sound) - self.begin

    @property
    def left(self) -> Sound:
        return self.sound[self.begin :]


class Ledger:
    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._pieces: deque[Piece] = deque()
        """On the line: the one that is playing, and those behind it."""
        self.given = 0
        self.played = 0

    @property
    def waiting(self) -> int:
        """Sentences on the line that have not been played to their end."""
        return len(self._pieces)

    def add(self, piece: Piece) -> None:
        """It was given to the line, behind the others."""
        piece.start = self.given
        if piece.since is None:
            piece.since = piece.start
        self.given = piece.end
        self._pieces.append(piece)

    def advance(self, played: int) -> tuple[Sound, list[Said]]:
        """The line has played so much of all. Gives the sound that went out since the last time,
        and the sentences that are whole now."""
        played = min(max(played, self.played), self.given)
        parts: list[Sound] = []
        said: list[Said] = []
        while self._pieces:
            piece = self._pieces[0]
            reached = min(len(piece.sound), piece.begin + played - piece.start)
            first = piece.begin + max(0, self.played - piece.start)
            if reached <= first and piece.end > played:
                break
            parts.append(piece.sound[first:reached])
            piece.reached = max(piece.reached, reached)
            if piece.end > played:
                break
            said.append(self._said(self._pieces.popleft(), piece.text, True))
        self.played = played
        return (np.concatenate(parts) if parts else np.zeros(0, np.float32)), said

    def stop(self) -> list[Piece]:
        """The line was cleared, after `advance` to where it stopped. Gives what was not played,
        ready to be added again: the first piece goes back to a quiet place before the stop."""
        rest = list(self._pieces)
        self._pieces.clear()
        for piece in rest:
            piece.begin = _quiet_place(piece.sound, piece.reached, self._rate)
        self.given = self.played
        return rest

    def heard_of(self, piece: Piece) -> Said | None:
        """What was heard of a piece that `stop` gave and that is given up; None for nothing."""
        words = heard_words(piece.text, piece.reached / max(1, len(piece.sound)))
        return self._said(piece, words, False) if words else None

    def _said(self, piece: Piece, text: str, whole: bool) -> Said:
        end = self.played if not whole else piece.end
        since = end if piece.since is None else piece.since
        return Said(
            piece.source, text, whole, round(since / self._rate, 3), round(end / self._rate, 3)
        )


def heard_words(text: str, share: float) -> str:
    """The words of a sentence that are over when this share of its sound is. Letters are taken to
    last equally long; a word that was not said to its end does not count."""
    words = text.split()
    letters = sum(map(len, words))
    over, heard = 0, 0
    for word in words:
        over += len(word)
        if over > share * letters:
            break
        heard += 1
    return " ".join(words[:heard])


def _quiet_place(sound: Sound, stopped: int, rate_hz: int) -> int:
    """The softest place in the last `BACK_S` before a stop: mostly between two words."""
    first = max(0, stopped - round(BACK_S * rate_hz))
    window = max(1, round(_WINDOW_S * rate_hz))
    count = (stopped - first) // window
    if first == 0 or count < 2:
        return first
    windows = sound[first : first + count * window].reshape(count, window)
    softest = int(np.square(windows).sum(axis=1).argmin())
    return first + softest * window
