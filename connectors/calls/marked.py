"""What has been played on a line whose provider takes sound at once, and tells by marks how far it
is with playing it."""

from collections import deque
from collections.abc import Callable, Iterator

from bot.calls.transport import Sound

PIECE_S = 0.1
"""Between two marks."""


class MarkedSound:
    """Counts samples; sends nothing."""

    def __init__(self, sample_rate_hz: int, clock: Callable[[], float]) -> None:
        """`clock`: seconds, from anywhere."""
        self._rate = sample_rate_hz
        self._clock = clock
        self._sent = 0
        self._played = 0
        self._since = 0.0
        """When what follows `_played` began to play."""
        self._round = 0
        """Grows with each `clear`: marks of before are for sound that was dropped."""
        self._pending: deque[int] = deque()

    @property
    def played(self) -> int:
        """As the provider has told."""
        return self._played

    def pieces(self, samples: Sound) -> Iterator[tuple[Sound, str]]:
        """What to send: each piece, and the mark behind it."""
        piece = int(PIECE_S * self._rate)
        for start in range(0, len(samples), piece):
            part = samples[start : start + piece]
            if not self._pending:
                self._since = self._clock()
            self._sent += len(part)
            self._pending.append(self._sent)
            yield part, f"{self._round}.{self._sent}"

    def mark(self, name: str) -> bool:
        """A mark came back; False for one that tells nothing new."""
        number, _, total = name.partition(".")
        if number != str(self._round) or not (total.isascii() and total.isdigit()):
            return False
        if int(total) not in self._pending:
            return False
        while self._pending and self._pending[0] <= int(total):
            self._pending.popleft()
        self._played = int(total)
        self._since = self._clock()
        return True

    def clear(self) -> int:
        """All that waits is dropped. Gives what has been played, by marks and by the clock."""
        if self._pending:
            elapsed = round((self._clock() - self._since) * self._rate)
            self._played = min(self._played + elapsed, self._sent)
        self._sent = self._played
        self._pending.clear()
        self._round += 1
        return self._played
