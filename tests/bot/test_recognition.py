"""The desk's recogniser follows the version that is to be served."""

import os
import shutil
from pathlib import Path

import pytest

from bot.recognition import Recogniser
from models.minilm import MiniLM
from models.understanding.observation import Observation
from models.understanding.training import train
from models.understanding.versions import Versions
from tests.models.understanding import shop
from tests.models.understanding.shop import setup_of

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM()


@pytest.fixture(scope="module")
def trained(minilm: MiniLM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one version."""
    versions = Versions(tmp_path_factory.mktemp("trained"))
    return versions.path(train(setup_of(minilm, shop.said()), versions).version)


def _serve(versions: Versions, trained: Path, name: str) -> Path:
    with versions.writing(name) as folder:
        for file in trained.iterdir():
            shutil.copy(file, folder)
        card = (folder / "model.json").read_text("utf-8")
        (folder / "model.json").write_text(card.replace(trained.name, name), "utf-8")
    versions.serve(name)
    return versions.path(name)


async def _best(recogniser: Recogniser) -> str:
    found = await recogniser.recognise(Observation(text="I want my money back"), "en")
    assert found
    return found.best.name


async def test_a_new_version_that_is_broken_leaves_the_one_in_use(
    trained: Path, tmp_path: Path, minilm: MiniLM, caplog: pytest.LogCaptureFixture
) -> None:
    versions = Versions(tmp_path)
    _serve(versions, trained, "1")
    recogniser = Recogniser(versions, minilm, ["en"])
    await recogniser.renew()
    broken = _serve(versions, trained, "2")
    os.truncate(broken / "network.onnx", 1000)
    await recogniser.renew()
    await recogniser.renew()
    assert recogniser.version == "1"
    assert await _best(recogniser) == "refund"
    assert caplog.messages.count("intents.not_renewed") == 1
    _serve(versions, trained, "3")
    await recogniser.renew()
    assert recogniser.version == "3"
    await recogniser.close()


async def test_a_version_that_is_deleted_while_it_serves_gives_way_to_the_one_before(
    trained: Path, tmp_path: Path, minilm: MiniLM
) -> None:
    versions = Versions(tmp_path)
    _serve(versions, trained, "1")
    second = _serve(versions, trained, "2")
    recogniser = Recogniser(versions, minilm, ["en"])
    await recogniser.renew()
    assert recogniser.version == "2"
    shutil.rmtree(second)
    await recogniser.renew()
    assert recogniser.version == "1"
    assert await _best(recogniser) == "refund"
    await recogniser.close()
