"""Slack's Socket Mode: the same payloads as by webhook, over a connection that the desk opens, for
desks without a public address.

An envelope is acknowledged once what it tells is in Redis; what is not acknowledged comes again,
on this connection or on another.
Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bot.errors import CustomerError, TooFast, Unavailable
from connectors.messaging.events import Event
from connectors.messaging.hook import Malformed
from connectors.messaging.provider import Take
from connectors.messaging.socket import connect, read_frame

log = logging.getLogger(__name__)

LINGER_S = 30.0
"""How long a connection that Slack wants to close is still read; Slack closes it within ten
seconds."""

Understand = Callable[[str, Mapping[str, Any]], tuple[tuple[Event, ...], dict[str, Any] | None]]
"""From an envelope's type and payload to what happened, and what Slack shows at once."""


class SwitchedOff(Exception):
    """Socket Mode is off in the app's settings."""


class SocketMode:
    def __init__(self, open_url: Callable[[], Awaitable[str]], understand: Understand) -> None:
        """`open_url`: asks Slack for the address of a new connection; each is good for one."""
        self._open_url = open_url
        self._understand = understand

    async def run(self, take: Take) -> None:
        """Until cancelled, or until the operator has switched Socket Mode off. Raises `Unavailable`
        where a connection is lost."""
        listeners: set[asyncio.Task[None]] = set()
        try:
            while True:
                socket = await connect(await self._open_url(), what="Socket Mode")
                told = asyncio.Event()
                listener = asyncio.create_task(self._listen(socket, take, told))
                listeners.add(listener)
                await _either(told, listener)
                # Where Slack renews a connection, the old one is read while the new one opens.
                listeners = {each for each in listeners if not each.done()}
        except SwitchedOff:
            log.error(
                "slack.socket_mode_is_off",
                extra={"remedy": "switch Socket Mode on at api.slack.com/apps, then restart"},
            )
        finally:
            for each in listeners:
                each.cancel()
            await asyncio.gather(*listeners, return_exceptions=True)

    async def _listen(self, socket: ClientConnection, take: Take, told: asyncio.Event) -> None:
        """Read one connection to its end. `told` is set once Slack wants it renewed."""
        try:
            async with asyncio.timeout(None) as limit, socket:
                async for frame in socket:
                    await self._take_frame(socket, frame, take, told)
                    if told.is_set() and limit.when() is None:
                        limit.reschedule(asyncio.get_running_loop().time() + LINGER_S)
        except (TimeoutError, ConnectionClosed) as error:
            reason = type(error).__name__
        else:
            reason = "closed"
        if not told.is_set():
            raise Unavailable(f"Socket Mode: {reason}")

    async def _take_frame(
        self, socket: ClientConnection, frame: str | bytes, take: Take, told: asyncio.Event
    ) -> None:
        try:
            message = read_frame(frame)
        except Malformed as error:
            return log.warning("slack.frame_malformed", extra={"reason": str(error)})
        kind = message.get("type")
        if kind == "disconnect":
            if message.get("reason") == "link_disabled":
                raise SwitchedOff
            log.info("slack.connection_renewed", extra={"reason": str(message.get("reason"))})
            told.set()
        elif isinstance(envelope := message.get("envelope_id"), str):
            payload = message.get("payload")
            shown = await self._take_envelope(str(kind), payload, take)
            if shown is not None:
                answer: dict[str, Any] = {"envelope_id": envelope}
                if shown and message.get("accepts_response_payload"):
                    answer["payload"] = shown
                await socket.send(msgspec.json.encode(answer).decode())

    async def _take_envelope(self, kind: str, payload: Any, take: Take) -> dict[str, Any] | None:
        """What Slack shows at once; None if it is to come again. Raises `Unavailable`."""
        try:
            if not isinstance(payload, dict):
                raise Malformed("an envelope without a payload")
            events, shown = self._understand(kind, payload)
            for event in events:
                await take(event)
        except Malformed as error:
            # It would make no more sense the next time.
            log.warning("slack.envelope_malformed", extra={"kind": kind, "reason": str(error)})
            return {}
        except TooFast:
            return None
        except CustomerError as error:
            log.warning("slack.envelope_refused", extra={"kind": kind, "reason": error.code})
            return {}
        return shown or {}


async def _either(told: asyncio.Event, listener: asyncio.Task[None]) -> None:
    """Wait for the first of two; what the listener raises is raised here."""
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({waiting, listener}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if listener.done():
        listener.result()
