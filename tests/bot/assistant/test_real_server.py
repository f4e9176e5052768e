"""The assistant against a real OpenAI-compatible server, `transformers serve` on a tiny model, and
against the same server behind a line that breaks what it says."""

import asyncio
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web
from PIL import Image

from bot.assistant import Assistant, ModelFailed, open_model
from bot.assistant_settings import AssistantSection
from bot.knowledge import Knowledge
from bot.messages import AttachmentId, AttachmentKind
from bot.perception import Box, Perceived
from bot.store import Store
from tests.bot.assistant.conftest import Desk
from tests.models.tiny_sight import PICTURE_TOKENS, write_seeing_model

SAYS = ["You", " may", " send", " goods", " back", " within", " 30", " days", " of"]
SAYS += [" delivery", " [1]", "."]
TEXT = "You may send goods back within 30 days of delivery."
RETURN = "How do I return something?"
_UNLIKE = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Its address, and the name of its model."""
    folder = write_seeing_model(tmp_path_factory.mktemp("model"), SAYS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = Path(sys.executable).parent / "transformers"
    process = subprocess.Popen(
        [command, "serve", folder, "--port", str(port), "--device", "cpu"],
        env={"HF_HUB_OFFLINE": "1", "HOME": str(folder), "PATH": str(command.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not _is_up(address):
            assert process.poll() is None, "transformers serve has ended"
            assert time.monotonic() < deadline
        yield f"{address}/v1", str(folder)
    finally:
        process.terminate()
        process.wait(20)


def _is_up(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=5).is_success
    except httpx.TransportError:
        return False


class Serving(Desk):
    def call(self, address: str, model: str, **settings: Any) -> Assistant:
        # langchain keeps one client for each address and time-out, and with it the loop of the test
        # before.
        settings.setdefault("timeout_s", 20 + next(_UNLIKE) / 100)
        section = AssistantSection(model=f"openai:{model}", base_url=address, **settings)
        return self.employ(open_model(section), section)


@pytest.fixture
def serving(knowledge: Knowledge, store: Store) -> Serving:
    return Serving(knowledge, store)


async def test_a_served_model_answers_and_its_words_stream(
    serving: Serving, server: tuple[str, str]
) -> None:
    serving.call(*server)
    worded = await serving.ask(RETURN)
    assert worded.answer, worded.account
    assert worded.answer.text == TEXT
    assert len(serving.seen) > 5
    assert worded.account.tokens_in > 500
    assert worded.account.tokens_out == len(SAYS) + 1


async def test_a_served_model_sees_the_customers_picture(
    serving: Serving, server: tuple[str, str]
) -> None:
    serving.pictures["att_1"] = Image.new("RGB", (90, 60), "red")
    box = Box(1, 1, 80, 20, 1.0, "Return")
    seen = Perceived(AttachmentId("att_1"), AttachmentKind.IMAGE, shown="Return", boxes=(box,))
    tokens = []
    for images in ("never", "always"):
        serving.call(*server, images=images)
        worded = await serving.ask(RETURN, shown="Return", pictures=(seen,))
        assert worded.answer, worded.account
        tokens.append(worded.account.tokens_in)
    # Rule 8 of the prompt comes with the picture, a token a character.
    assert tokens[1] - tokens[0] > PICTURE_TOKENS


async def test_a_model_that_the_server_does_not_have_is_told(server: tuple[str, str]) -> None:
    section = AssistantSection(model="openai:nothing", base_url=server[0], timeout_s=31)
    model = open_model(section)
    with pytest.raises(ModelFailed, match=r"`assistant\.model`"):
        await model.probe()


@asynccontextmanager
async def broken_line(server: str, how: str) -> AsyncIterator[str]:
    """A proxy that passes on what the server says, but for what breaks it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if how == "key":
            return web.json_response({"error": {"message": "bad key"}}, status=401)
        if how == "rate":
            return web.json_response({"error": {"message": "slow down"}}, status=429)
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{server}/chat/completions", json=await request.json()) as upstream,
        ):
            lines = 0
            async for line in upstream.content:
                lines += 1
                if how == "garbled":
                    line = line.replace(b'"choices":[', b'"choices":{[')
                await answer.write(line)
                if lines == 9 and how == "hangs":
                    await asyncio.Event().wait()
                if lines == 9 and how == "ends":
                    await answer.write_eof()
                    return answer
                if lines == 9 and how == "hangs up":
                    assert request.transport
                    request.transport.abort()
                    return answer
        return answer

    application = web.Application()
    application.router.add_post("/v1/chat/completions", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("key", "key refused"),
        ("rate", "limited"),
        ("garbled", "malformed"),
        ("hangs", "slow"),
        ("ends", "cut off"),
        ("hangs up", "down"),
    ],
)
async def test_a_broken_line_gives_no_answer_and_a_reason(
    how: str, why: str, serving: Serving, server: tuple[str, str]
) -> None:
    async with broken_line(server[0], how) as address:
        serving.call(address, server[1], **({"timeout_s": 3} if how == "hangs" else {}))
        worded = await serving.ask(RETURN)
    assert (worded.answer, worded.account.outcome) == (None, why)
    assert not serving.seen or serving.seen[-1] == ""
