"""Discord's gateway: the connection over which a bot hears messages.

What is kept is counted: after a break the connection is taken up behind the last event that is in
Redis, and Discord sends the others again.
Sources: https://docs.discord.com/developers/events/gateway,
https://docs.discord.com/developers/topics/opcodes-and-status-codes
"""

import asyncio
import logging
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import IntEnum
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bot.errors import CustomerError, OperatorError, TooFast, Unavailable
from connectors.messaging.events import Event
from connectors.messaging.hook import Malformed
from connectors.messaging.provider import Take
from connectors.messaging.socket import connect, read_frame

log = logging.getLogger(__name__)

VERSION = 10
INTENTS = 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 14
"""Messages and reactions in servers and in direct messages, and who types there: none of them is
privileged. Content comes with direct messages and with mentions."""
_RESUMABLE = 4000
"""Closing with this code keeps the session; 1000 would end it."""
_NEW_SESSION = frozenset({4003, 4007, 4009})
"""Codes after which the session is over."""
_FOR_GOOD = {
    4004: ("the token is refused", 'copy it from "Bot" in the developer portal to DISCORD_TOKEN'),
    4010: ("the shard is refused", "report this: the desk opens one connection and no shards"),
    4011: ("the bot is in more servers than one connection may serve", "remove it from some"),
    4012: ("version 10 of the gateway is gone", "update Frontdesk"),
    4013: ("the intents are refused", "update Frontdesk"),
    4014: ("an intent is not granted", 'see "Privileged Gateway Intents" in the developer portal'),
}

After = Callable[[], Awaitable[None]]
Understand = Callable[[str, Mapping[str, Any]], tuple[tuple[Event, ...], After | None]]
"""From an event's name and data to what happened, and what is to be done once that is kept."""


class Op(IntEnum):
    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    RESUME = 6
    RECONNECT = 7
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


_chance = secrets.SystemRandom().random


