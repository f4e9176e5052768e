"""`frontdesk serve`, and other commands beside it. More of it is in tests/test_topology.py."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.bot.cli.conftest import Frontdesk
from tests.conftest import REPOSITORY

CALLS = """
server: {port: 0, url: "https://desk.example"}
channels:
  twilio: {account: AC00000000000000000000000000000001, token: secret}
calls:
  record: true
  office_hours: Mo-Fr 09:00-17:00
  timezone: Europe/Oslo
  prefixes: ["+47"]
  call_back: {line: twilio}
  picture_link: {channel: twilio, sender: "+4722000000"}
  lines:
    twilio: {account: AC00000000000000000000000000000001, token: secret, number: "+4722000000"}
"""


@pytest.fixture
def url(project: Path, tmp_path: Path) -> Iterator[str]:
    """A served project."""
    file = project / "frontdesk.yaml"
    file.write_text(file.read_text("utf-8").replace("\nserver: {port: 0}\n", CALLS), "utf-8")
    log = tmp_path / "serve.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", "from bot.cli import main; main()", "serve", "-p", str(project)],
            stderr=written,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"},
        )
    deadline = time.monotonic() + 60
    found = None
    while not (found := re.search(r"ready at (http://\S+)", log.read_text("utf-8"))):
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < deadline
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    yield found[1]
    process.terminate()
    assert process.wait(30) == 0, log.read_text("utf-8")


def test_the_widget_an_article_and_readiness_are_served(url: str) -> None:
    assert httpx.get(f"{url}/readyz").json() == {"status": "ready"}
    assert httpx.get(f"{url}/webchat/frontdesk-chat.js").status_code == 200
    assert "Monday to Friday" in httpx.get(f"{url}/articles/opening-hours").text
    assert "was used already" in httpx.get(f"{url}/show/never-given").text
    assert httpx.get(f"{url}/show/static/page.js").status_code == 200
    assert httpx.get(f"{url}/show/static/page.html").status_code == 404


def test_a_question_beside_it_is_answered_by_the_desk_that_is_open(
    url: str, frontdesk: Frontdesk, project: Path
) -> None:
    ended = frontdesk("ask", "When are you open?", "-p", project)
    assert "Monday to Friday" in ended.stdout, ended.stderr
    assert httpx.get(f"{url}/readyz").status_code == 200


def test_a_port_that_is_taken_is_told_with_what_mends_it(
    frontdesk: Frontdesk, project: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = frontdesk("serve", "-p", project, "--port", taken.getsockname()[1])
    assert ended.returncode == 2
    assert "cannot listen" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr
