"""The way out to a widget: in order, never waiting in `push`, never without bound."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from connectors.webchat.line import MOST_HELD_CHARS, Line


class Client:
    """ASGI's `send` of a client that reads when it may."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.reads.set()
        self.got: list[str | int] = []
        self.gone = False
        self.aborted = False

    async def send(self, event: MutableMapping[str, Any]) -> None:
        await self.reads.wait()
        if self.gone:
            raise OSError
        self.got.append(event["text"] if event["type"] == "websocket.send" else event["code"])

    def abort(self) -> None:
        self.aborted = True

    def line(self) -> Line:
        return Line(self.send, self.abort)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nothing_passes_the_welcome() -> None:
    client = Client()
    line = client.line()
    line.push("early")
    await settle()
    assert client.got == []
    await line.open("welcome")
    assert client.got == ["welcome", "early"]


async def test_frames_keep_their_order_while_one_is_on_its_way() -> None:
    client = Client()
    line = client.line()
    await line.open("welcome")
    client.reads.clear()
    told = asyncio.create_task(line.tell("1"))
    await settle()
    line.push("2")
    line.push("3")
    assert client.got == ["welcome"]
    client.reads.set()
    await told
    await settle()
    assert client.got == ["welcome", "1", "2", "3"]


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    client = Client()
    line = client.line()
    await line.open("welcome")
    client.reads.clear()
    pushed = 0
    while not line.cut:
        line.push("x" * 1000)
        pushed += 1000
        await asyncio.sleep(0)
    assert client.aborted
    assert pushed <= MOST_HELD_CHARS + 10_000


async def test_one_large_frame_to_a_client_that_reads_is_sent() -> None:
    client = Client()
    line = client.line()
    await line.open("w" * (MOST_HELD_CHARS + 1))
    await line.tell("x" * (MOST_HELD_CHARS + 1))
    assert len(client.got) == 2
    assert not client.aborted


async def test_a_client_that_has_gone_ends_the_line_quietly() -> None:
    client = Client()
    line = client.line()
    await line.open("welcome")
    client.gone = True
    await line.tell("1")
    assert line.cut
    line.push("2")
    await line.close(1000)
    assert client.got == ["welcome"]


async def test_closing_sends_a_last_frame() -> None:
    client = Client()
    line = client.line()
    await line.close(4400, "error")
    assert client.got == ["error", 4400]