class Gateway:
    def __init__(
        self,
        token: str,
        open_url: Callable[[], Awaitable[str]],
        understand: Understand,
        *,
        chance: Callable[[], float] = _chance,
    ) -> None:
        """`open_url`: asks Discord where the gateway is. `chance`: from 0 to 1, so that not all
        bots come back at once."""
        self._token = token
        self._open_url = open_url
        self._understand = understand
        self._chance = chance
        self._session = ""
        self._resume_url = ""
        self._heard: int | None = None
        """The number of the last event that came."""
        self._kept: int | None = None
        """The number of the last event that is in Redis, with all before it."""
        self._ready = False
        self._answered = True

    async def run(self, take: Take) -> None:
        """Until cancelled, or until Discord refuses the bot for good. Raises `Unavailable` where
        the connection is lost; called again, it takes up where it was."""
        try:
            while True:
                await self._connection(take)
        except OperatorError as error:
            log.error("discord.refused", extra={"reason": error.problem, "remedy": error.remedy})

    async def _connection(self, take: Take) -> None:
        """One connection, to its end. Returns where Discord wants another at once."""
        url = self._resume_url or await self._open_url()
        self._resume_url, self._ready, self._answered = "", False, True
        socket = await connect(
            f"{url.rstrip('/')}/?v={VERSION}&encoding=json", what="Discord's gateway", pings=False
        )
        if self._session:
            self._resume_url = url
        heart: list[asyncio.Task[None]] = []
        try:
            # Why it was closed is told by the code.
            async with socket:
                with suppress(ConnectionClosed):
                    async for frame in socket:
                        if await self._take_frame(socket, frame, take, heart):
                            await socket.close(_RESUMABLE)
                            if self._ready:
                                return
        finally:
            for each in heart:
                each.cancel()
            await asyncio.gather(*heart, return_exceptions=True)
        self._look_at(socket.close_code)

    def _look_at(self, code: int | None) -> None:
        """What the code means that a connection was closed with."""
        if code in _FOR_GOOD:
            problem, remedy = _FOR_GOOD[code]
            raise OperatorError(f"Discord's gateway: {problem} ({code})", remedy=remedy)
        if code in _NEW_SESSION:
            self._forget()
        raise Unavailable(f"Discord's gateway closed the connection ({code})")

    async def _take_frame(
        self,
        socket: ClientConnection,
        frame: str | bytes,
        take: Take,
        heart: list[asyncio.Task[None]],
    ) -> bool:
        """Whether another connection is wanted."""
        try:
            message = read_frame(frame)
        except Malformed as error:
            log.warning("discord.frame_malformed", extra={"reason": str(error)})
            return False
        data = message.get("d")
        match message.get("op"):
            case Op.HELLO:
                heart.append(asyncio.create_task(self._beat(socket, _interval_s(data))))
                await self._introduce(socket)
            case Op.HEARTBEAT_ACK:
                self._answered = True
            case Op.HEARTBEAT:
                await _send(socket, Op.HEARTBEAT, self._heard)
            case Op.RECONNECT:
                return True
            case Op.INVALID_SESSION:
                # One that could not be taken up is begun anew at once; one that could not be begun
                # is left to longer pauses, for only a thousand may be begun in a day.
                self._ready = bool(self._session)
                if data is not True:
                    self._forget()
                await asyncio.sleep(1 + 4 * self._chance())
                return True
            case Op.DISPATCH:
                await self._dispatch(message, take)
        return False

    async def _introduce(self, socket: ClientConnection) -> None:
        about: dict[str, Any]
        if self._session:
            about = {"token": self._token, "session_id": self._session, "seq": self._kept}
            return await _send(socket, Op.RESUME, about)
        system = {"os": sys.platform, "browser": "frontdesk", "device": "frontdesk"}
        about = {"token": self._token, "intents": INTENTS, "properties": system}
        await _send(socket, Op.IDENTIFY, about)

    async def _dispatch(self, message: Mapping[str, Any], take: Take) -> None:
        name, data, number = message.get("t"), message.get("d"), message.get("s")
        if isinstance(number, int):
            self._heard = number
        after = None
        if isinstance(name, str) and isinstance(data, dict):
            if name == "READY":
                self._session = str(data.get("session_id", ""))
                self._resume_url = str(data.get("resume_gateway_url", ""))
            if name in ("READY", "RESUMED"):
                self._ready = True
                log.info("discord.connected", extra={"how": name.lower()})
            after = await self._keep(name, data, take)
        if isinstance(number, int):
            self._kept = number
        if after:
            await after()

    async def _keep(self, name: str, data: Mapping[str, Any], take: Take) -> After | None:
        """Hand on what happened. Raises `Unavailable`: it comes again after the connection has been
        taken up."""
        try:
            events, after = self._understand(name, data)
        except Malformed as error:
            log.warning("discord.event_malformed", extra={"event": name, "reason": str(error)})
            return None
        for event in events:
            await _take_in_time(event, take)
        return after

    async def _beat(self, socket: ClientConnection, interval_s: float) -> None:
        """Show that the desk is there, and give up a connection whose other side is not."""
        await asyncio.sleep(interval_s * self._chance())
        while self._answered:
            self._answered = False
            await _send(socket, Op.HEARTBEAT, self._heard)
            await asyncio.sleep(interval_s)
        log.warning("discord.silent", extra={"interval_s": interval_s})
        await socket.close(_RESUMABLE)

    def _forget(self) -> None:
        self._session, self._resume_url = "", ""
        self._heard = self._kept = None


async def _take_in_time(event: Event, take: Take) -> None:
    """Discord itself lets nobody write faster than five messages in five seconds: whoever is too
    fast for the desk is not for long, and the others wait with them."""
    while True:
        try:
            return await take(event)
        except TooFast as error:
            await asyncio.sleep(error.retry_after_s)
        except CustomerError as error:
            return log.warning("discord.event_refused", extra={"reason": error.code})


def _interval_s(hello: Any) -> float:
    interval_ms = hello.get("heartbeat_interval") if isinstance(hello, dict) else None
    if not isinstance(interval_ms, int | float) or interval_ms <= 0:
        raise Unavailable("Discord's gateway: a hello without an interval")
    return float(interval_ms) / 1000


async def _send(socket: ClientConnection, op: Op, data: Any) -> None:
    await socket.send(msgspec.json.encode({"op": int(op), "d": data}).decode())
