"""A mailbox over IMAP4rev1 (RFC 3501) with IDLE (RFC 2177): the few commands that are needed.

Own code on asyncio's streams: aioimaplib is under the GPL, and imaplib and IMAPClient block a
thread for as long as they wait, which cannot be called off. A stand-in and the standard library's
imaplib, which knows nothing of this file, are held against each other in the tests.
"""

import asyncio
import base64
import re
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import NamedTuple, Self

from bot.errors import Unavailable
from connectors.email.servers import Safety, Server, tls_context

CONNECT_S = 20.0
COMMAND_S = 60.0
"""Within which each further line or piece of an answer has to come."""
MOST_BYTES = 64 * 1024**2
"""Of one literal; more is no mail that was asked for."""
POLL_S = 30.0
"""How often a server is asked that cannot IDLE."""
_LONGEST_LINE = 1024**2
_LITERAL = re.compile(rb"\{(\d{1,10})\}$")
_STRING = re.compile(rb'BODY\[[^\]]*\](?:<\d+>)? "((?:[^"\\]|\\.)*)"')
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Refused(Unavailable):
    """The server answers NO or BAD; its words are in the error."""


class LoginRefused(Refused):
    pass


class Untagged(NamedTuple):
    """One `* …` response."""

    line: bytes
    """Without the literals: where one stood, `{length}` still does."""
    literals: tuple[bytes, ...]


