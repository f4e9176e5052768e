"""Packets of sound in the order in which they were sent, without waiting for those that are lost.

A packet that comes in order goes on at once. One that comes early waits for those before it, for as
long as it takes `MOST_WAITING` others to come; then what is missing is given up.
"""

from typing import Generic, TypeVar

P = TypeVar("P")

MOST_WAITING = 3
"""Packets of 20 ms: what a call can afford to wait for one that was overtaken."""
FARTHEST = 500
"""A number that is farther away than ten seconds is another stream's."""
_NUMBERS = 1 << 16


class Reordering(Generic[P]):
    """Of one stream, by the packets' numbers of 16 bits (RFC 3550, 5.1)."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._early: dict[int, P] = {}
        """By their numbers."""

    def add(self, number: int, packet: P) -> list[P]:
        """What may go on now, in order: nothing for a packet that is early, late or a double."""
        if self._next is None:
            self._next = number
        ahead = (number - self._next) % _NUMBERS
        if ahead >= _NUMBERS // 2:
            if _NUMBERS - ahead < FARTHEST:
                return []
            ahead = FARTHEST + 1
        if ahead > FARTHEST:
            self._next, ahead, self._early = number, 0, {}
        self._early.setdefault((self._next + ahead) % _NUMBERS, packet)
        ready = self._in_order()
        while len(self._early) > MOST_WAITING:
            self._next = self._nearest(self._next)
            ready += self._in_order()
        return ready

    def _nearest(self, missing: int) -> int:
        """The first number behind one that is missing."""
        return min(self._early, key=lambda number: (number - missing) % _NUMBERS)

    def _in_order(self) -> list[P]:
        ready = []
        assert self._next is not None
        while self._next in self._early:
            ready.append(self._early.pop(self._next))
            self._next = (self._next + 1) % _NUMBERS
        return ready
