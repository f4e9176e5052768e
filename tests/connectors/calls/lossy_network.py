"""A bad network between two WebRTC peers: a relay for UDP that loses, delays and holds up packets.

Each peer is told the relay's address as the other's. Only sound is touched (RTP, told by its first
byte: RFC 7983), so that the two always find each other; what happens to a packet follows from the
seed and from its number, and is the same in each run.
"""

import asyncio
import random
import re
from dataclasses import dataclass
from typing import Any

_CANDIDATE = re.compile(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host.*")
_NUMBERS = 1 << 16
_FRAME_S = 0.02


@dataclass(frozen=True)
class Weather:
    """What happens to packets of sound, each with its probability, or every so often."""

    lost: float = 0.0
    overtaken: float = 0.0
    """By the two packets behind it."""
    late: float = 0.0
    """By a quarter of a second: it comes too late to be heard."""
    burst_every: int = 0
    """Packets after which six are held up, to come at once."""


WEATHER = Weather(lost=0.05, overtaken=0.03, late=0.01, burst_every=75)


def share(heard: str, said: str) -> float:
    """How many of the words that are understood of what was said are among those of what came."""
    before, after = (set(re.findall(r"[a-z]+", text.lower())) for text in (said, heard))
    return len(before & after) / len(before)


class LossyNetwork:
    def __init__(self, weather: Weather, seed: int) -> None:
        self._weather = weather
        self._seed = seed
        self._ways: list[_Way] = []
        self.lost = self.delayed = self.passed = 0

    async def between(self, sdp: str) -> str:
        """A description of one side, to be given to the other; the second joins the two."""
        found = next(filter(None, map(_CANDIDATE.match, sdp.splitlines())))
        host, port = found[1], int(found[2])
        loop = asyncio.get_running_loop()
        way = _Way(self, (host, port), seed=self._seed + len(self._ways))
        await loop.create_datagram_endpoint(lambda: way, local_addr=(host, 0))
        self._ways.append(way)
        if len(self._ways) == 2:
            first, second = self._ways
            first.other, second.other = second, first
        mine = f"{way.address[0]} {way.address[1]}"
        kept, lines = False, []
        for line in sdp.splitlines():
            if line.startswith("a=candidate:"):
                if kept or not _CANDIDATE.match(line):
                    continue
                kept, line = True, line.replace(f"{host} {port}", mine)
            lines.append(line)
        return "\r\n".join(lines) + "\r\n"

    def close(self) -> None:
        for way in self._ways:
            way.transport.close()

    def delay_s(self, number: int, seed: int) -> float | None:
        """How long a packet is held up; None where it is lost."""
        weather, chance = self._weather, random.Random(seed * _NUMBERS + number)
        if chance.random() < weather.lost:
            self.lost += 1
            return None
        delay_s = 0.0
        if chance.random() < weather.overtaken:
            delay_s = 2.5 * _FRAME_S
        elif chance.random() < weather.late:
            delay_s = 0.25
        elif weather.burst_every and number % weather.burst_every < 6:
            delay_s = (6 - number % weather.burst_every) * _FRAME_S
        self.delayed += delay_s > 0
        self.passed += 1
        return delay_s


class _Way(asyncio.DatagramProtocol):
    """Stands for one peer before the other: what comes here goes to the one that it stands for."""

    def __init__(self, network: LossyNetwork, peer: tuple[str, int], seed: int) -> None:
        self._network = network
        self._peer = peer
        self._seed = seed
        self._first: int | None = None
        self.transport: Any
        self.other: _Way | None = None

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, _: object) -> None:
        if self.other is None:
            return
        sound = 128 <= data[0] <= 191 and not 192 <= data[1] <= 223
        delay_s: float | None = 0.0
        if sound:
            number = int.from_bytes(data[2:4], "big")
            self._first = number if self._first is None else self._first
            delay_s = self._network.delay_s((number - self._first) % _NUMBERS, self._seed)
        if delay_s is None:
            return
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self._send, data)
        else:
            self._send(data)

    def _send(self, data: bytes) -> None:
        """As if the other peer had sent it: from where this one knows it to be."""
        if self.other and not self.other.transport.is_closing():
            self.other.transport.sendto(data, self._peer)
