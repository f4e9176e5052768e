"""IMAP: the desk's client, a server, and an independent client that agrees with the server."""

import asyncio
import imaplib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.errors import Unavailable
from connectors.email.imap import LoginRefused, Mailbox, encode_folder, open_mailbox, quoted
from connectors.email.servers import Safety, Server, read_server
from tests.connectors.email.imap_server import PASSWORD, USER, ImapServer

MAIL = b"From: ann@mail.example\r\nSubject: hi\r\n\r\nhello (there) {5}\r\nbye\r\n"
PARTS = (
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nwords\r\n--b\r\n'
    b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\nBBBB\r\n--b--\r\n"
)


@pytest.fixture
async def server() -> AsyncIterator[ImapServer]:
    server = ImapServer()
    async with server.serving():
        yield server


def at(server: ImapServer, safety: Safety = Safety.NONE) -> Server:
    return Server("127.0.0.1", server.port, safety)


def opened(
    server: ImapServer, password: str = PASSWORD, safety: Safety = Safety.NONE
) -> AbstractAsyncContextManager[Mailbox]:
    return open_mailbox(at(server, safety), USER, password, "INBOX")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, with its key in the same file; nobody trusts it yet."""
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes the certificate, is not installed")
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", file, "-out", f"{file}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class TestServer:
    async def test_the_standard_librarys_client_agrees_with_it(self, server: ImapServer) -> None:
        """So that what the desk's client is tried against is no echo of its own mistakes."""
        await server.add(MAIL)
        await server.add(PARTS)

        def look() -> None:
            with imaplib.IMAP4("127.0.0.1", server.port) as client:
                assert "IDLE" in client.capabilities
                client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
                assert client.select("INBOX") == ("OK", [b"2"])
                assert client.response("UIDVALIDITY") == ("UIDVALIDITY", [b"7"])
                assert client.response("UIDNEXT") == ("UIDNEXT", [b"3"])
                assert client.uid("SEARCH", "UID 1:*") == ("OK", [b"1 2"])
                assert client.uid("SEARCH", "UID 9:*") == ("OK", [b"2"])
                assert client.uid("SEARCH", "SINCE 1-Jan-2030") == ("OK", [b""])
                _, [size] = client.uid("FETCH", "1", "(UID RFC822.SIZE)")
                assert size == b"1 (UID 1 RFC822.SIZE %d)" % len(MAIL)
                _, [(_, whole), _] = client.uid("FETCH", "1", "(UID BODY.PEEK[])")
                assert whole == MAIL
                _, [(_, part), _] = client.uid("FETCH", "2", "(UID BODY.PEEK[2])")
                assert part == b"AAAA\r\nBBBB"
                _, [(_, start), _] = client.uid("FETCH", "1", "(BODY.PEEK[]<0.10>)")
                assert start == MAIL[:10]
                assert client.uid("STORE", "1", "+FLAGS.SILENT", "(\\Seen)")[0] == "OK"
                assert client.uid("SEARCH", "UNSEEN") == ("OK", [b"2"])
                assert client.noop()[0] == "OK"

        await asyncio.to_thread(look)
        assert server.seen() == {1}


