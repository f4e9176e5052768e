"""Bad callers on real sockets, held by real sessions: whatever they do, nothing is left of them.

What is made once is made by a first round of them; before and after a second one the process's
sockets and open files, its tasks, and its objects are counted.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import psutil
import pytest
from aiortc import RTCPeerConnection

from bot.calls.manner import Manner
from bot.calls.playing import Player
from bot.calls.session import CallSession
from bot.calls.switchboard import CallLimits, Switchboard
from bot.calls.transport import EndReason
from bot.calls.turn_taking import Timing
from bot.line_settings import AudioSocketLine, BrowserLine, TwilioLine
from bot.speech import Speaker
from connectors.calls.front import open_lines
from connectors.calls.line_call import LineCall
from connectors.calls.stream_socket import StreamSocket
from connectors.limiter import Rate
from connectors.webchat import Limits
from models.espeak import Espeak
from tests.builders import wait_until
from tests.connectors.calls.audiosocket_side import SECRET
from tests.connectors.calls.bad_callers import CALLERS, HeldCalls, Lines
from tests.connectors.calls.desk import PUBLIC_URL, CallSite, others
from tests.connectors.calls.twilio_side import ACCOUNT, DESK, TOKEN
from tests.connectors.conftest import Site
from tests.connectors.messaging.site import made
from tests.connectors.messaging.stand_in import StandIn

OURS = ("bot.", "connectors.", "models.", "aiortc.", "aioice.")
CALL_OBJECTS = (CallSession, Player, LineCall, StreamSocket, RTCPeerConnection)
SOON_S = 3.0
"""In place of the ten or twenty seconds that are waited for connections, and for their first
words."""
MANY = Rate(per_minute=6_000, burst=1_000)


@pytest.fixture
async def lines(closed_site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lines]:
    monkeypatch.setattr(LineCall.expect, "__defaults__", (SOON_S, EndReason.LOST))
    monkeypatch.setattr("connectors.calls.stream_socket.FIRST_FRAME_S", SOON_S)
    monkeypatch.setattr("connectors.calls.audiosocket.UUID_S", SOON_S)
    monkeypatch.setattr("connectors.calls.webrtc.CONNECT_S", SOON_S)
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.1)
    calls, api = HeldCalls(), StandIn()
    async with api.serving():
        configured = {
            "twilio": TwilioLine.model_validate(
                {"account": ACCOUNT, "token": TOKEN, "number": DESK, "api": api.url}
            ),
            "browser": BrowserLine(),
            "audiosocket": AudioSocketLine.model_validate({"secret": SECRET, "port": 0}),
        }
        async with (
            open_lines(configured, calls=calls, public_url=PUBLIC_URL) as front,
            closed_site.open(lines=front, limits=Limits(calls=MANY, sessions=MANY)) as chat,
        ):
            calls.switchboard = Switchboard(
                chat.desk,
                transcriber=lambda: made("TRANSCRIBERS", "moonshine"),
                speaker=Speaker(Espeak(), chat.desk._media),
                manner=Manner(
                    business="Shop", language="en", greeting="Hi.", timing=Timing(idle_s=0.3)
                ),
                limits=CallLimits(at_once=40),
            )
            await calls.switchboard.warm_up()
            running = asyncio.create_task(front.run())
            yield Lines(CallSite(calls, front, chat.url), chat, api)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            calls.switchboard.close()


def descriptors() -> int:
    """All that this process has open, but for its connections to Redis: of those, as many are kept
    as were needed at once."""
    process = psutil.Process()
    return process.num_fds() - len(process.net_connections("unix"))


def counted() -> dict[str, Counter[Any]]:
    gc.collect()
    process = psutil.Process()
    objects = [type(each) for each in gc.get_objects()]
    return {
        "sockets": Counter((each.type.name, each.status) for each in process.net_connections()),
        "files": Counter(each.path for each in process.open_files()),
        "descriptors": Counter({"open": descriptors()}),
        "tasks": Counter(task.get_name() for task in others()),
        "objects": Counter(
            f"{each.__module__}.{each.__qualname__}"
            for each in objects
            if str(each.__module__).startswith(OURS)
        ),
    }


def call_objects() -> list[Any]:
    """Of this process, in which a web framework's cache may keep the desk of an earlier test."""
    return [each for each in gc.get_objects() if isinstance(each, CALL_OBJECTS)]


async def test_nothing_is_left_of_bad_callers(lines: Lines) -> None:
    permanent = others()
    earlier = call_objects()

    async def round_of_callers() -> None:
        async with asyncio.timeout(40), asyncio.TaskGroup() as group:
            for callers in CALLERS.values():
                for caller in callers:
                    group.create_task(caller(lines))
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                while left := others() - permanent:
                    await asyncio.wait(left)
        assert not {task.get_name() for task in others() - permanent}
        assert lines.held == 0
        # The desk holds on to the message that it has read last: let that be the same each time.
        async with lines.chat.widget() as widget:
            await widget.say("m_1")
            await widget.next("entry")

    await round_of_callers()
    before = counted()
    await round_of_callers()
    with suppress(TimeoutError):  # then it is told below what is left
        await wait_until(lambda: descriptors() <= before["descriptors"]["open"])
    after = counted()
    left = {name: after[name] - before[name] for name in after}
    assert left == {name: Counter() for name in after}
    assert not [each for each in call_objects() if not any(each is known for known in earlier)]
