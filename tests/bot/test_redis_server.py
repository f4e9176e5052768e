import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import OperatorError
from bot.redis_server import RedisServer, socket_path
from bot.store import Store

_SERVE_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from bot.redis_server import RedisServer
from bot.store import Store

async def main():
    server = RedisServer(Path(sys.argv[1]))
    await server.start()
    store = Store(server.url)
    await store.run("XADD", "kept", "*", "field", "value")
    print(server._process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_what_was_written_outlives_a_kill_of_the_desk(tmp_path: Path) -> None:
    desk = subprocess.Popen(
        [sys.executable, "-c", _SERVE_UNTIL_KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert desk.stdout
    redis_pid = int(await asyncio.to_thread(desk.stdout.readline))
    desk.send_signal(signal.SIGKILL)
    desk.wait()
    desk.stdout.close()

    server = RedisServer(tmp_path)
    await server.start()
    store = Store(server.url)
    try:
        assert await store.run("XLEN", "kept") == 1
        assert server._process
        assert server._process.pid != redis_pid
        with pytest.raises(ProcessLookupError):
            os.kill(redis_pid, 0)
    finally:
        await store.close()
        await server.stop()


async def test_a_second_process_becomes_a_client(tmp_path: Path) -> None:
    first, second = RedisServer(tmp_path), RedisServer(tmp_path)
    await first.start()
    await second.start()
    try:
        assert first.owned
        assert not second.owned
        assert first.url == second.url
    finally:
        await second.stop()
        assert first._process
        assert first._process.poll() is None
        await first.stop()


async def test_a_server_that_dies_is_started_again(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    await server.start()
    store = Store(server.url)
    try:
        await store.run("SET", "kept", "yes")
        assert server._process
        killed = server._process
        killed.kill()
        async with asyncio.timeout(10):
            while server._process is killed:
                await asyncio.sleep(0)
            await server._wait_until_it_answers()
        assert await store.run("GET", "kept") == b"yes"
    finally:
        await store.close()
        await server.stop()


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_text("not an append-only file")
    server = RedisServer(tmp_path)
    with pytest.raises(OperatorError, match=r"ended at once[\s\S]*redis: redis://"):
        await server.start()
    await server.stop()


def test_a_deep_folder_still_has_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    assert len(os.fsencode(socket_path(deep))) <= 100
    assert socket_path(tmp_path / "x") == tmp_path / "x" / "redis.sock"
