"""The same promises against somebody else's IMAP server, where there is one to try:

    FRONTDESK_TEST_IMAP=imap://USER:PASSWORD@127.0.0.1:PORT

Mail is put into folders of its own, and these are taken away again. Tried with Dovecot 2.3.
"""

import asyncio
import imaplib
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

import pytest

from bot.channel_settings import EmailSection
from bot.errors import CustomerError
from connectors.email.channel import EmailChannel
from connectors.email.imap import LoginRefused, Mailbox, encode_folder, open_mailbox
from connectors.email.servers import Safety, read_server
from connectors.messaging.api import Api
from connectors.messaging.downloader import Downloader
from connectors.messaging.events import Event, Said
from connectors.messaging.provider import Services
from tests.connectors.email.mails import AUTHSERV, OWN, mail, raw

ADDRESS = os.environ.get("FRONTDESK_TEST_IMAP", "")
pytestmark = pytest.mark.skipif(
    not ADDRESS, reason="FRONTDESK_TEST_IMAP names no IMAP server to try (see the file)"
)
FOLDER = f"Größe & 店 {secrets.token_hex(4)}"


class Real:
    """The server, filled by the standard library's client."""

    def __init__(self) -> None:
        parts = urlsplit(ADDRESS)
        self.user, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        self.server = read_server(f"{parts.scheme}://{parts.hostname}:{parts.port}")
        assert self.server.safety is Safety.NONE, "only a server on this machine"

    def do(self, *commands: tuple[str, ...]) -> None:
        with imaplib.IMAP4(self.server.host, self.server.port) as client:
            client.login(self.user, self.password)
            for name, *rest in commands:
                assert getattr(client, name)(*rest)[0] == "OK", name

    async def add(self, content: bytes) -> None:
        folder = f'"{encode_folder(FOLDER)}"'
        command = ("append", folder, "", imaplib.Time2Internaldate(datetime.now(UTC)), content)
        await asyncio.to_thread(self.do, command)

    def opened(self, password: str = "") -> AbstractAsyncContextManager[Mailbox]:
        return open_mailbox(self.server, self.user, password or self.password, FOLDER)

    def channel(self) -> EmailChannel:
        def nothing(_: object) -> str:
            raise AssertionError("nothing is sent here")

        section = EmailSection.model_validate(
            {
                "address": OWN, "imap": f"imap://{self.server.host}:{self.server.port}",
                "smtp": "smtps://mx.shop.example", "user": self.user, "password": self.password,
                "folder": FOLDER, "authserv_id": AUTHSERV,
            }
        )  # fmt: skip
        return EmailChannel(
            section, Services(Api(), Downloader(limit_bytes=1), nothing, nothing, nothing)
        )


@pytest.fixture
async def real() -> AsyncIterator[Real]:
    real = Real()
    folder = f'"{encode_folder(FOLDER)}"'
    await asyncio.to_thread(real.do, ("create", folder))
    yield real
    await asyncio.to_thread(real.do, ("delete", folder))


async def test_mails_are_found_read_and_marked(real: Real) -> None:
    message = mail(html="<p>x</p>")
    message.add_attachment(bytes(range(256)) * 900, "application", "pdf", filename="a.pdf")
    contents = [raw("first"), message.as_bytes()]
    for content in contents:
        await real.add(content)
    async with real.opened() as box:
        assert box.uid_validity
        assert box.uid_next == 3
        assert await box.newer(1) == [1, 2]
        assert await box.newer(3) == []
        assert await box.since((datetime.now(UTC) - timedelta(days=2)).date()) == [1, 2]
        assert await box.size_bytes(1) == len(contents[0])
        assert await box.read(1) == contents[0]
        assert await box.read(1, most_bytes=9) == contents[0][:9]
        assert await box.read(9) is None
        assert await box.read(1, "7") in (None, b"")
        await box.mark_seen(1)
    with pytest.raises(LoginRefused):
        async with real.opened("wrong"):
            pass


async def test_it_waits_for_mail_and_not_too_long(real: Real) -> None:
    async with real.opened() as box:
        assert await box.newer(1) == []
        for _ in range(3):
            await asyncio.wait_for(box.wait(0.05), 10)
        waiting = asyncio.create_task(box.wait(60))
        await real.add(raw())
        await asyncio.wait_for(waiting, 20)
        assert await box.newer(1) == [1]


async def test_the_channel_takes_each_mail_once_and_finds_its_files_again(real: Real) -> None:
    channel = real.channel()
    taken: asyncio.Queue[Event] = asyncio.Queue()

    async def until(uid: int) -> None:
        """Until what comes before this UID has been dealt with."""
        async with asyncio.timeout(20):
            while True:
                kept = await channel._services.memory.recall(channel.channel, "position")
                if kept.endswith(f":{uid}"):
                    return

    async def stop(running: asyncio.Task[None]) -> None:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    await real.add(raw("old", Message_ID="<old@x>"))
    running = asyncio.create_task(channel.run(taken.put))
    await until(2)
    await real.add(raw("first", Message_ID="<a@x>"))
    await until(3)
    await stop(running)

    message = mail("look", Message_ID="<b@x>")
    message.add_attachment(bytes(range(256)) * 900, "application", "pdf", filename="a.pdf")
    await real.add(message.as_bytes())
    running = asyncio.create_task(channel.run(taken.put))
    await until(4)
    await stop(running)

    events = [taken.get_nowait() for _ in range(taken.qsize())]
    assert [event.id for event in events if isinstance(event, Said)] == ["a@x", "b@x"]
    last = events[-1]
    assert isinstance(last, Said)
    [medium] = last.media
    data = b"".join([piece async for piece in channel.fetch(medium.source)])
    assert data == bytes(range(256)) * 900
    with pytest.raises(CustomerError, match="media_gone"):
        _ = [piece async for piece in channel.fetch(medium.source.replace(".3:", ".99:"))]
