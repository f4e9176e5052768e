"""Slack's Socket Mode: acknowledged once it is kept, renewed without a gap."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websockets import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from bot.channel_settings import SlackSection
from bot.errors import TooFast, Unavailable
from connectors.messaging.events import Event
from connectors.slack_socket import SocketMode
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.slack import (
    APP,
    COMMAND,
    DM,
    TOKEN,
    WebApi,
    button,
    envelope,
    message,
)
from tests.connectors.messaging.socket_stand_in import Line, SocketStandIn

APP_TOKEN = "xapp-a-token"


class Sockets(SocketStandIn):
    """Slack's side of Socket Mode."""

    async def opened(self, line: Line) -> None:
        await line.say({"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}})


async def hand(line: Line, number: str, payload: Any, kind: str = "events_api") -> None:
    """An envelope."""
    answers = kind == "slash_commands"
    frame = {"envelope_id": number, "type": kind, "payload": payload}
    await line.say(frame | {"accepts_response_payload": answers, "retry_attempt": 0})


async def acknowledged(line: Line, number: str) -> dict[str, Any]:
    [frame] = await line.wait(lambda frame: frame.get("envelope_id") == number)
    return frame


@pytest.fixture
async def sockets() -> AsyncIterator[Sockets]:
    async with Sockets().serving() as sockets:
        assert isinstance(sockets, Sockets)
        yield sockets


@pytest.fixture
async def api(sockets: Sockets) -> AsyncIterator[WebApi]:
    api = WebApi()
    opened = {"ok": True, "url": f"{sockets.url}/link/?ticket=secret&app_id={APP}"}
    api.answer("POST", "/apps.connections.open", opened)
    async with api.serving():
        yield api


class Taking:
    """The desk, as far as Socket Mode sees it."""

    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.trouble: list[Exception] = []

    async def take(self, event: Event) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.taken.append(event)


@asynccontextmanager
async def running(sockets: Sockets, desk: Taking) -> AsyncIterator[asyncio.Task[None]]:
    async def open_url() -> str:
        return sockets.url

    def understand(kind: str, payload: Any) -> tuple[tuple[Event, ...], dict[str, Any] | None]:
        return (payload["text"],), None

    task = asyncio.create_task(SocketMode(open_url, understand).run(desk.take))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_desk_without_a_public_address_answers(
    channels: ChannelSite, api: WebApi, sockets: Sockets
) -> None:
    section = SlackSection(token=TOKEN, app=APP, app_token=APP_TOKEN, api=api.url)
    async with channels.open({"slack": ("connectors.slack", section)}) as site:
        line = await sockets.line()
        await hand(line, "e1", envelope(message(text="hi there")))
        assert await acknowledged(line, "e1") == {"envelope_id": "e1"}
        await api.wait("/chat.postMessage")
        await hand(line, "e2", button(), "interactive")
        await hand(line, "e3", COMMAND, "slash_commands")
        await hand(line, "e4", envelope(message(text="hi there")))
        shown = await acknowledged(line, "e3")
        assert shown["payload"]["text"] == "> where is it?"
        await acknowledged(line, "e4")
        texts = [each.text for each in await site.messages("slack", DM)]
        assert texts == ["hi there", "Where is it?", "where is it?"]
    [opened] = api.made("/apps.connections.open")
    assert opened.headers["authorization"] == f"Bearer {APP_TOKEN}"


async def test_nothing_is_acknowledged_before_it_is_kept(sockets: Sockets) -> None:
    desk = Taking()
    desk.trouble = [TooFast(1)]
    async with running(sockets, desk):
        line = await sockets.line()
        await hand(line, "e1", {"text": "one"})
        await hand(line, "e2", {"text": "two"})
        await acknowledged(line, "e2")
        assert [frame["envelope_id"] for frame in line.heard] == ["e2"]
        await hand(line, "e1", {"text": "one"})
        await acknowledged(line, "e1")
    assert desk.taken == ["two", "one"]


async def test_when_redis_is_away_the_connection_is_given_up(sockets: Sockets) -> None:
    desk = Taking()
    desk.trouble = [Unavailable("Redis does not answer")]
    async with running(sockets, desk) as task:
        line = await sockets.line()
        await hand(line, "e1", {"text": "one"})
        with pytest.raises(Unavailable, match="Redis"):
            await task
        await line.closed()
        assert line.heard == []


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_connection_is_renewed_while_the_old_one_is_read(
    sockets: Sockets, reason: str
) -> None:
    desk = Taking()
    async with running(sockets, desk):
        old = await sockets.line()
        await old.say({"type": "disconnect", "reason": reason, "debug_info": {"host": "x"}})
        new = await sockets.line(2)
        await hand(old, "e1", {"text": "one"})
        await acknowledged(old, "e1")
        await hand(new, "e2", {"text": "two"})
        await acknowledged(new, "e2")
        await old.close()
        await hand(new, "e3", {"text": "three"})
        await acknowledged(new, "e3")
    assert desk.taken == ["one", "two", "three"]


async def test_a_lost_connection_is_told(sockets: Sockets) -> None:
    async with running(sockets, Taking()) as task:
        await (await sockets.line()).close(1011)
        with pytest.raises(Unavailable, match="Socket Mode") as told:
            await task
        assert sockets.url not in str(told.value)


async def test_where_it_was_switched_off_the_channel_rests(
    sockets: Sockets, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(sockets, Taking()) as task:
        await (await sockets.line()).say({"type": "disconnect", "reason": "link_disabled"})
        await task
    assert "slack.socket_mode_is_off" in caplog.text


async def test_what_makes_no_sense_does_not_come_again(
    channels: ChannelSite, api: WebApi, sockets: Sockets
) -> None:
    section = SlackSection(token=TOKEN, app=APP, app_token=APP_TOKEN, api=api.url)
    async with channels.open({"slack": ("connectors.slack", section)}) as site:
        line = await sockets.line()
        for frame in ("{", "[]", b"\xff\xfe", {"type": "news"}):
            await line.say(frame)
        for number, payload in enumerate([5, {}, envelope({"type": "message"})]):
            await hand(line, f"e{number}", payload)
            await acknowledged(line, f"e{number}")
        await hand(line, "e9", envelope(message()), "of_next_year")
        await acknowledged(line, "e9")
        assert await site.nothing_was_taken()
    assert len(sockets.lines) == 1


async def test_slacks_own_client_gets_along_with_the_stand_in(
    api: WebApi, sockets: Sockets
) -> None:
    requests: asyncio.Queue[SocketModeRequest] = asyncio.Queue()

    async def listener(client: Any, request: SocketModeRequest) -> None:
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id))
        requests.put_nowait(request)

    web = AsyncWebClient(token=TOKEN, base_url=f"{api.url}/")
    client = SocketModeClient(app_token=APP_TOKEN, web_client=web)
    client.socket_mode_request_listeners.append(listener)
    await client.connect()
    try:
        line = await sockets.line()
        await hand(line, "e1", envelope(message(text="hi")))
        assert await acknowledged(line, "e1") == {"envelope_id": "e1"}
        assert (await requests.get()).payload["event"]["text"] == "hi"
        await line.say({"type": "disconnect", "reason": "refresh_requested"})
        await hand(await sockets.line(2), "e2", envelope(message(text="again")))
        assert (await requests.get()).payload["event"]["text"] == "again"
    finally:
        await client.close()
