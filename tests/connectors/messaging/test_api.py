"""Calls to providers: whole answers, bounded; what passes told from what lasts; no token told."""

import asyncio
import email.utils
import gzip
import json
import logging
import time
from collections.abc import AsyncIterator

import pytest

from bot.errors import DeliveryFailed
from connectors.messaging import api as module
from connectors.messaging.api import Api, Reply, refused, retry_after_s
from tests.connectors.messaging.raw_host import Answer, RawHost, moved, ok, stalled

TOKEN = "123456:a-secret-token"


@pytest.fixture
async def host() -> AsyncIterator[RawHost]:
    async with RawHost().serving() as host:
        yield host


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api(timeout_s=0.5) as api:
        yield api


def url(host: RawHost, path: str = "/a") -> str:
    return f"http://127.0.0.1:{host.port}{path}"


async def failed(api: Api, address: str) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as raised:
        await api.call("POST", address, what="sendMessage", json={"text": "hi"})
    return raised.value


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    return ok(body, *headers).replace(b"200 OK", f"{status} Told".encode(), 1)


class TestAnswers:
    async def test_one_that_comes_in_pieces_is_whole(self, host: RawHost, api: Api) -> None:
        body = json.dumps({"ok": "x" * 500_000}).encode()

        async def in_pieces(writer: asyncio.StreamWriter) -> None:
            writer.write(ok(b"", f"Content-Length: {len(body)}"))
            for at in range(0, len(body), 10_000):
                writer.write(body[at : at + 10_000])
                await writer.drain()
                await asyncio.sleep(0)

        host.answers["/a"] = in_pieces
        reply = await api.call("GET", url(host), what="getFile")
        assert reply.json() == {"ok": "x" * 500_000}

    async def test_one_without_an_end_is_left(self, host: RawHost, api: Api) -> None:
        host.answers["/a"] = host.endless(b"HTTP/1.1 200 OK\r\n\r\n")
        assert "an answer of more than" in str(await failed(api, url(host)))

    async def test_one_that_unfolds_without_an_end_is_left(self, host: RawHost, api: Api) -> None:
        host.answers["/a"] = ok(gzip.compress(bytes(100_000_000)), "Content-Encoding: gzip")
        assert "an answer of more than" in str(await failed(api, url(host)))

    async def test_one_that_does_not_come_is_not_waited_for(self, host: RawHost, api: Api) -> None:
        for path, given in (("/a", stalled(b"")), ("/b", stalled(ok(b"x", "Content-Length: 9")))):
            host.answers[path] = given
            assert not (await failed(api, url(host, path))).permanent

    async def test_a_redirect_is_an_answer(self, host: RawHost, api: Api) -> None:
        host.answers["/a"] = moved(url(host, "/b"))
        assert (await api.call("GET", url(host), what="x")).status == 302
        assert len(host.heads) == 1

    @pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 409, 413])
    async def test_what_a_provider_says_is_the_channel_s_to_understand(
        self, host: RawHost, api: Api, status: int
    ) -> None:
        host.answers["/a"] = answer(status, b'{"code":1}')
        reply = await api.call("POST", url(host), what="x")
        assert (reply.status, reply.ok, reply.json()) == (status, status < 300, {"code": 1})

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"<html>", b"{", b"\xff", b"[" * 100_000, b'"text"', b"null"]
    )
    def test_what_is_no_object_is_an_empty_one(self, body: bytes) -> None:
        assert Reply(200, {}, body).json() == {}


class TestFailures:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 599])
    async def test_pass(self, host: RawHost, api: Api, status: int) -> None:
        host.answers["/a"] = answer(status, b"", "Retry-After: 7", "Content-Length: 0")
        error = await failed(api, url(host))
        assert (error.permanent, error.retry_after_s) == (False, 7.0)

    async def test_a_provider_that_is_not_there_passes(self, api: Api) -> None:
        assert not (await failed(api, "http://127.0.0.1:1/")).permanent

    @pytest.mark.parametrize("address", ["", "nonsense", "https://", "ftp://a.example/"])
    async def test_what_is_no_address_lasts(self, api: Api, address: str) -> None:
        assert (await failed(api, address)).permanent

    def test_a_refusal_lasts_and_says_why_in_a_line(self) -> None:
        error = refused("sendMessage", Reply(403, {}, b""), "blocked " * 100)
        assert error.permanent
        assert str(error).startswith("sendMessage: HTTP 403: blocked")
        assert len(str(error)) < 350


class TestRetryAfter:
    def waits(self, header: str = "", body: object = None) -> float | None:
        headers = {"retry-after": header} if header else {}
        return retry_after_s(Reply(429, headers, json.dumps(body).encode()))

    def test_in_seconds(self) -> None:
        assert self.waits("30") == 30.0
        assert self.waits(" 0.35 ") == 0.35

    def test_as_a_date(self) -> None:
        header = email.utils.formatdate(time.time() + 60, usegmt=True)
        wait_s = self.waits(header)
        assert wait_s is not None
        assert 57 < wait_s <= 60
        assert self.waits(email.utils.formatdate(time.time() - 60, usegmt=True)) == 0.0

    @pytest.mark.parametrize(
        "body", [{"retry_after": 2}, {"parameters": {"retry_after": 2}}, {"retry_after": 2.0}]
    )
    def test_in_the_body(self, body: object) -> None:
        assert self.waits(body=body) == 2.0

    def test_the_header_counts_before_the_body(self) -> None:
        assert self.waits("3", {"retry_after": 2}) == 3.0

    @pytest.mark.parametrize("header", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_nobody_is_waited_for_more_than_an_hour(self, header: str) -> None:
        assert self.waits(header) == 3600.0
        assert self.waits(body={"retry_after": 10**30}) == 3600.0

    @pytest.mark.parametrize(
        "header", ["soon", "-5", "²", "1e9999", "nan", "99 Foo 9999", "Mon, 99 Jan 1 99:99:99 GMT"]
    )
    def test_what_makes_no_sense_is_not_told(self, header: str) -> None:
        assert self.waits(header) is None

    @pytest.mark.parametrize(
        "body", [{"retry_after": "2"}, {"retry_after": -1}, {"parameters": [1]}, [], None, 5]
    )
    def test_a_body_without_it_tells_nothing(self, body: object) -> None:
        assert self.waits(body=body) is None


async def test_no_token_is_told_whatever_goes_wrong(
    host: RawHost, api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(module, "LARGEST_ANSWER_BYTES", 100)
    secret = f"/bot{TOKEN}/sendMessage"
    answers: list[Answer | bytes] = [
        answer(429),
        answer(500),
        b"nonsense\r\n\r\n",
        b"",
        ok(b"x", "Content-Length: 99"),
        ok(b"x" * 200),
        ok(b"x" * 20, "Content-Encoding: gzip"),
        stalled(b""),
    ]
    told: list[str] = []

    async def fails(address: str) -> None:
        error: BaseException | None = await failed(api, address)
        while error:
            told.append(repr(error))
            error = error.__cause__

    for given in answers:
        host.answers[secret] = given
        await fails(url(host, secret))
    for address in (f"http://127.0.0.1:1{secret}", f"http://[{TOKEN}", f"{TOKEN}"):
        await fails(address)
    assert len(told) == len(answers) + 3
    assert TOKEN not in "\n".join(told)
    assert all("a-secret-token" not in str(vars(record)) for record in caplog.records)
