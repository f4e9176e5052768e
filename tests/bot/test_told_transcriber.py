"""The desk's transcriber is told the names in the knowledge, and told anew when they change."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bot.config import Config
from bot.engine_settings import TranscriberSection
from bot.engines import maker
from bot.knowledge import Knowledge, ingest
from bot.opening import open_desk
from bot.told_transcriber import ToldTranscriber
from models.minilm import MiniLM
from models.moonshine import MoonshineTranscriber
from models.transcriber import Transcriber
from tests.models.media import samples_of
from tests.models.transcription_server import KEY, TranscriptionServer, transcription_server

PLAN = "# The plan\n\nA screen that breaks is covered by VoltCare, and nothing else is.\n"


@pytest.fixture
def server() -> Iterator[TranscriptionServer]:
    with transcription_server() as running:
        running.answer = {"text": "Hello."}
        yield running


@pytest.fixture
def knowledge(tmp_path: Path) -> Path:
    folder = tmp_path / "knowledge"
    folder.mkdir()
    (folder / "plan.md").write_text(PLAN)
    return folder


def section(server: TranscriptionServer) -> TranscriberSection:
    return TranscriberSection(engine="openai", options={"base_url": server.url, "api_key": KEY})


async def told(
    transcriber: Callable[[], Transcriber],
    server: TranscriptionServer,
    speech: np.ndarray,
    what: str | None,
) -> None:
    """Hears, until the server is asked with these names."""
    async with asyncio.timeout(30):
        while not server.asked or server.asked[-1].get("prompt") != what:
            await asyncio.to_thread(lambda: transcriber().transcribe(speech))


@pytest.fixture
def speech(shared_data: Path) -> np.ndarray:
    return samples_of(shared_data / "ljspeech" / "LJ001-0008.wav")


async def test_names_reach_the_engine_and_change_with_the_knowledge(
    server: TranscriptionServer, knowledge: Path, tmp_path: Path, speech: np.ndarray
) -> None:
    encoder, index = MiniLM(), tmp_path / "index"
    ingest(knowledge, index, encoder)
    opened = Knowledge.open(index, encoder)
    transcriber = ToldTranscriber(maker(section(server)), ["Voltaro"])
    await asyncio.to_thread(lambda: transcriber().transcribe(speech))
    assert server.asked[0]["prompt"] == "Voltaro."
    assert transcriber() is transcriber()
    async with asyncio.TaskGroup() as group:
        following = [
            group.create_task(opened.follow(index)),
            group.create_task(transcriber.follow(opened)),
        ]
        await told(transcriber, server, speech, "Voltaro, VoltCare.")
        (knowledge / "plan.md").write_text(PLAN.replace("VoltCare", "our EcoCharge"))
        await asyncio.to_thread(ingest, knowledge, index, encoder)
        await told(transcriber, server, speech, "Voltaro, EcoCharge.")
        for task in following:
            task.cancel()
    await opened.close()


@pytest.mark.parametrize(("wanted", "prompt"), [(True, "Voltaro, VoltCare."), (False, None)])
async def test_a_desk_tells_them_unless_it_is_not_to(
    server: TranscriptionServer,
    knowledge: Path,
    tmp_path: Path,
    speech: np.ndarray,
    wanted: bool,
    prompt: str | None,
) -> None:
    chosen = section(server).model_dump(exclude_unset=True) | {"knowledge_names": wanted}
    config = Config.model_validate(
        {"name": "Voltaro", "transcriber": chosen}, context={"root": tmp_path}
    )
    async with open_desk(config) as desk:
        running = asyncio.create_task(desk.run())
        await told(desk.hearing, server, speech, prompt)
        running.cancel()


def test_an_engine_that_takes_none_is_left_as_it_is() -> None:
    transcriber = ToldTranscriber(MoonshineTranscriber, ["Voltaro"])
    assert isinstance(transcriber(), MoonshineTranscriber)
    transcriber.told(["VoltCare"])
