"""Discord's gateway: a session that outlives its connections, and nothing lost between them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.errors import TooFast, Unavailable
from connectors.discord_gateway import INTENTS, After, Gateway
from connectors.messaging.events import Event
from connectors.messaging.hook import Malformed
from tests.connectors.messaging.discord import BOT, TOKEN, DiscordApi, GatewaySide, message


class Taking:
    """The desk, as far as the gateway sees it."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.trouble: list[Exception] = []
        self._changed = asyncio.Condition()

    async def take(self, event: Event) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        async with self._changed:
            self.taken.append(event)
            self._changed.notify_all()

    async def wait(self, count: int) -> list[Any]:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.taken) >= count)
        return self.taken


def understand(name: str, data: Mapping[str, Any]) -> tuple[tuple[Any, ...], After | None]:
    if name != "MESSAGE_CREATE":
        return (), None
    if "content" not in data:
        raise Malformed("no content")
    return (data["content"],), None


@pytest.fixture
async def side() -> AsyncIterator[GatewaySide]:
    side = GatewaySide()
    async with side.serving():
        yield side


@pytest.fixture
def desk() -> Taking:
    return Taking()


@pytest.fixture
def gateway(side: GatewaySide) -> Gateway:
    async def open_url() -> str:
        return side.url

    return Gateway(TOKEN, open_url, understand, chance=lambda: 0.0)


@asynccontextmanager
async def running(gateway: Gateway, desk: Taking) -> AsyncIterator[asyncio.Task[None]]:
    """The gateway as `connectors.messaging.front` runs it, without its pauses."""

    async def again() -> None:
        while True:
            try:
                return await gateway.run(desk.take)
            except Unavailable as error:
                lost.append(str(error))

    lost: list[str] = []
    task = asyncio.create_task(again())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def said(side: GatewaySide, number: int, op: int) -> Any:
    """The first frame of a kind on the connection of that number."""
    line = await side.line(number)
    frames = await line.wait(lambda frame: frame["op"] == op)
    return frames[0]["d"]


async def test_a_session_is_begun_and_messages_are_taken(
    side: GatewaySide, gateway: Gateway, desk: Taking
) -> None:
    async with running(gateway, desk):
        identity = await said(side, 1, 2)
        assert (identity["token"], identity["intents"]) == (TOKEN, INTENTS)
        line = await side.ready()
        assert line.socket.request is not None
        assert line.socket.request.path == "/?v=10&encoding=json"
        await side.tell(line, "MESSAGE_CREATE", {"content": "one"})
        await side.tell(line, "GUILD_CREATE", {"id": "1"})
        await side.tell(line, "MESSAGE_CREATE", {"content": "two"})
        assert await desk.wait(2) == ["one", "two"]


async def test_heartbeats_bring_the_last_number_and_are_given_when_asked(
    side: GatewaySide, gateway: Gateway, desk: Taking
) -> None:
    async with running(gateway, desk):
        assert await said(side, 1, 1) is None
        line = await side.ready()
        await side.tell(line, "MESSAGE_CREATE", {"content": "one"})
        await desk.wait(1)
        await line.say({"op": 1, "d": None})
        beats = await line.wait(lambda frame: frame["op"] == 1, 2)
        assert beats[1]["d"] == side.number


async def test_a_silent_connection_is_given_up_and_its_session_taken_up(
    side: GatewaySide, gateway: Gateway, desk: Taking
) -> None:
    side.interval_ms = 50
    side.acknowledges = False
    async with running(gateway, desk):
        line = await side.ready()
        assert await line.closed() == 4000
        side.acknowledges = True
        resumed = await said(side, 2, 6)
        assert resumed == {"token": TOKEN, "session_id": "session-1", "seq": 1}


async def test_a_wish_to_reconnect_is_followed_at_the_address_for_it(
    side: GatewaySide, gateway: Gateway, desk: Taking
) -> None:
    async with running(gateway, desk):
        line = await side.ready()
        await side.tell(line, "MESSAGE_CREATE", {"content": "one"})
        await desk.wait(1)
        await line.say({"op": 7, "d": None})
        assert await line.closed() == 4000
        assert (await said(side, 2, 6))["seq"] == 2
        again = await side.ready(2)
        assert again.socket.request is not None
        assert again.socket.request.path == "/resumed/?v=10&encoding=json"
        await side.tell(again, "MESSAGE_CREATE", {"content": "two"})
        assert await desk.wait(2) == ["one", "two"]


async def test_what_is_not_kept_is_asked_for_again(
    side: GatewaySide, gateway: Gateway, desk: Taking
) -> None:
    async with running(gateway, desk):
        line = await side.ready()
        await side.tell(line, "MESSAGE_CREATE", {"content": "one"})
        await desk.wait(1)
        desk.trouble = [Unavailable("Redis does not answer")]
        await side.tell(line, "MESSAGE_CREATE", {"content": "two"})
        assert (await said(side, 2, 6))["seq"] == 2
        assert await line.closed() not in (1000, 1001)


