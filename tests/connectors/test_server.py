"""The server: whom it believes, what it holds, how it ends."""

import asyncio
import json
import socket
import struct
from contextlib import suppress
from typing import Any

import httpx
import pytest

from bot import keys
from bot.errors import OperatorError
from bot.messages import ConversationId, CustomerId, Reply, ReplyId, ReplyKind, TurnId
from bot.store import Store
from connectors import server_protocols
from connectors.requests import client_of
from connectors.server import Server
from connectors.webchat.connector import CHANNEL
from tests.connectors.conftest import Site


async def connect_to(site: Site) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = site.url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port), limit=4096)


async def nothing(scope: object, receive: object, send: object) -> None:
    raise AssertionError


async def test_a_taken_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Server(nothing, host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(OperatorError, match="cannot listen") as refused:
            await server.serve()
    assert "--port" in refused.value.remedy


async def test_localhost_is_reached_by_every_address_on_one_port() -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = Server(nothing, host="localhost", port=0, on_ready=ready.set_result)
    serving = asyncio.create_task(server.serve())
    url = await ready
    server.stop()
    await serving
    assert url.startswith("http://localhost:")


@pytest.mark.parametrize(("trusted", "seen"), [((), "127.0.0.1"), (("127.0.0.1",), "203.0.113.9")])
async def test_only_a_configured_proxy_is_believed(
    closed_site: Site, store: Store, trusted: tuple[str, ...], seen: str
) -> None:
    async with (
        closed_site.open(trusted_proxies=trusted) as site,
        site.socket(**{"X-Forwarded-For": "203.0.113.9"}) as widget,
    ):
        await widget.send(json.dumps({"type": "hello", "protocol": 1}))
        await widget.recv()
    assert await store.run("EXISTS", keys.limit("session", seen))


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("rubbish", "unknown"),
    ],
)
def test_a_client_is_a_network(address: str, client: str) -> None:
    assert client_of({"client": (address, 1)}) == client


async def test_endless_headers_end_the_connection(site: Site) -> None:
    reader, writer = await connect_to(site)
    writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n")
    with suppress(ConnectionError):
        for _ in range(200):
            writer.write(b"X-More: " + b"x" * 4_000 + b"\r\n")
            await writer.drain()
    assert b" 431 " in await reader.readline()
    writer.close()


async def test_a_head_that_never_ends_is_not_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_protocols, "HEAD_S", 0.05)
    reader, writer = await connect_to(site)
    writer.write(b"GET / HTTP/1.1\r\nHost:")
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()


async def test_a_kept_connection_serves_again(site: Site) -> None:
    async with site.http() as client:
        for _ in range(3):
            answer = await client.get("/healthz", headers={"X-Large": "x" * 30_000})
            assert answer.status_code == 200


async def test_a_client_that_stops_reading_is_cut_off_and_forgotten(site: Site) -> None:
    reader, writer = await connect_to(site)
    writer.write(
        b"GET /webchat/socket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    hello = b'{"type":"hello","protocol":1}'
    writer.write(b"\x81" + bytes([0x80 | len(hello)]) + bytes(4) + hello)
    head = await reader.readexactly(4)
    welcome = json.loads(await reader.readexactly(struct.unpack("!H", head[2:])[0]))
    conversation = ConversationId(welcome["conversation"])
    reply = Reply(
        ReplyId("rep_1"),
        CHANNEL,
        conversation,
        CustomerId("cus_1"),
        TurnId("1"),
        ReplyKind.ANSWER,
        "x" * 8_000,
    )
    assert site.webchat.connections == 1
    async with asyncio.timeout(30):
        while site.webchat.connections:
            await site.webchat.deliver(reply, 1)
            await asyncio.sleep(0)
    writer.close()


async def test_a_request_in_progress_is_finished_when_the_desk_stops(closed_site: Site) -> None:
    closed_site.answers.clear()
    async with closed_site.api() as client:
        async with closed_site.open() as site:
            client.base_url = httpx.URL(site.url)
            waiting = asyncio.Event()
            wait = site.desk.next_reply

            async def next_reply(*arguments: Any) -> Any:
                waiting.set()
                return await wait(*arguments)

            site.desk.next_reply = next_reply
            body = {"customer": "ann", "text": "Hi", "wait_s": 0.5}
            asked = asyncio.create_task(client.post("/v1/messages", json=body))
            await waiting.wait()
        assert (await asked).status_code == 202
