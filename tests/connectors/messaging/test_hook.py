"""A provider's request as a channel gets it: whole, bounded, and as the provider sent it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.errors import CustomerError
from connectors.messaging.hook import LARGEST_BODY_BYTES, Hook, Malformed, read_hook, same

PIECE = bytes(64 * 1024)


class Request:
    """As the server hands it over."""

    def __init__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]]):
        self.scope = scope
        self.receive = receive

    async def read(self, public_url: str = "") -> Hook:
        return await read_hook(self.scope, self.receive, public_url)


def request(
    *pieces: bytes,
    headers: list[tuple[bytes, bytes]] | None = None,
    query: bytes = b"",
    method: str = "POST",
    then_gone: bool = False,
) -> Request:
    """With a body that comes in pieces, and whose sender may leave before its end."""
    waiting = list(pieces)

    async def receive() -> dict[str, Any]:
        if waiting:
            more = len(waiting) > 1 or then_gone
            return {"type": "http.request", "body": waiting.pop(0), "more_body": more}
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "method": method,
        "path": "/channels/pigeon",
        "query_string": query,
        "headers": headers or [],
        "client": ("203.0.113.9", 1),
    }
    return Request(scope, receive)


async def test_a_request_is_read_as_it_was_sent() -> None:
    before = time.time()
    headers = [(b"x-signature", b"s\xe9"), (b"content-type", b"text/plain")]
    found = await request(b"one ", b"two", headers=headers, query=b"a=1&b=%C3%A9&a=2").read(
        "https://desk.example"
    )
    assert found.body == b"one two"
    assert found.headers == {"x-signature": "sé", "content-type": "text/plain"}
    assert found.query == {"a": "2", "b": "é"}
    assert found.url == "https://desk.example/channels/pigeon?a=1&b=%C3%A9&a=2"
    assert before <= found.received_at <= time.time()


@pytest.mark.parametrize(
    "query", [b"%", b"%ff%fe", b"=&=&&", b"a=%00", b"\xff\xfe=\xff", b"a" * 9_000]
)
async def test_any_query_can_be_read(query: bytes) -> None:
    await request(b"", query=query).read("https://desk.example")


async def test_ten_thousand_headers_take_no_time() -> None:
    headers = [(f"x-{number}".encode(), b"1") for number in range(10_000)]
    started = time.perf_counter()
    found = await request(b"", headers=headers).read("")
    assert len(found.headers) == 10_000
    assert time.perf_counter() - started < 1


class TestLimits:
    async def test_a_body_that_says_it_is_too_large_is_not_read(self) -> None:
        length = str(LARGEST_BODY_BYTES + 1).encode()
        sent = request(b"x", headers=[(b"content-length", length)])
        with pytest.raises(CustomerError, match="body_too_large"):
            await sent.read()
        assert (await sent.receive())["body"] == b"x"

    @pytest.mark.parametrize("length", [None, b"5", b"-1", b"nonsense", b"\xb2"])
    async def test_a_body_that_is_larger_than_it_says_is_left(self, length: bytes | None) -> None:
        headers = [(b"content-length", length)] if length else []
        pieces = [PIECE] * (LARGEST_BODY_BYTES // len(PIECE) + 5)
        sent = request(*pieces, headers=headers)
        with pytest.raises(CustomerError, match="body_too_large"):
            await sent.read()
        assert (await sent.receive())["type"] == "http.request"

    async def test_the_largest_that_a_provider_sends_is_read(self) -> None:
        pieces = [PIECE] * (LARGEST_BODY_BYTES // len(PIECE))
        assert len((await request(*pieces).read("")).body) == LARGEST_BODY_BYTES

    async def test_a_sender_that_leaves_is_told_from_one_that_is_done(self) -> None:
        with pytest.raises(CustomerError, match="upload_interrupted"):
            await request(b"half", then_gone=True).read("")

    async def test_a_sender_that_falls_silent_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("connectors.requests.LONGEST_PAUSE_S", 0.01)
        never = asyncio.Event()
        sent = request(b"half", b"more")

        async def receive() -> dict[str, Any]:
            await never.wait()
            return {}

        begun, sent.receive = sent.receive, receive
        assert (await begun())["more_body"]
        with pytest.raises(CustomerError, match="upload_interrupted"):
            await sent.read()


class TestJson:
    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", b'{"a":1e999}', b'{"a":"\\ud800"}',
         b"[" * 100_000, b'{"a":' * 100_000, b"{} {}", b"\x00"],
    )  # fmt: skip
    def test_what_is_no_object_is_malformed(self, body: bytes) -> None:
        with pytest.raises(Malformed):
            Hook(body).json()

    def test_an_object_is_itself(self) -> None:
        assert Hook(b'{"a": ["\\u00e9", 9007199254740993]}').json() == {
            "a": ["é", 9007199254740993]
        }


class TestSame:
    def test_equal_texts_are_the_same(self) -> None:
        assert same("secret", "secret")
        assert same("sé", "sé")

    @pytest.mark.parametrize(
        ("given", "wanted"),
        [("", "secret"), ("secre", "secret"), ("secret ", "secret"), ("Secret", "secret"), ("", ""),
         ("x", "")],
    )  # fmt: skip
    def test_others_are_not_and_nothing_equals_an_empty_one(self, given: str, wanted: str) -> None:
        assert not same(given, wanted)
