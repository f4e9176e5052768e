"""Customers' files: from the provider's hosts alone, never from inside the network, and no more of
them than the desk takes."""

import gzip
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp.connector
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.errors import CustomerError, Unavailable
from connectors.messaging import downloader
from connectors.messaging.downloader import Downloader, is_public
from tests.connectors.messaging.raw_host import Answer, RawHost, moved, ok, stalled

LIMIT = 100_000
TOKEN = "123456:a-secret-token"
PUBLIC = "93.184.215.14"


class Names(AbstractResolver):
    """A name server of the test's own: name → the addresses of each answer in turn, the last one
    for ever."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.names:
            raise OSError(None, "no such name")
        answers = self.names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


async def fetched(download: Downloader, address: str, *hosts: str, **headers: str) -> bytes:
    return b"".join([p async for p in download.pieces(address, hosts=hosts, headers=headers)])


async def refused(download: Downloader, address: str, *hosts: str) -> str:
    """The code with which an address is refused."""
    with pytest.raises(CustomerError) as raised:
        await fetched(download, address, *hosts)
    return raised.value.code


@pytest.fixture
async def host() -> AsyncIterator[RawHost]:
    async with RawHost().serving() as host:
        yield host


@asynccontextmanager
async def opened(*trusted: str, names: Names | None = None) -> AsyncIterator[Downloader]:
    async with Downloader(trusted=trusted, limit_bytes=LIMIT, resolver=names) as download:
        yield download


@pytest.fixture
async def download(host: RawHost) -> AsyncIterator[Downloader]:
    """That trusts the host above, as an operator's own Bot API server is."""
    async with opened(f"http://127.0.0.1:{host.port}") as download:
        yield download


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "http://files.example/a",
            "ftp://files.example/a",
            "file:///etc/passwd",
            "//files.example/a",
            "https://files.example:8443/a",
            "https://files.example:0/a",
            "https://user@files.example/a",
            "https://user:password@files.example/a",
            "https://:password@files.example/a",
            "https://files.example./a",
            "https://files.example.evil.test/a",
            "https://evil-files.example/a",
            "https://files.example@evil.test/a",
            "https://evil.test\\@files.example/a",
            "https://evil.test#@files.example/a",
            "https://evil.test?@files.example/a",
            "https://files.example%2eevil.test/a",
            "https://files.example%00.evil.test/a",
            "https://filеs.example/a",  # with a Cyrillic е
            "https://files。example。evil.test/a",
            "https:///a",
            "https://[::1/a",
            "",
            "a",
        ],
    )
    async def test_only_plain_https_to_the_hosts_named(self, address: str) -> None:
        names = Names(files_example=[[PUBLIC]])
        async with opened(names=names) as download:
            assert await refused(download, address, "files.example") == "media_gone"
        assert names.asked == []

    @pytest.mark.parametrize(
        "number",
        ["127.0.0.1", "10.0.0.1", "169.254.169.254", PUBLIC, "[::1]", "[::ffff:127.0.0.1]",
         "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0"],
    )  # fmt: skip
    async def test_numbers_are_no_names(self, number: str) -> None:
        async with opened(names=Names()) as download:
            assert await refused(download, f"https://{number}/a", "files.example") == "media_gone"

    @pytest.mark.parametrize("number", ["127.0.0.1", "::1", PUBLIC])
    async def test_a_number_is_refused_even_where_a_channel_names_it(self, number: str) -> None:
        shown = f"[{number}]" if ":" in number else number
        async with opened(names=Names()) as download:
            assert await refused(download, f"https://{shown}/a", number) == "media_gone"

    @pytest.mark.parametrize(
        ("address", "looked_up"),
        [
            ("https://files.example/a", "files.example"),
            ("https://FILES.example:443/a", "files.example"),
            ("https://ｆiles.example/a", "files.example"),
            ("https://a.b.cdn.example/a", "a.b.cdn.example"),
        ],
    )
    async def test_a_host_that_is_named_is_looked_up(self, address: str, looked_up: str) -> None:
        names = Names()
        async with opened(names=names) as download:
            with pytest.raises(Unavailable):
                await fetched(download, address, "files.example", ".cdn.example")
        assert names.asked == [looked_up]

    async def test_a_dot_stands_for_what_is_below_it_alone(self) -> None:
        async with opened(names=Names()) as download:
            assert await refused(download, "https://cdn.example/a", ".cdn.example") == "media_gone"
            assert await refused(download, "https://xcdn.example/", ".cdn.example") == "media_gone"