class Mailbox:
    """A connection with one folder open; `open_mailbox` makes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._count = 0
        # Nobody who writes into the connection before it is encrypted can foresee the tags.
        self._prefix = secrets.token_hex(4)
        self._news = False
        self._capabilities: frozenset[bytes] = frozenset()
        self.uid_validity = 0
        self.uid_next = 0
        """Of the folder when it was opened; 0 where the server does not say."""

    async def newer(self, uid: int) -> list[int]:
        """The UIDs from this one on, ascending."""
        self._news = False
        # `*` is the last mail there is, even where its UID is smaller.
        return [found for found in await self._search(f"UID {uid}:*") if found >= uid]

    async def since(self, day: date) -> list[int]:
        """The UIDs of mails that came on this day or later."""
        return await self._search(f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}")

    async def size_bytes(self, uid: int) -> int | None:
        """None: it is gone."""
        for response in await self._command(f"UID FETCH {uid} (UID RFC822.SIZE)"):
            if found := re.search(rb"RFC822\.SIZE (\d+)", response.line):
                return int(found[1])
        return None

    async def read(self, uid: int, part: str = "", *, most_bytes: int = 0) -> bytes | None:
        """A whole mail, or the encoded bytes of one of its parts; the first `most_bytes` of it
        where that is given. None: it is gone."""
        cut = f"<0.{most_bytes}>" if most_bytes else ""
        for response in await self._command(f"UID FETCH {uid} (UID BODY.PEEK[{part}]{cut})"):
            if b" FETCH " not in response.line or b"BODY[" not in response.line.upper():
                continue
            if response.literals:
                return response.literals[0]
            if found := _STRING.search(response.line):
                return re.sub(rb"\\(.)", rb"\1", found[1])
        return None

    async def mark_seen(self, uid: int) -> None:
        await self._command(f"UID STORE {uid} +FLAGS.SILENT (\\Seen)")

    async def wait(self, longest_s: float) -> None:
        """Until there may be new mail, but not longer. RFC 2177 wants less than 29 minutes."""
        if self._news:
            return
        if b"IDLE" not in self._capabilities:
            await asyncio.sleep(min(POLL_S, longest_s))
            await self._command("NOOP")
            return
        tag = await self._send("IDLE")
        await self._continuation(tag)
        try:
            async with asyncio.timeout(longest_s):
                while not self._news:
                    line, _ = await self._response(patient=True)
                    if line.startswith(tag):
                        raise Unavailable("IMAP: the server ended IDLE by itself")
        except TimeoutError:
            pass
        self._writer.write(b"DONE\r\n")
        await self._until(tag, "IDLE")

    async def start(self, server: Server) -> None:
        """Wait for the greeting, and encrypt the connection where that is still to be done."""
        line, _ = await self._response()
        if not line.startswith(b"* OK"):
            raise Unavailable("IMAP: the server does not greet")
        if server.safety is Safety.STARTTLS:
            await self._command("STARTTLS")
            await self._writer.start_tls(tls_context(), server_hostname=server.host)
        await self._ask_capabilities()

    async def log_in(self, user: str, password: str) -> None:
        """Raises `LoginRefused`."""
        try:
            if b"AUTH=PLAIN" in self._capabilities:
                tag = await self._send("AUTHENTICATE PLAIN")
                await self._continuation(tag)
                self._writer.write(base64.b64encode(f"\0{user}\0{password}".encode()) + b"\r\n")
                await self._until(tag, "AUTHENTICATE")
            else:
                await self._command(f"LOGIN {quoted(user)} {quoted(password)}", "LOGIN")
        except Refused as error:
            raise LoginRefused(str(error)) from None
        await self._ask_capabilities()

    async def open(self, folder: str, *, read_only: bool) -> None:
        verb = "EXAMINE" if read_only else "SELECT"
        for response in await self._command(f"{verb} {quoted(encode_folder(folder))}"):
            if found := re.search(rb"\[UIDVALIDITY (\d+)\]", response.line):
                self.uid_validity = int(found[1])
            if found := re.search(rb"\[UIDNEXT (\d+)\]", response.line):
                self.uid_next = int(found[1])

    async def close(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(5):
                await self._writer.wait_closed()
        except (TimeoutError, OSError):
            return

    async def _ask_capabilities(self) -> None:
        for response in await self._command("CAPABILITY"):
            if response.line.startswith(b"* CAPABILITY "):
                self._capabilities = frozenset(response.line.upper().split()[2:])

    async def _search(self, criteria: str) -> list[int]:
        found: set[int] = set()
        for response in await self._command(f"UID SEARCH {criteria}"):
            if response.line.startswith(b"* SEARCH"):
                found.update(int(each) for each in response.line.split()[2:] if each.isdigit())
        return sorted(found)

    async def _command(self, command: str, name: str = "") -> list[Untagged]:
        return await self._until(await self._send(command), name or command)

    async def _send(self, command: str) -> bytes:
        """Gives the tag that the answer will bear."""
        self._count += 1
        tag = f"{self._prefix}{self._count}"
        self._writer.write(f"{tag} {command}\r\n".encode())
        await self._writer.drain()
        return f"{tag} ".encode()

    async def _continuation(self, tag: bytes) -> None:
        while True:
            line, _ = await self._response()
            if line.startswith(b"+"):
                return
            if line.startswith(tag):
                raise Refused(f"IMAP: {line[len(tag) :][:200].decode('latin-1')}")

    async def _until(self, tag: bytes, name: str) -> list[Untagged]:
        """All that comes before a command's end. Raises `Refused`."""
        responses: list[Untagged] = []
        while True:
            response = await self._response()
            if not response.line.startswith(tag):
                responses.append(response)
                continue
            status = response.line[len(tag) :]
            if not status.upper().startswith(b"OK"):
                raise Refused(f"IMAP {name[:60]}: {status[:200].decode('latin-1')}")
            return responses

    async def _response(self, *, patient: bool = False) -> Untagged:
        """One response with its literals. `patient`: however long the first line takes."""
        line, literals = b"", []
        while True:
            piece = await self._line(patient=patient and not line)
            line += piece
            found = _LITERAL.search(piece)
            if not found:
                break
            length = int(found[1])
            if length > MOST_BYTES:
                raise Unavailable(f"IMAP: {length} bytes in one answer")
            literals.append(await self._exactly(length))
        if re.match(rb"\* \d+ EXISTS", line):
            self._news = True
        if line.startswith(b"* BYE"):
            raise Unavailable("IMAP: the server says goodbye")
        return Untagged(line, tuple(literals))

    async def _line(self, *, patient: bool) -> bytes:
        async with asyncio.timeout(None if patient else COMMAND_S):
            line = await self._reader.readuntil(b"\r\n")
        return line[:-2]

    async def _exactly(self, length: int) -> bytes:
        pieces: list[bytes] = []
        while length:
            async with asyncio.timeout(COMMAND_S):
                piece = await self._reader.read(min(length, 64 * 1024))
            if not piece:
                raise EOFError
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@asynccontextmanager
async def open_mailbox(
    server: Server, user: str, password: str, folder: str, *, read_only: bool = False
) -> AsyncIterator[Mailbox]:
    """Connected, logged in, with a folder open. Raises `Unavailable`, within as well, for whatever
    the network or the server does."""
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(
                server.host,
                server.port,
                ssl=tls_context() if server.safety is Safety.TLS else None,
                limit=_LONGEST_LINE,
            )
        _keep_alive(writer.get_extra_info("socket"))
        async with Mailbox(reader, writer) as mailbox:
            await mailbox.start(server)
            await mailbox.log_in(user, password)
            await mailbox.open(folder, read_only=read_only)
            yield mailbox
    except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError) as error:
        raise Unavailable(f"IMAP: {type(error).__name__}") from error


def _keep_alive(connection: socket.socket) -> None:
    """Routers forget connections on which nothing is said for minutes, and tell nobody: the system
    asks after the other side, so that a wait does not go on with nobody there."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def quoted(text: str) -> str:
    """A quoted string (RFC 3501, 4.3). Raises `ValueError` for what none can hold."""
    if re.search(r"[\x00\r\n]", text):
        raise ValueError("a name or a password holds a line break")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def encode_folder(name: str) -> str:
    """A folder's name in modified UTF-7 (RFC 3501, 5.1.3)."""

    def encoded(match: re.Match[str]) -> str:
        if match[0] == "&":
            return "&-"
        words = base64.b64encode(match[0].encode("utf-16-be")).rstrip(b"=").decode()
        return f"&{words.replace('/', ',')}-"

    return re.sub(r"&|[^\x20-\x7e]+", encoded, name)
