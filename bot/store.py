"""The connection to Redis: commands that arrive together travel together.

Hundreds of conversations each issue a command or two at the same moment. `Store.run` gathers what
arrives while the last batch is on its way and sends it as one pipeline: one system call, one flush
of the append-only file, and each caller gets its own result.
"""

import asyncio
import logging
import math
from collections.abc import Mapping
from hashlib import sha1
from pathlib import Path
from typing import Any

import hiredis
import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoScriptError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.errors import OperatorError, Unavailable

log = logging.getLogger(__name__)

Argument = str | bytes | int | float

_MOST_WAITING = 20_000
"""Commands that may wait for Redis; more are refused, so that memory stays bounded."""
_LARGEST_BATCH = 500


class Script:
    """A Lua script, known to Redis by its digest."""

    def __init__(self, name: str) -> None:
        self.source = (Path(__file__).parent / "scripts" / f"{name}.lua").read_text("utf-8")
        # Redis names scripts by their SHA-1 (EVALSHA); nothing rests on it.
        self.digest = sha1(self.source.encode(), usedforsecurity=False).hexdigest()


class Store:
    """Redis, as the desk uses it."""

    def __init__(self, url: str, *, timeout_s: float = 5.0) -> None:
        """`url`: redis://, rediss:// or unix://. `timeout_s`: how long one batch may take."""
        self._redis = redis.asyncio.Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            protocol=2,  # its refusals name the reason; RESP3's first word, HELLO, hides it
        )
        self._waiting: list[tuple[tuple[Argument, ...], asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None
        self._timeout_s = timeout_s
        self.available = asyncio.Event()
        """Set while Redis answers."""

    async def connect(self) -> None:
        """Raises `OperatorError` if this Redis cannot serve, `Unavailable` if it is silent."""
        try:
            information = await self._redis.info("server")
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            # redis-py wraps it where the address names a user, and does not where it names none.
            if isinstance(error, AuthenticationError) or isinstance(
                error.__cause__, AuthenticationError
            ):
                raise _refused(error) from error
            raise Unavailable(f"Redis does not answer: {error}") from error
        except ResponseError as error:
            raise _refused(error) from error
        version = str(information["redis_version"])
        if tuple(int(part) for part in version.split(".")[:2]) < (6, 2):
            raise OperatorError(
                f"Redis is version {version}; the desk needs 6.2 or later",
                remedy="write `redis: embedded` in frontdesk.yaml, or update that Redis",
            )
        self.available.set()

    async def close(self) -> None:
        if self._sender:
            await self._sender
        await self._redis.aclose()

    def run(self, *command: Argument) -> asyncio.Future[Any]:
        """One command's result, as Redis gives it. To be awaited; two that are begun before the
        first is awaited travel together.

        Raises `Unavailable` if Redis does not answer.
        """
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if len(self._waiting) >= _MOST_WAITING:
            result.set_exception(Unavailable("too many commands are waiting for Redis"))
            return result
        self._waiting.append((command, result))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send(), name="store sender")
        return result

    async def script(self, script: Script, keys: list[str], arguments: list[Argument]) -> Any:
        """Run a script; loads it first where Redis has not seen it yet."""
        try:
            return await self.run("EVALSHA", script.digest, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.run("EVAL", script.source, len(keys), *keys, *arguments)

    async def wait_for_entries(
        self, after: Mapping[str, str], *, most: int, wait_ms: int
    ) -> list[tuple[str, list[tuple[str, dict[bytes, bytes]]]]]:
        """New entries of some streams (stream → the entry id to begin after), waited for on a
        connection of its own. Raises `Unavailable`."""
        streams: Any = dict(after)
        try:
            answer: Any = await self._redis.xread(streams, count=most, block=wait_ms)
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            self._lost(error)
            raise Unavailable(f"Redis does not answer: {error}") from error
        task = asyncio.current_task()
        if task and task.cancelling():
            # Before Python 3.12 `asyncio.wait_for`, with which redis-py sends, may lose one.
            raise asyncio.CancelledError
        return [
            (stream.decode(), [(entry.decode(), fields) for entry, fields in entries])
            for stream, entries in answer
        ]

    async def _send(self) -> None:
        """Send what waits, batch by batch, until nothing is left."""
        # Whoever runs now may have more to say in this turn of the loop: it goes along.
        await asyncio.sleep(0)
        while self._waiting:
            batch, self._waiting = (
                self._waiting[:_LARGEST_BATCH],
                self._waiting[_LARGEST_BATCH:],
            )
            try:
                answers = await self._exchange([command for command, _ in batch])
            except (RedisConnectionError, RedisTimeoutError, TimeoutError, OSError) as error:
                self._lost(error)
                answers = [Unavailable(f"Redis does not answer: {error}")] * len(batch)
            else:
                self._found()
            for (_, result), answer in zip(batch, answers, strict=True):
                if result.done():
                    continue
                if isinstance(answer, Exception):
                    result.set_exception(answer)
                    if isinstance(answer, Unavailable):
                        # Logged already. Whoever asks for several at once stops at the first.
                        result.exception()
                else:
                    result.set_result(answer)
        self._sender = None

    async def _exchange(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """One batch over one connection. redis-py packs commands in Python for asyncio, which cost
        more than all the rest of a turn; hiredis does it in C."""
        pool = self._redis.connection_pool
        connection: AbstractConnection = await pool.get_connection()
        whole = False
        try:
            async with asyncio.timeout(self._timeout_s):
                await connection.send_packed_command(
                    [hiredis.pack_command(command) for command in commands]
                )
                answers = [await _answer(connection) for _ in commands]
            whole = True
            return answers
        finally:
            if not whole:  # half-read answers must not reach the next batch
                await connection.disconnect(nowait=True)
            await pool.release(connection)

    def _lost(self, error: Exception) -> None:
        if self.available.is_set():
            log.error("redis.unavailable", extra={"reason": str(error)})
            self.available.clear()

    def _found(self) -> None:
        if not self.available.is_set():
            log.warning("redis.available_again")
            self.available.set()


def _refused(error: Exception) -> OperatorError:
    return OperatorError(
        f"Redis refuses: {error}", remedy="put its user and password into the `redis:` URL"
    )


_CANNOT_WRITE = ("OOM command not allowed", "READONLY", "MISCONF")
"""Refusals that pass: memory is full, a replica is being promoted, the disk is full."""


async def _answer(connection: AbstractConnection) -> Any:
    """One command's answer; what Redis refuses is the answer of that command alone."""
    try:
        # The time that it may take is that of its batch; another limit for each would cost more
        # than to read it.
        return await connection.read_response(timeout=math.inf)
    except ResponseError as error:
        if any(reason in str(error) for reason in _CANNOT_WRITE):
            log.error("redis.cannot_write", extra={"reason": str(error)})
            return Unavailable(f"Redis cannot write: {error}")
        return error
