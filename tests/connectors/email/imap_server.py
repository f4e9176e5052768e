"""A mailbox on a real socket, as far as RFC 3501 and RFC 2177 are needed; `test_imap.py` holds it
against the standard library's client."""

import asyncio
import base64
import email
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from email.message import Message
from typing import Any

USER, PASSWORD = "help@shop.example", 'pass "word" \\ ü'
_UNTIL_IDLE_ENDS = b"DONE\r\n"


@dataclass
class Kept:
    uid: int
    raw: bytes
    came: date = field(default_factory=date.today)
    flags: set[str] = field(default_factory=set)


class ImapServer:
    """One folder, INBOX. What is asked is in `commands`."""

    def __init__(self, *, idle: bool = True, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.mails: list[Kept] = []
        self.validity = 7
        self.commands: list[str] = []
        self.refuses_login = False
        self._next = 1
        self._idle = idle
        self._tls = tls
        self._writers: set[asyncio.StreamWriter] = set()
        self._idling: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Condition()

    async def add(self, raw: bytes, came: date | None = None) -> int:
        """A mail arrives; gives its UID."""
        kept = Kept(self._next, raw, came or date.today())
        self._next += 1
        self.mails.append(kept)
        for writer in self._idling:
            writer.write(f"* {len(self.mails)} EXISTS\r\n".encode())
        return kept.uid

    def begin_anew(self, validity: int) -> None:
        """As after a restore: the same mails under other numbers."""
        self.validity = validity
        for number, kept in enumerate(self.mails, 101):
            kept.uid = number
        self._next = 101 + len(self.mails)

    def drop_connections(self) -> None:
        for writer in self._writers:
            writer.close()

    async def wait_idle(self) -> None:
        """Until somebody waits for mail."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: bool(self._idling))

    async def wait_seen(self, *uids: int) -> None:
        """Until these mails, and no others, are marked as read."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: self.seen() == set(uids))

    def seen(self) -> set[int]:
        return {kept.uid for kept in self.mails if "\\Seen" in kept.flags}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ImapServer"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.drop_connections()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        writer.write(b"* OK ready\r\n")
        try:
            while line := await reader.readline():
                tag, _, rest = line.decode().rstrip("\r\n").partition(" ")
                self.commands.append(re.sub(r"^LOGIN .*", "LOGIN …", rest))
                if not await self._do(tag, rest, reader, writer):
                    break
                async with self._changed:
                    self._changed.notify_all()
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._writers.discard(writer)
            self._idling.discard(writer)
            writer.close()

    async def _do(
        self, tag: str, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """One command; False once the connection ends."""
        verb, _, rest = line.partition(" ")
        if verb == "UID":
            verb, _, rest = rest.partition(" ")
        answer = "OK done"
        match verb.upper():
            case "CAPABILITY":
                offers = "IMAP4rev1 STARTTLS" if self._tls else "IMAP4rev1 AUTH=PLAIN"
                writer.write(f"* CAPABILITY {offers}{' IDLE' if self._idle else ''}\r\n".encode())
            case "STARTTLS":
                writer.write(f"{tag} OK go on\r\n".encode())
                await writer.start_tls(self._tls)
                return True
            case "AUTHENTICATE":
                writer.write(b"+ \r\n")
                given = base64.b64decode(await reader.readline()).decode()
                answer = self._login(given == f"\0{USER}\0{PASSWORD}")
            case "LOGIN":
                words = [
                    re.sub(r"\\(.)", r"\1", w) for w in re.findall(r'"((?:[^"\\]|\\.)*)"', rest)
                ]
                answer = self._login(words == [USER, PASSWORD])
            case "SELECT" | "EXAMINE":
                answer = self._select(writer) if rest == '"INBOX"' or rest == "INBOX" else "NO none"
            case "SEARCH":
                found = " ".join(str(kept.uid) for kept in self._search(rest))
                writer.write(f"* SEARCH {found}".rstrip().encode() + b"\r\n")
            case "FETCH":
                self._fetch(rest, writer)
            case "STORE":
                uid, _, flags = rest.partition(" +FLAGS.SILENT ")
                for kept in self.mails:
                    if kept.uid == int(uid):
                        kept.flags |= set(flags.strip("()").split())
            case "IDLE" if self._idle:
                await self._idle_on(tag, reader, writer)
                return True
            case "NOOP":
                writer.write(f"* {len(self.mails)} EXISTS\r\n".encode())
            case "LOGOUT":
                writer.write(f"* BYE bye\r\n{tag} OK done\r\n".encode())
                return False
            case _:
                answer = "BAD unknown"
        writer.write(f"{tag} {answer}\r\n".encode())
        await writer.drain()
        return True

    def _login(self, right: bool) -> str:
        return "OK hello" if right and not self.refuses_login else "NO [AUTHENTICATIONFAILED] no"

    def _select(self, writer: asyncio.StreamWriter) -> str:
        writer.write(
            f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] valid\r\n"
            f"* OK [UIDNEXT {self._next}] next\r\n* FLAGS (\\Seen)\r\n".encode()
        )
        return "OK [READ-WRITE] open"

    async def _idle_on(
        self, tag: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"+ idling\r\n")
        self._idling.add(writer)
        async with self._changed:
            self._changed.notify_all()
        line = await reader.readline()
        self._idling.discard(writer)
        writer.write(f"{tag} {'OK' if line == _UNTIL_IDLE_ENDS else 'BAD'} idle\r\n".encode())

    def _search(self, criteria: str) -> list[Kept]:
        if found := re.fullmatch(r"UID (\d+):\*", criteria):
            after = [kept for kept in self.mails if kept.uid >= int(found[1])]
            return after or self.mails[-1:]
        if found := re.fullmatch(r"SINCE (\d+)-(\w+)-(\d+)", criteria):
            months = [date(2000, number, 1).strftime("%b") for number in range(1, 13)]
            day = date(int(found[3]), months.index(found[2]) + 1, int(found[1]))
            return [kept for kept in self.mails if kept.came >= day]
        if criteria == "UNSEEN":
            return [kept for kept in self.mails if "\\Seen" not in kept.flags]
        return list(self.mails)

    def _fetch(self, rest: str, writer: asyncio.StreamWriter) -> None:
        uid, _, items = rest.partition(" ")
        for number, kept in enumerate(self.mails, 1):
            if kept.uid != int(uid):
                continue
            writer.write(f"* {number} FETCH (UID {uid}".encode())
            if "RFC822.SIZE" in items:
                writer.write(f" RFC822.SIZE {len(kept.raw)}".encode())
            if found := re.search(r"BODY(?:\.PEEK)?\[([\d.]*)\](?:<0\.(\d+)>)?", items):
                content = section(kept.raw, found[1])
                content = content[: int(found[2])] if found[2] and content else content
                origin = "<0>" if found[2] else ""
                writer.write(f" BODY[{found[1]}]{origin} ".encode())
                if content is None:
                    writer.write(b"NIL")
                elif len(content) < 40 and content.isalnum():
                    # A server may quote what is short.
                    writer.write(b'"' + content + b'"')
                else:
                    writer.write(f"{{{len(content)}}}\r\n".encode() + content)
            writer.write(b")\r\n")


def section(raw: bytes, number: str) -> Any:
    """The encoded content of a part (RFC 3501, 6.4.5); None if there is none."""
    if not number:
        return raw
    part: Message = email.message_from_bytes(raw)
    for count in map(int, number.split(".")):
        inside = part.get_payload()
        if isinstance(inside, list):
            if count > len(inside):
                return None
            part = inside[count - 1]
        elif count != 1:
            return None
    encoded = str(part.get("Content-Transfer-Encoding", "")).casefold()
    content = part.get_payload(decode=encoded not in ("base64", "quoted-printable"))
    return content.encode("ascii") if isinstance(content, str) else content
