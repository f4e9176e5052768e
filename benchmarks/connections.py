"""Idle widgets: how many one process holds, and what each costs it.

The clients are bare: a request written by hand and frames that are not masked (a key of zeros), so
that 5 000 of them fit beside the desk on two cores.
"""

import asyncio
import os
import resource
import time
from base64 import b64encode
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.desk_process import DeskProcess, echo_desk
from benchmarks.figures import Figure
from benchmarks.widget_client import WidgetClient

CONNECTIONS = 5_000
_AT_ONCE = 100
_HELLO = b'{"type":"hello","protocol":1,"locale":"en-GB","last_seq":0}'
_REQUEST = (
    "GET /webchat/socket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    "Origin: http://{host}\r\nAccept-Language: en-GB,en;q=0.9\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36\r\n\r\n"
)
_TEXT, _PING, _PONG = 1, 9, 10


def measure(folder: Path) -> list[Figure]:
    _allow(CONNECTIONS + 200)
    with echo_desk(folder) as desk:
        return uvloop.run(_hold(desk))


async def _hold(desk: DeskProcess) -> list[Figure]:
    place = urlsplit(desk.url)
    # The first ones pay for what all share: code that is loaded, memory pools that grow.
    idle = await _open(str(place.hostname), place.port or 80, 200)
    before = desk.desk_memory_bytes()
    started = time.perf_counter()
    idle += await _open(str(place.hostname), place.port or 80, CONNECTIONS - len(idle))
    opened_s = time.perf_counter() - started
    each = (desk.desk_memory_bytes() - before) / (CONNECTIONS - 200) / 1000
    customer = await WidgetClient.open(desk.url)
    answers = sorted([(await customer.ask("Are you there?"))[0] for _ in range(100)])
    await customer.close()
    held = sum(widget.is_there for widget in idle)
    for widget in idle:
        widget.close()
    return [
        Figure("idle connections held", held, "", at_least=CONNECTIONS),
        Figure("memory for each", round(each, 1), "kB", at_most=60),
        Figure("connections welcomed", round((CONNECTIONS - 200) / opened_s), "/s"),
        Figure("echo beside them, p50", round(answers[50] * 1000, 2), "ms"),
    ]


async def _open(host: str, port: int, count: int) -> list["_Widget"]:
    """Open that many and wait until each has been welcomed."""
    loop = asyncio.get_running_loop()
    opened: list[_Widget] = []
    while len(opened) < count:
        batch = [_Widget(f"{host}:{port}") for _ in range(min(_AT_ONCE, count - len(opened)))]
        for widget in batch:
            await loop.create_connection(partial(_itself, widget), host, port)
        async with asyncio.timeout(30):
            await asyncio.gather(*(widget.welcomed for widget in batch))
        opened += batch
    return opened


def _itself(widget: "_Widget") -> "_Widget":
    return widget


class _Widget(asyncio.Protocol):
    """Says hello, answers pings, and nothing else."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._received = b""
        self._upgraded = False
        self._transport: asyncio.Transport
        self.is_there = False
        self.welcomed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        key = b64encode(os.urandom(16)).decode()
        self._transport.write(_REQUEST.format(host=self._host, key=key).encode())

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._upgraded:
            head, found, rest = self._received.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head:
                self.welcomed.set_exception(RuntimeError(head.decode("latin-1")))
                return
            self._upgraded, self._received = True, rest
            self._send(_TEXT, _HELLO)
        while frame := self._frame():
            self._take(*frame)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_there = False
        if not self.welcomed.done():
            self.welcomed.set_exception(ConnectionError("closed before the welcome"))

    def close(self) -> None:
        self._transport.abort()

    def _take(self, kind: int, content: bytes) -> None:
        if kind == _PING:
            self._send(_PONG, content)
        elif kind == _TEXT and content.startswith(b'{"type":"welcome"'):
            self.is_there = True
            self.welcomed.set_result(None)

    def _frame(self) -> tuple[int, bytes] | None:
        """The next whole frame (RFC 6455, 5.2); ours are all shorter than 64 kB."""
        data = self._received
        if len(data) < 4:
            return None
        size, start = data[1] & 127, 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        if len(data) < start + size:
            return None
        self._received = data[start + size :]
        return data[0] & 15, data[start : start + size]

    def _send(self, kind: int, content: bytes) -> None:
        masked_with_zeros = bytes([0x80 | kind, 0x80 | len(content), 0, 0, 0, 0])
        self._transport.write(masked_with_zeros + content)


def _allow(files: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, hard), hard))