class TestNames:
    @pytest.mark.parametrize(
        "address",
        [
            *("127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "0.0.0.0"),
            *("169.254.169.254", "100.64.0.1", "192.0.0.8", "192.88.99.1", "198.18.0.1"),
            *("224.0.0.1", "240.0.0.1", "255.255.255.255"),
            *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fec0::1", "ff02::1"),
            *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1"),
            *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1"),
            *("2002:7f00:1::", "2002:a00:1::1", "2001:0:53aa::1", "2001:db8::1"),
        ],
    )
    async def test_a_name_that_leads_inside_is_not_followed(
        self, address: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert not is_public(address)
        async with opened(names=Names(files_example=[[address]])) as download:
            code = await refused(download, f"https://files.example/{TOKEN}", "files.example")
        assert code == "media_gone"
        assert "download.not_public" in caplog.text

    @pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1"])
    def test_the_rest_of_the_world_is_public(self, address: str) -> None:
        assert is_public(address)

    async def test_of_several_addresses_only_public_ones_are_tried(
        self, host: RawHost, connections: "Connections"
    ) -> None:
        names = Names(files_example=[["127.0.0.1", PUBLIC, "10.0.0.1"]])
        async with opened(names=names) as download:
            with pytest.raises(Unavailable):
                await fetched(download, "https://files.example/a", "files.example")
        assert connections.tried == [PUBLIC]

    async def test_a_second_answer_of_the_name_server_changes_nothing(
        self, connections: "Connections"
    ) -> None:
        """The connection is made to the address that was looked at (DNS rebinding)."""
        names = Names(files_example=[[PUBLIC], ["127.0.0.1"]])
        async with opened(names=names) as download:
            with pytest.raises(Unavailable):
                await fetched(download, "https://files.example/a", "files.example")
            assert names.asked == ["files.example"]
            assert connections.tried == [PUBLIC]
            download._session.connector.clear_dns_cache()
            code = await refused(download, "https://files.example/a", "files.example")
        assert code == "media_gone"
        assert connections.tried == [PUBLIC]

    async def test_a_trusted_name_may_lead_inside_on_its_own_port_alone(
        self, host: RawHost
    ) -> None:
        host.answers["/a"] = ok(b"here")
        trusted = f"http://bot-api.internal:{host.port}"
        names = Names(**{"bot-api_internal": [["127.0.0.1"]]})
        async with opened(trusted, names=names) as download:
            assert await fetched(download, f"{trusted}/a") == b"here"
            other = "https://bot-api.internal/a"
            assert await refused(download, other, "bot-api.internal") == "media_gone"


class TestRedirects:
    async def test_to_the_same_kind_of_host_are_followed(
        self, host: RawHost, download: Downloader
    ) -> None:
        host.answers |= {"/a": moved("/b"), "/b": ok(b"found")}
        assert await fetched(download, f"http://127.0.0.1:{host.port}/a") == b"found"

    @pytest.mark.parametrize(
        "target",
        [
            "http://169.254.169.254/latest/meta-data/",
            "http://localhost/",
            "https://evil.test/",
            "http://files.example/",
            "https://files.example:22/",
            "https://127.0.0.1/",
            "file:///etc/passwd",
            "gopher://files.example/",
            "https://[::1",
            "",
        ],
    )
    async def test_out_of_what_is_allowed_are_not(
        self, host: RawHost, download: Downloader, target: str
    ) -> None:
        host.answers["/a"] = moved(target)
        address = f"http://127.0.0.1:{host.port}/a"
        assert await refused(download, address, "files.example") == "media_gone"

    async def test_to_a_name_that_leads_inside_are_not(self, host: RawHost) -> None:
        host.answers["/a"] = moved("https://files.example/b")
        trusted = f"http://127.0.0.1:{host.port}"
        async with opened(trusted, names=Names(files_example=[["10.0.0.1"]])) as download:
            assert await refused(download, f"{trusted}/a", "files.example") == "media_gone"

    async def test_do_not_go_on_for_ever(self, host: RawHost, download: Downloader) -> None:
        host.answers["/a"] = moved("/a")
        assert await refused(download, f"http://127.0.0.1:{host.port}/a") == "media_gone"
        assert len(host.heads) == 4

    async def test_take_no_credentials_to_another_host(self, host: RawHost) -> None:
        async with RawHost({"/b": ok(b"found")}).serving() as other:
            host.answers["/a"] = moved(f"http://127.0.0.1:{other.port}/b")
            mine, theirs = (f"http://127.0.0.1:{each.port}" for each in (host, other))
            async with opened(mine, theirs) as download:
                found = await fetched(download, f"{mine}/a", authorization=f"Bearer {TOKEN}")
            assert found == b"found"
            assert TOKEN in host.heads[0]
            assert TOKEN not in other.heads[0]


class TestBodies:
    async def test_are_whole(self, host: RawHost, download: Downloader) -> None:
        body = bytes(range(256)) * 300
        host.answers["/a"] = ok(body)
        assert await fetched(download, f"http://127.0.0.1:{host.port}/a") == body

    async def test_that_say_they_are_too_large_are_not_read(
        self, host: RawHost, download: Downloader
    ) -> None:
        host.answers["/a"] = host.endless(
            b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"
        )
        assert await refused(download, f"http://127.0.0.1:{host.port}/a") == "upload_too_large"
        assert host.written_bytes < 200 * LIMIT

    @pytest.mark.parametrize("head", ["", "Transfer-Encoding: chunked\r\n"])
    async def test_without_an_end_are_left(
        self, host: RawHost, download: Downloader, head: str
    ) -> None:
        piece = b"8000\r\n" + bytes(0x8000) + b"\r\n" if head else bytes(0x8000)
        host.answers["/a"] = host.endless(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode(), piece)
        assert await refused(download, f"http://127.0.0.1:{host.port}/a") == "upload_too_large"
        assert host.written_bytes < 200 * LIMIT

    async def test_shorter_than_they_say_are_not_taken_for_whole(
        self, host: RawHost, download: Downloader
    ) -> None:
        host.answers["/a"] = ok(b"short", "Content-Length: 500")
        with pytest.raises(Unavailable):
            await fetched(download, f"http://127.0.0.1:{host.port}/a")

    async def test_longer_than_they_say_are_not_trusted(
        self, host: RawHost, download: Downloader
    ) -> None:
        host.answers["/a"] = ok(b"longer than that", "Content-Length: 6")
        with pytest.raises(Unavailable):
            await fetched(download, f"http://127.0.0.1:{host.port}/a")

    async def test_are_asked_for_uncompressed_and_a_bomb_is_not_opened(
        self, host: RawHost, download: Downloader
    ) -> None:
        bomb = gzip.compress(bytes(50_000_000))
        host.answers["/a"] = ok(bomb, "Content-Encoding: gzip")
        assert len(bomb) < LIMIT
        with pytest.raises(Unavailable, match="compressed"):
            await fetched(download, f"http://127.0.0.1:{host.port}/a")
        assert "accept-encoding: identity" in host.heads[0].lower()

    async def test_a_compressed_file_is_a_file(self, host: RawHost, download: Downloader) -> None:
        body = gzip.compress(b"x" * 1000)
        host.answers["/a"] = ok(body, "Content-Type: application/gzip")
        assert await fetched(download, f"http://127.0.0.1:{host.port}/a") == body

    @pytest.mark.parametrize("limit", ["SILENT_S", "WHOLE_S"])
    async def test_that_do_not_come_are_not_waited_for(
        self, host: RawHost, monkeypatch: pytest.MonkeyPatch, limit: str
    ) -> None:
        monkeypatch.setattr(downloader, limit, 0.1)
        for path, answer in never(ok(b"beginning", "Content-Length: 500")).items():
            host.answers[path] = answer
        trusted = f"http://127.0.0.1:{host.port}"
        async with opened(trusted) as download:
            for path in ("/no-head", "/no-body"):
                with pytest.raises(Unavailable):
                    await fetched(download, f"{trusted}{path}")

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    async def test_that_are_gone_are_not_asked_for_again(
        self, host: RawHost, download: Downloader, status: int
    ) -> None:
        host.answers["/a"] = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
        assert await refused(download, f"http://127.0.0.1:{host.port}/a") == "media_gone"

    @pytest.mark.parametrize("status", [202, 400, 429, 500, 503])
    async def test_that_may_come_later_are(
        self, host: RawHost, download: Downloader, status: int
    ) -> None:
        host.answers["/a"] = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
        with pytest.raises(Unavailable):
            await fetched(download, f"http://127.0.0.1:{host.port}/a")

    async def test_a_channel_s_own_limit_holds_where_it_is_less(
        self, host: RawHost, download: Downloader
    ) -> None:
        host.answers["/a"] = ok(bytes(2_000))
        with pytest.raises(CustomerError, match="upload_too_large"):
            async for _ in download.pieces(
                f"http://127.0.0.1:{host.port}/a", hosts=(), limit_bytes=1_000
            ):
                pass


def never(head: bytes) -> dict[str, Answer]:
    return {"/no-head": stalled(b""), "/no-body": stalled(head)}


class Connections:
    """The addresses to which connections were tried; none of them is made."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    async def start(self, addr_infos: list[tuple[object, ...]], **_: object) -> socket.socket:
        self.tried += [address[4][0] for address in addr_infos]
        raise OSError(None, "no connection in this test")


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Connections:
    connections = Connections()
    monkeypatch.setattr(aiohttp.connector.aiohappyeyeballs, "start_connection", connections.start)
    return connections


async def test_no_token_is_told_whatever_goes_wrong(
    host: RawHost, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in a log line nor in an error, its causes included."""
    monkeypatch.setattr(downloader, "SILENT_S", 0.1)
    caplog.set_level(logging.DEBUG)
    trusted = f"http://127.0.0.1:{host.port}"
    secret = f"/file/bot{TOKEN}/a"
    answers: list[Answer | bytes] = [
        b"HTTP/1.1 404 No\r\n\r\n",
        b"HTTP/1.1 500 No\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"",
        ok(b"x", "Content-Length: 99"),
        ok(b"x", "Content-Length: minus one"),
        ok(b"x", "Content-Encoding: gzip"),
        ok(bytes(LIMIT + 1)),
        moved(f"https://evil.test/{TOKEN}"),
        moved(f"https://[{TOKEN}"),
        stalled(b""),
        stalled(ok(b"x", "Content-Length: 99")),
    ]
    addresses = [
        f"http://127.0.0.1:1{secret}",
        f"https://[{TOKEN}",
        f"https://{TOKEN}@files.example/",
        f"https://files.example{secret}",
    ]
    told: list[str] = []
    names = Names(files_example=[["10.0.0.1"]])
    async with opened(trusted, "http://127.0.0.1:1", names=names) as download:

        async def fails(address: str) -> None:
            with pytest.raises((CustomerError, Unavailable)) as raised:
                await fetched(download, address, "files.example", authorization=TOKEN)
            error: BaseException | None = raised.value
            while error:
                told.append(repr(error))
                error = error.__cause__

        for answer in answers:
            host.answers[secret] = answer
            await fails(trusted + secret)
        for address in addresses:
            await fails(address)
    assert len(told) >= len(answers) + len(addresses)
    assert TOKEN not in "\n".join(told)
    assert "a-secret-token" not in caplog.text
    assert all("a-secret-token" not in str(vars(record)) for record in caplog.records)