class TestMailbox:
    async def test_it_says_where_it_stands(self, server: ImapServer) -> None:
        await server.add(MAIL)
        async with opened(server) as box:
            assert (box.uid_validity, box.uid_next) == (7, 2)

    async def test_mails_are_found_read_and_marked(self, server: ImapServer) -> None:
        await server.add(MAIL, date.today() - timedelta(days=9))
        await server.add(PARTS)
        async with opened(server) as box:
            assert await box.newer(1) == [1, 2]
            assert await box.newer(2) == [2]
            assert await box.newer(3) == []
            assert await box.since(date.today() - timedelta(days=2)) == [2]
            assert await box.size_bytes(1) == len(MAIL)
            assert await box.read(1) == MAIL
            assert await box.read(1, most_bytes=6) == MAIL[:6]
            assert await box.read(2, "1") == b"words"
            assert await box.read(2, "2") == b"AAAA\r\nBBBB"
            assert server.seen() == set()
            await box.mark_seen(2)
            assert server.seen() == {2}

    async def test_what_is_gone_is_none(self, server: ImapServer) -> None:
        await server.add(MAIL)
        async with opened(server) as box:
            assert await box.size_bytes(9) is None
            assert await box.read(9) is None
            assert await box.read(1, "4") is None

    async def test_it_waits_until_mail_comes(self, server: ImapServer) -> None:
        async with opened(server) as box:
            assert await box.newer(1) == []
            waiting = asyncio.create_task(box.wait(60))
            await server.wait_idle()
            await server.add(MAIL)
            await asyncio.wait_for(waiting, 10)
            assert await box.newer(1) == [1]

    async def test_it_waits_no_longer_than_it_should(self, server: ImapServer) -> None:
        async with opened(server) as box:
            assert await box.newer(1) == []
            for _ in range(3):
                await asyncio.wait_for(box.wait(0.01), 10)
            assert server.commands.count("IDLE") == 3
            assert await box.newer(1) == []

    async def test_mail_that_came_before_it_waits_is_not_waited_for(
        self, server: ImapServer
    ) -> None:
        async with opened(server) as box:
            await box.newer(1)
            await server.add(MAIL)
            await box._command("NOOP")  # a server tells with any command
            await asyncio.wait_for(box.wait(60), 10)

    async def test_a_server_that_cannot_idle_is_asked(self) -> None:
        async with ImapServer(idle=False).serving() as server, opened(server) as box:
            await box.newer(1)
            await server.add(MAIL)
            await asyncio.wait_for(box.wait(0.01), 10)
            assert "NOOP" in server.commands
            assert await box.newer(1) == [1]

    async def test_a_wrong_password_is_told(self, server: ImapServer) -> None:
        with pytest.raises(LoginRefused, match="AUTHENTICATIONFAILED"):
            async with opened(server, "wrong"):
                pass

    async def test_a_lost_connection_is_told(self, server: ImapServer) -> None:
        async def wait() -> None:
            async with opened(server) as box:
                assert await box.newer(1) == []
                await box.wait(60)

        waiting = asyncio.create_task(wait())
        await server.wait_idle()
        server.drop_connections()
        with pytest.raises(Unavailable, match="IMAP"):
            await waiting

    async def test_nobody_there_is_told(self) -> None:
        with pytest.raises(Unavailable, match="IMAP"):
            async with open_mailbox(Server("127.0.0.1", 1, Safety.NONE), USER, "x", "INBOX"):
                pass

    async def test_a_cancelled_wait_leaves_nothing_behind(self, server: ImapServer) -> None:
        async def wait() -> None:
            async with opened(server) as box:
                assert await box.newer(1) == []
                await box.wait(60)

        waiting = asyncio.create_task(wait())
        await server.wait_idle()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(10):
            while server._writers:
                await asyncio.sleep(0)

    @pytest.mark.parametrize(
        "answer",
        [b"", b"HTTP/1.1 400\r\n", b"* BYE no\r\n", b"* OK hi {99999999999}\r\n", b"x" * 2_000_000],
    )
    async def test_a_server_that_speaks_something_else_is_told(self, answer: bytes) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with pytest.raises(Unavailable):
                async with open_mailbox(Server("127.0.0.1", port, Safety.NONE), "u", "p", "INBOX"):
                    pass


class TestSafety:
    @pytest.mark.parametrize(
        ("address", "server"),
        [
            ("imaps://mail.shop.example", Server("mail.shop.example", 993, Safety.TLS)),
            ("imap://mail.shop.example", Server("mail.shop.example", 143, Safety.STARTTLS)),
            ("smtp://mail.shop.example:25", Server("mail.shop.example", 25, Safety.STARTTLS)),
            ("smtps://127.0.0.1", Server("127.0.0.1", 465, Safety.TLS)),
            ("smtp://127.0.0.1:1025", Server("127.0.0.1", 1025, Safety.NONE)),
            ("imap://[::1]:1143", Server("::1", 1143, Safety.NONE)),
            ("imap://10.0.0.1", Server("10.0.0.1", 143, Safety.STARTTLS)),
            (
                "imap://localhost.evil.example",
                Server("localhost.evil.example", 143, Safety.STARTTLS),
            ),
        ],
    )
    def test_only_this_machine_is_spoken_to_in_the_clear(
        self, address: str, server: Server
    ) -> None:
        assert read_server(address) == server

    async def test_a_connection_is_encrypted_before_the_password_is_said(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        async with ImapServer(tls=tls_of(certificate)).serving() as server:
            async with opened(server, safety=Safety.STARTTLS) as box:
                assert await box.newer(1) == []
            assert server.commands[:4] == ["STARTTLS", "CAPABILITY", "LOGIN …", "CAPABILITY"]

    async def test_a_certificate_that_nobody_vouches_for_is_refused(
        self, certificate: Path
    ) -> None:
        async with ImapServer(tls=tls_of(certificate)).serving() as server:
            with pytest.raises(Unavailable, match="SSLCertVerificationError"):
                async with opened(server, safety=Safety.STARTTLS):
                    pass
            assert not any(command.startswith("LOGIN") for command in server.commands)

    async def test_a_server_that_will_not_encrypt_is_told_no_password(
        self, server: ImapServer
    ) -> None:
        server._tls = None
        with pytest.raises(Unavailable):
            async with opened(server, safety=Safety.STARTTLS):
                pass
        assert not any(c.startswith(("LOGIN", "AUTHENTICATE")) for c in server.commands)


class TestWriting:
    def test_names_and_passwords_are_quoted(self) -> None:
        assert quoted('a "b" \\') == '"a \\"b\\" \\\\"'
        for broken in ("a\r\nb", "a\nb", "a\0b"):
            with pytest.raises(ValueError, match="line break"):
                quoted(broken)

    @pytest.mark.parametrize(
        ("name", "encoded"),
        [
            ("INBOX", "INBOX"),
            ("Tom & Jerry", "Tom &- Jerry"),
            # RFC 3501, 5.1.3
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ],
    )
    def test_folders_are_written_as_the_protocol_wants(self, name: str, encoded: str) -> None:
        assert encode_folder(name) == encoded
