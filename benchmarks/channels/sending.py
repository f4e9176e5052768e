"""Webhooks as providers send them, from a process of its own; prints one line of JSON.

`python -m benchmarks.channels.sending URL CHANNEL …`.

The clients are bare protocols with requests that are written beforehand: beside the desk and its
Redis, little of two cores is left for them.
"""

import argparse
import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.figures import percentile
from tests.connectors.signers import SIGNERS

CUSTOMERS = 500
_AT_RATE = 32
_SATURATING = 512
_MOST_CONNECTIONS = 1_024
_LONGEST_S = 10.0

Answered = Callable[[int], None]
"""Called with the status, 0 where the connection was lost."""


def requests(channel: str, host: str, path: str, numbers: range) -> list[bytes]:
    """The requests of that many messages, signed now."""
    signer = SIGNERS[channel]
    found = []
    for number in numbers:
        body = signer.encode(signer.message(number, number % CUSTOMERS))
        headers, query = signer.sign(body)
        lines = [f"POST {path}{'?' + query if query else ''} HTTP/1.1", f"Host: {host}"]
        sent = {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}
        lines += [f"{name}: {value}" for name, value in sent.items()]
        found.append("\r\n".join([*lines, "", ""]).encode() + body)
    return found


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport
        self._answered: Answered | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes, answered: Answered) -> None:
        self._answered = answered
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, whole, rest = self._received.partition(b"\r\n\r\n")
        if not whole:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
        if len(rest) >= length:
            self._received = rest[length:]
            self._tell(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._tell(0)

    def close(self) -> None:
        self._transport.close()

    def _tell(self, status: int) -> None:
        answered, self._answered = self._answered, None
        if answered:
            answered(status)


class Providers:
    """Connections to the desk, used in turn and opened as they are needed."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._free: deque[Connection] = deque()
        self._opened = 0

    async def open(self, count: int) -> None:
        for _ in range(count):
            self._free.append(await self._connect())

    async def send(self, request: bytes, answered: Answered) -> None:
        connection = self._free.pop() if self._free else None
        if connection is None or connection.lost:
            if self._opened >= _MOST_CONNECTIONS:
                answered(0)
                return
            connection = await self._connect()

        def told(status: int, connection: Connection = connection) -> None:
            if not connection.lost:
                self._free.append(connection)
            answered(status)

        connection.ask(request, told)

    def close(self) -> None:
        for connection in self._free:
            connection.close()

    async def _connect(self) -> Connection:
        self._opened += 1
        _, connection = await asyncio.get_running_loop().create_connection(Connection, *self._place)
        return connection


async def at_rate(place: tuple[str, int], waiting: list[bytes], rate: float) -> dict[str, Any]:
    """Send them evenly, whether or not the desk keeps up. Each one's time counts from when it was
    due, so that what waits in a queue is counted too."""
    providers = Providers(*place)
    await providers.open(_AT_RATE)
    clock = time.perf_counter
    latencies_ms: list[float] = []
    late_ms: list[float] = []
    statuses: list[int] = []
    all_answered = asyncio.Event()
    begin = clock() + 0.05
    for number, request in enumerate(waiting):
        due = begin + number / rate
        if (ahead := due - clock()) > 0:
            await asyncio.sleep(ahead)

        def answered(status: int, due: float = due) -> None:
            statuses.append(status)
            latencies_ms.append((clock() - due) * 1000)
            if len(statuses) == len(waiting):
                all_answered.set()

        late_ms.append((clock() - due) * 1000)
        await providers.send(request, answered)
    with suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_S):
            await all_answered.wait()
    providers.close()
    skipped = len(waiting) // 6  # the first ones pay for what all share
    return {
        "p50_ms": round(percentile(latencies_ms[skipped:], 0.50), 2),
        "p99_ms": round(percentile(latencies_ms[skipped:], 0.99), 2),
        "late_p99_ms": round(percentile(late_ms[skipped:], 0.99), 2),
        "sent": len(waiting),
        "refused": len(waiting) - statuses.count(200),
    }


async def saturated(place: tuple[str, int], waiting: list[bytes], seconds: float) -> dict[str, Any]:
    """As many as the desk takes: each connection sends its next when the last is answered."""
    providers = Providers(*place)
    await providers.open(_SATURATING)
    left = iter(waiting)
    taken = sent = whole = 0
    begin = time.perf_counter()
    warm, end = begin + 0.3, begin + 0.3 + seconds

    async def one_after_the_other() -> None:
        nonlocal taken, sent, whole
        loop = asyncio.get_running_loop()
        for request in left:
            done: asyncio.Future[int] = loop.create_future()
            await providers.send(request, done.set_result)
            status = await done
            whole += 1
            now = time.perf_counter()
            if now >= end:
                return
            if now >= warm:
                sent += 1
                taken += status == 200

    await asyncio.gather(*(one_after_the_other() for _ in range(_SATURATING)))
    spent = min(time.perf_counter(), end) - warm
    providers.close()
    return {
        "per_s": round(taken / spent, 1),
        "refused": sent - taken,
        "answered": whole,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("channel", choices=list(SIGNERS))
    parser.add_argument("--path", default="")
    parser.add_argument("--first", type=int, default=0, help="number of the first message")
    parser.add_argument("--rate", type=float, default=0, help="a second; 0: as many as are taken")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--most", type=int, default=20_000, help="messages made for saturation")
    options = parser.parse_args()
    place = urlsplit(options.url)
    host, port = str(place.hostname), place.port or 80
    count = int(options.rate * options.seconds) or options.most
    path = options.path or f"/channels/{options.channel}"
    numbers = range(options.first, options.first + count)
    waiting = requests(options.channel, f"{host}:{port}", path, numbers)
    if options.rate:
        measured = at_rate((host, port), waiting, options.rate)
    else:
        measured = saturated((host, port), waiting, options.seconds)
    print(json.dumps(uvloop.run(measured)))


if __name__ == "__main__":
    main()