async def test_a_customer_who_is_too_fast_is_waited_for(
    side: GatewaySide, gateway: Gateway, desk: Taking
) -> None:
    desk.trouble = [TooFast(0.01), TooFast(0.01)]
    async with running(gateway, desk):
        await side.tell(await side.ready(), "MESSAGE_CREATE", {"content": "one"})
        assert await desk.wait(1) == ["one"]


@pytest.mark.parametrize("code", [1000, 1006, 4000, 4002, 4008])
async def test_after_most_codes_the_session_is_taken_up(
    side: GatewaySide, gateway: Gateway, desk: Taking, code: int
) -> None:
    async with running(gateway, desk):
        line = await side.ready()
        await side.tell(line, "MESSAGE_CREATE", {"content": "one"})
        await desk.wait(1)
        if code == 1006:
            line.socket.transport.abort()
        else:
            await line.close(code)
        assert (await said(side, 2, 6))["session_id"] == "session-1"


@pytest.mark.parametrize("code", [4007, 4009])
async def test_after_some_codes_a_new_session_is_begun(
    side: GatewaySide, gateway: Gateway, desk: Taking, code: int
) -> None:
    async with running(gateway, desk):
        line = await side.ready()
        await side.tell(line, "MESSAGE_CREATE", {"content": "one"})
        await desk.wait(1)
        await line.close(code)
        assert (await said(side, 2, 2))["token"] == TOKEN


@pytest.mark.parametrize("code", [4004, 4010, 4011, 4012, 4013, 4014])
async def test_a_refusal_for_good_is_told_and_not_tried_again(
    side: GatewaySide,
    gateway: Gateway,
    desk: Taking,
    code: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(gateway, desk) as task:
        await (await side.line()).close(code)
        async with asyncio.timeout(10):
            await task
    [record] = [each for each in caplog.records if each.message == "discord.refused"]
    assert str(code) in record.__dict__["reason"]
    assert record.__dict__["remedy"]
    assert TOKEN not in caplog.text
    assert len(side.lines) == 1


async def test_an_invalid_session_is_begun_anew(
    side: GatewaySide, gateway: Gateway, desk: Taking
) -> None:
    side.takes_up = False
    async with running(gateway, desk):
        line = await side.ready()
        await side.tell(line, "MESSAGE_CREATE", {"content": "one"})
        await desk.wait(1)
        await line.say({"op": 7, "d": None})
        await said(side, 2, 6)
        assert (await said(side, 3, 2))["token"] == TOKEN


async def test_a_session_that_cannot_be_begun_is_left_to_longer_pauses(
    side: GatewaySide, gateway: Gateway, desk: Taking
) -> None:
    side.begins = False
    with pytest.raises(Unavailable, match="gateway"):
        await gateway.run(desk.take)


async def test_what_makes_no_sense_is_passed_over(
    side: GatewaySide, gateway: Gateway, desk: Taking
) -> None:
    async with running(gateway, desk):
        line = await side.ready()
        await said(side, 1, 2)
        for frame in ("{", "[]", b"\xff\xfe", {"op": 99}, {"op": 0, "t": 5, "s": "x", "d": 5}):
            await line.say(frame)
        await side.tell(line, "MESSAGE_CREATE", {})
        await side.tell(line, "MESSAGE_CREATE", {"content": "one"})
        assert await desk.wait(1) == ["one"]
    assert len(side.lines) == 1


async def test_discord_py_gets_along_with_the_stand_ins(
    side: GatewaySide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the channel is tested against is what a client of long standing expects."""
    api = DiscordApi()
    async with api.serving():
        monkeypatch.setattr(Route, "BASE", api.url)
        monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(side.url))
        heard: asyncio.Queue[discord.Message] = asyncio.Queue()

        class Client(discord.Client):
            async def on_message(self, said: discord.Message) -> None:
                heard.put_nowait(said)

        client = Client(intents=discord.Intents(INTENTS))
        async with client, asyncio.timeout(20):
            await client.login(TOKEN)
            connecting = asyncio.create_task(client.connect())
            line = await side.ready()
            await line.wait(lambda frame: frame["op"] == 2)
            await side.tell(line, "MESSAGE_CREATE", message(content="Where is it?"))
            said = await heard.get()
            assert (said.content, said.author.name) == ("Where is it?", "ann")
            answer = await said.channel.send("On its way", nonce="n1")
            await line.say({"op": 7, "d": None})
            again = await side.line(2)
            await again.wait(lambda frame: frame["op"] == 6)
            await client.close()
            await asyncio.gather(connecting, return_exceptions=True)
        assert (answer.content, str(answer.author.id)) == ("On its way", BOT)
