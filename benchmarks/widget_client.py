"""A widget without a face: speaks docs/protocol.md over a real WebSocket, for load and latency."""

import asyncio
import http.client
import itertools
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin


class WidgetClient:
    """One customer. `async with WidgetClient.open(url) as customer: await customer.ask("…")`."""

    def __init__(self, socket: ClientConnection, url: str) -> None:
        self._socket = socket
        self._url = url
        self._ids = itertools.count()
        self.conversation = ""

    @classmethod
    async def open(cls, url: str, *, address: str | None = None) -> "WidgetClient":
        """`url`: the desk's, http://HOST:PORT. `address`: the customer's own, where the desk is to
        tell them from others."""
        socket = await connect(
            url.replace("http", "ws", 1) + "/webchat/socket",
            origin=Origin(url),
            compression=None,
            ping_interval=None,
            max_size=4_000_000,
            local_addr=(address, 0) if address else None,
        )
        client = cls(socket, url)
        await client._send({"type": "hello", "protocol": 1, "locale": "en", "last_seq": 0})
        welcome = await client._next("welcome")
        client.conversation = welcome["conversation"]
        return client

    async def close(self) -> None:
        await self._socket.close()

    async def ask(
        self, text: str, *attachments: str, answer_as: str = "auto"
    ) -> tuple[float, dict[str, Any]]:
        """Seconds from the sending of a message to its finished reply, and the reply."""
        name = f"m_{next(self._ids)}"
        frame: dict[str, Any] = {"type": "message", "id": name, "text": text}
        frame["answer_as"] = answer_as
        if attachments:
            frame["attachments"] = attachments
        started = time.perf_counter()
        await self._send(frame)
        acknowledged = False
        while True:
            answer = msgspec.json.decode(await self._socket.recv())
            kind = answer["type"]
            if kind == "ack":
                acknowledged = True
            elif kind == "entry" and "reply" in answer["entry"]:
                if not acknowledged:
                    await self._next("ack")
                return time.perf_counter() - started, answer["entry"]["reply"]
            elif kind == "error":
                raise RuntimeError(f"the desk refused {name}: {answer}")

    async def first_sign(self, text: str, *attachments: str) -> tuple[float, float]:
        """Seconds from sending to the first piece of the answer, and to the finished reply."""
        started = time.perf_counter()
        name = f"m_{next(self._ids)}"
        await self._send(
            {"type": "message", "id": name, "text": text, "attachments": list(attachments)}
        )
        first = 0.0
        while True:
            answer = msgspec.json.decode(await self._socket.recv())
            if answer["type"] == "delta" and not first:
                first = time.perf_counter() - started
            if answer["type"] == "entry" and "reply" in answer["entry"]:
                whole = time.perf_counter() - started
                return first or whole, whole
            if answer["type"] == "error":
                raise RuntimeError(f"the desk refused {name}: {answer}")

    async def call(self) -> tuple[str, str]:
        """Call by voice: the call's name, and the address of its sound as PCM."""
        await self._send({"type": "call", "id": f"c_{next(self._ids)}"})
        taken = await self._next("call")
        return taken["call"], urljoin(self._url.replace("http", "ws", 1), taken["url"])

    async def hang_up(self, call: str) -> None:
        await self._send({"type": "hang_up", "call": call})

    async def frames(self) -> AsyncIterator[dict[str, Any]]:
        """All that the desk sends, until the connection is closed."""
        async for frame in self._socket:
            yield msgspec.json.decode(frame)

    async def trace(self, turn: str) -> dict[str, Any]:
        """How a reply came about; the desk must be in developer mode."""
        await self._send({"type": "trace", "turn": turn})
        trace: dict[str, Any] = (await self._next("trace"))["trace"]
        return trace

    async def upload(self, data: bytes, name: str, media_type: str) -> str:
        """Send a file; gives its attachment id."""
        await self._send(
            {
                "type": "upload",
                "id": f"u_{next(self._ids)}",
                "name": name,
                "media_type": media_type,
                "size_bytes": len(data),
            }
        )
        ready = await self._next("upload_ready")
        return await asyncio.to_thread(_put, self._url, ready["url"], data, media_type)

    async def _send(self, frame: dict[str, Any]) -> None:
        await self._socket.send(msgspec.json.encode(frame).decode(), text=True)

    async def _next(self, kind: str) -> dict[str, Any]:
        while True:
            frame: dict[str, Any] = msgspec.json.decode(await self._socket.recv())
            if frame["type"] == kind:
                return frame
            if frame["type"] == "error":
                raise RuntimeError(f"the desk refused: {frame}")


def _put(url: str, path: str, data: bytes, media_type: str) -> str:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)
    connection.request("PUT", path, body=data, headers={"Content-Type": media_type, "Origin": url})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    if answer.status != 201:
        raise RuntimeError(f"the desk refused the upload: {answer.status} {body}")
    return str(body["attachment"]["id"])
