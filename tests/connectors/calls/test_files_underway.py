"""What is said in a call while a file is on its way in the chat beside it, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bot import burst, underway
from bot.calls.talk import DeskTalk
from bot.calls.transport import Call
from bot.messages import CustomerId, Reply
from connectors.webchat.connector import CHANNEL
from connectors.webchat.tokens import Session
from tests.builders import wait_until
from tests.connectors.conftest import Site, Widget

KNOWLEDGE = Path(__file__).parents[3] / "examples" / "voltaro" / "knowledge"
FILE = (KNOWLEDGE / "warranty" / "warranty-terms.pdf").read_bytes()
LONG = timedelta(minutes=1)
"""Longer than a test waits."""
ASKED = "What does this mean?"


class Slow:
    """A file that stops in its middle until it may go on."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield FILE[:1000]
        await self.goes_on.wait()
        yield FILE[1000:]


class Caller:
    """A customer in a call beside their chat."""

    def __init__(self, site: Site, widget: Widget, client: httpx.AsyncClient) -> None:
        self._site, self._widget, self._client = site, widget, client
        self.talk: DeskTalk
        self._replies: AsyncIterator[Reply]
        self.file = Slow()
        self._sending: asyncio.Task[httpx.Response] | None = None

    async def call(self) -> None:
        session = self._site.signer.read(Session, self._widget.welcome["token"])
        opened = self._widget.welcome["conversation"]
        call = Call(
            id="call_1",
            channel=CHANNEL,
            customer=CustomerId(session.customer),
            conversation=opened,
        )
        self.talk = await DeskTalk.open(self._site.desk, call)
        self._replies = self.talk.replies()

    async def begin_to_send(self) -> None:
        await self._widget.send(
            "upload", id="u", name="a.pdf", media_type="application/pdf", size_bytes=len(FILE)
        )
        url = (await self._widget.next("upload_ready"))["url"]
        self._sending = asyncio.create_task(self._client.put(url, content=self.file))
        await wait_until(lambda: self.sends)

    async def sent(self) -> str:
        """Send the rest; gives the attachment's id."""
        assert self._sending
        self.file.goes_on.set()
        answer = await self._sending
        assert answer.status_code == 201, answer.text
        return str(answer.json()["attachment"]["id"])

    async def break_off(self) -> None:
        assert self._sending
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    @property
    def sends(self) -> bool:
        """Whether the desk knows of a file that comes."""
        return self._site.desk._runner._underway.any(self.talk.conversation)

    async def say(self, text: str = ASKED) -> None:
        await self.talk.tell(text, from_s=0.0, to_s=1.0)
        await wait_until(lambda: self.talk.conversation in self._site.desk._runner._lanes)

    async def hears(self) -> str:
        async with asyncio.timeout(10):
            return (await anext(self._replies)).text

    async def show(self, attachment: str) -> None:
        await self._widget.say("m_1", "", attachments=[attachment])

    async def log(self) -> int:
        return len(await self._site.desk.entries(self.talk.conversation))


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is given up because a busy machine is slow."""
    monkeypatch.setattr(burst, "FILE_IN_CALL", LONG)


@asynccontextmanager
async def calling(site: Site) -> AsyncIterator[Caller]:
    async with site.widget() as widget, site.http() as client:
        caller = Caller(site, widget, client)
        await caller.call()
        yield caller


@pytest.mark.usefixtures("long_waits")
async def test_words_wait_for_the_file_that_they_are_about(site: Site) -> None:
    async with calling(site) as caller:
        await caller.begin_to_send()
        await caller.say()
        await caller.show(await caller.sent())
        heard = await caller.hears()
        assert await caller.log() == 3
    assert heard.startswith(f"You said: {ASKED}")
    assert "Warranty terms" in heard


async def test_who_has_just_sent_a_file_is_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(burst, "JUST_SENT", timedelta(seconds=7))
    async with calling(site) as caller:
        await caller.say("I have just sent you the file.")
        await caller.begin_to_send()
        await caller.show(await caller.sent())
        heard = await caller.hears()
        assert await caller.log() == 3
    assert "Warranty terms" in heard


@pytest.mark.usefixtures("long_waits")
async def test_a_file_that_breaks_off_is_not_waited_for(site: Site) -> None:
    async with calling(site) as caller:
        await caller.begin_to_send()
        await caller.say()
        await caller.break_off()
        assert await caller.hears() == f"You said: {ASKED}"
        assert not caller.sends


async def test_a_file_that_stays_underway_is_waited_for_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with calling(site) as caller:
        await caller.begin_to_send()
        monkeypatch.setattr(burst, "FILE_IN_CALL", timedelta(seconds=0.2))
        await caller.say()
        assert await caller.hears() == f"You said: {ASKED}"
        monkeypatch.setattr(burst, "FILE_IN_CALL", LONG)
        await caller.talk.tell("And where is my order?", from_s=2.0, to_s=3.0)
        assert await caller.hears() == "You said: And where is my order?"
        await caller.sent()
        assert not caller.sends


async def test_a_file_without_its_message_is_not_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(burst, "FILE_IN_CALL", LONG)
    monkeypatch.setattr(underway, "MESSAGE_TO_COME_S", 0.1)
    async with calling(site) as caller:
        await caller.begin_to_send()
        await caller.say()
        await caller.sent()
        assert await caller.hears() == f"You said: {ASKED}"
        assert not caller.sends
